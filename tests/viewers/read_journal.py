"""Prints what Optuna reads in a journal: trials, the best of them, importances, as JSON."""

import json
import sys
import warnings

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

warnings.simplefilter("ignore")
storage = JournalStorage(JournalFileBackend(sys.argv[1]))
[name] = optuna.get_all_study_names(storage)
study = optuna.load_study(study_name=name, storage=storage)
trials = [
    {
        "id": trial.user_attrs["id"],
        "state": trial.state.name,
        "values": trial.values,
        "params": trial.params,
        "constraints": trial.system_attrs["constraints"],
        "seconds": trial.duration.total_seconds(),
    }
    for trial in study.trials
]
found = {"name": name, "trials": trials, "best": [trial.user_attrs["id"] for trial in study.best_trials]}
target = (lambda trial: trial.values[0]) if len(study.directions) > 1 else None
evaluator = optuna.importance.PedAnovaImportanceEvaluator()
found["importances"] = optuna.importance.get_param_importances(study, evaluator=evaluator, target=target)
found["directions"] = [direction.name for direction in study.directions]
print(json.dumps(found))
