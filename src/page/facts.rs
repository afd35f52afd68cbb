//! What a run's files say of it.

use crate::checksum;
use crate::config::{Config, SearchConfig};
use crate::error::{Error, Result, unless_damaged};
use crate::latency::LatencyProfile;
use crate::rank::Comparison;
use crate::report::{Reference, Repeated, Results, TestedModel, WINNER, parted};
use crate::run::atomic::is_put_aside;
use crate::run::directory::METRICS;
use crate::run::memory::SearchSpent;
use crate::run::{JsonLines, Manifest, Request, RunDirectory, atomic};
use crate::search::{Finalist, Trial, TrialLog, TrialState, best, read_winner, take_into_front};
use crate::space::{Architecture, Space};
use crate::train::Training;
use std::path::{Path, PathBuf};

/// A run, as far as it has come.
pub struct Facts {
    /// The folder, as it was given.
    pub folder: String,
    /// The shortest end of its path that no other run of the page has.
    pub name: String,
    /// What it was made with.
    pub manifest: Manifest,
    /// Its settings.
    pub config: Config,
    /// Their space.
    pub space: Space,
    /// What `automoe run` was asked for; none where it was not, or by a version that did not note it down.
    pub request: Option<Request>,
    /// What several seeds have found together.
    pub seeds: Option<Repeated>,
    /// What was tested, once all phases are over.
    pub results: Option<Results>,
    /// The trials of the search; none before it.
    pub trials: Vec<Trial>,
    /// What the search has taken; none where that is not known.
    pub search_spent: Option<SearchSpent>,
    /// The architecture that the search found, once it is over.
    pub found: Option<Architecture>,
    /// Whether what was tested is of an earlier search than the one that is there.
    pub is_searched_anew: bool,
    /// The device whose latency was predicted; none where no profile predicted, or it is gone.
    pub profile_device: Option<String>,
    /// The best trials as they were measured at length, where the search measures latency.
    pub finalists: Vec<Finalist>,
    /// How well SuperNets order architectures, where that was found out.
    pub ranking: Option<Comparison>,
    /// The SuperNet, and what was adapted.
    pub supernets: Vec<Training>,
    /// The models that were trained alone.
    pub models: Vec<Training>,
    /// The searches that belong to this run; each is called as what it finds.
    pub beside: Vec<Facts>,
    /// Which files of it, and of what belongs to it, are left out, and why: those that tell no more than a part of it.
    pub remarks: Vec<String>,
}

/// A training, as tables call it.
pub struct Named<'a> {
    /// Its name.
    pub name: String,
    /// What its log says.
    pub training: &'a Training,
    /// Another model has its name now; an earlier search has found it, mostly.
    pub is_put_aside: bool,
}

impl Facts {
    /// Reads the runs in `folders`, which may be in use, each called by as much of the end of its path as tells it from the others.
    ///
    /// # Errors
    /// No run there, or one whose settings or logs are damaged; a folder that is there twice.
    pub fn read_all(folders: &[PathBuf]) -> Result<Vec<Self>> {
        let whole = |folder: &PathBuf| folder.canonicalize().map_err(|error| Error::path(error).at(folder.display()));
        let paths: Vec<PathBuf> = folders.iter().map(whole).collect::<Result<_>>()?;
        if let Some(place) = (1..paths.len()).find(|&place| paths[..place].contains(&paths[place])) {
            return Err(Error::input("this run is given twice").at(folders[place].display()));
        }
        folders.iter().zip(apart(&paths)).map(|(folder, name)| Self::named(folder, name)).collect()
    }

    /// Reads the run in `folder`, which goes by that name.
    fn named(folder: &Path, name: String) -> Result<Self> {
        let run = RunDirectory::read_only(folder)?;
        let config = Config::load(&run.config().to_string_lossy())?;
        let of_supernets = [run.supernet(), run.adapted()].map(|folder| folder.join(METRICS));
        let (supernets, models): (Vec<_>, Vec<_>) =
            run.trainings()?.into_iter().partition(|(_, log)| of_supernets.contains(log));
        let read = |logs: Vec<(String, PathBuf)>| -> Result<_> {
            logs.into_iter().map(|(name, log)| Ok(Training { name, lines: JsonLines::read(&log)? })).collect()
        };
        // One that was begun just now may have no settings yet.
        let read_beside = |folder: &Path, name| match RunDirectory::read_only(folder)?.config().exists() {
            true => Self::named(folder, name).map(Some),
            false => Ok(None),
        };
        let (mut beside, mut remarks) = (Vec::new(), Vec::new());
        for (name, folder) in run.searches_beside()? {
            if let Some(mut search) = unless_damaged(read_beside(&folder, name), &mut remarks) {
                remarks.append(&mut search.remarks);
                beside.push(search);
            }
        }
        let request = unless_damaged(Request::read(&run.request()), &mut remarks);
        let results = run.results().exists().then(|| Results::read(&run.results())).transpose();
        let results = unless_damaged(results, &mut remarks);
        let mut trials = if run.trials().exists() { TrialLog::read(&run.trials())? } else { Vec::new() };
        // Those of a search of more generations count for nothing.
        trials.retain(|trial| trial.generation <= config.search.generations as u64);
        let found = read_winner(&run);
        let is_of_another = |found: &Option<Architecture>| {
            results.as_ref().is_some_and(|results| results.are_of_another_search(!trials.is_empty(), found.as_ref()))
        };
        let finalists = run.finalists().exists().then(|| JsonLines::read(&run.finalists())).transpose();
        Ok(Self {
            folder: folder.display().to_string(),
            name,
            manifest: run.made_with()?,
            space: config.space()?,
            seeds: unless_damaged(Repeated::of_run(folder, request.as_ref()), &mut remarks),
            request,
            // A damaged winner does not tell.
            is_searched_anew: found.as_ref().is_ok_and(is_of_another),
            results,
            trials,
            search_spent: unless_damaged(SearchSpent::read(&run.search_spent()), &mut remarks),
            found: unless_damaged(found, &mut remarks),
            profile_device: profile_device(&config.search),
            finalists: unless_damaged(finalists, &mut remarks).unwrap_or_default(),
            ranking: unless_damaged(ranking(&run.ranking()), &mut remarks),
            supernets: read(supernets)?,
            models: read(models)?,
            beside,
            config,
            remarks,
        })
    }

    /// The tested model of this name.
    pub fn tested(&self, name: &str) -> Option<&TestedModel> {
        self.results.as_ref()?.rows.iter().find(|row| row.name == name)
    }

    /// The dense model that the winner is compared with.
    pub fn dense(&self) -> Option<&TestedModel> {
        let compared = self.tested(WINNER).and_then(|winner| winner.beside(Reference::Dense));
        // Older results, and those without translations, do not compare.
        self.tested(compared.map_or("baseline", |compared| &compared.with))
    }

    /// The trainings of SuperNets, of this run and of those that belong to it, by the names that tables give them.
    pub fn all_supernets(&self) -> Vec<Named<'_>> {
        let named = |name, training| Named { name, training, is_put_aside: false };
        let own = self.supernets.iter().map(|training| named(training.name.clone(), training));
        let beside = self.beside.iter().flat_map(|search| {
            let supernets = search.supernets.iter();
            supernets.map(move |training| named(format!("{}-{}", search.name, training.name), training))
        });
        own.chain(beside).collect()
    }

    /// As [`Self::all_supernets`], those of models that were trained alone, in the order of the tables.
    pub fn all_models(&self) -> Vec<Named<'_>> {
        let beside = self.beside.iter().flat_map(|search| search.models_under(parted(&search.name).1));
        let rows = self.results.iter().flat_map(|results| &results.rows);
        let rows: Vec<&str> = rows.map(|row| row.name.as_str()).collect();
        let mut all: Vec<_> = self.models_under("").into_iter().chain(beside).collect();
        all.sort_by_key(|model| rows.iter().position(|row| *row == model.name).unwrap_or(rows.len()));
        all
    }

    /// Those of this run alone, which were found under that limit.
    fn models_under(&self, limit: &str) -> Vec<Named<'_>> {
        let names: Vec<String> = self.models.iter().map(|training| training.name.clone()).collect();
        let named = |training| {
            let Training { name, .. }: &Training = training;
            Named { name: format!("{name}{limit}"), training, is_put_aside: is_put_aside(name, &names) }
        };
        self.models.iter().map(named).collect()
    }

    /// All of these.
    pub fn all_trainings(&self) -> Vec<Named<'_>> {
        self.all_supernets().into_iter().chain(self.all_models()).collect()
    }

    /// The wall time of this search in seconds; where that is not known, the sum of what its evaluations took, each by its own clock,
    /// though some may have gone side by side.
    pub fn searched(&self) -> Searched {
        match self.search_spent.and_then(|spent| spent.seconds) {
            Some(seconds) => Searched { seconds, is_sum: false },
            None => Searched {
                seconds: self.trials.iter().map(|trial| trial.seconds).sum(),
                is_sum: !self.trials.is_empty(),
            },
        }
    }

    /// As [`Self::searched`], of this search and of those that belong to it.
    pub fn all_searched(&self) -> Searched {
        self.beside.iter().fold(self.searched(), |sum, search| {
            let own = search.all_searched();
            Searched { seconds: sum.seconds + own.seconds, is_sum: sum.is_sum || own.is_sum }
        })
    }

    /// The complete trials, best first by loss.
    pub fn best_trials(&self) -> Vec<&Trial> {
        best(&self.trials, usize::MAX)
    }

    /// How many trials have ended how, such as `30 complete, 2 failed`.
    pub fn states(&self) -> String {
        let count = |state| self.trials.iter().filter(|trial| trial.state == state).count();
        let further =
            [(TrialState::Pruned, "pruned"), (TrialState::Dropped, "dropped"), (TrialState::Failed, "failed")];
        let further = further.into_iter().map(|(state, name)| (count(state), name)).filter(|(count, _)| *count > 0);
        let all = [(count(TrialState::Complete), "complete")].into_iter().chain(further);
        all.map(|(count, name)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
    }

    /// The trials that no other beats in both loss and this figure, by the figure.
    pub fn front(&self, figure: &str) -> Vec<&Trial> {
        let mut front = Vec::new();
        for trial in self.best_trials() {
            if let (Some(own), Some(loss)) = (trial.figure(figure), trial.complete_loss()) {
                take_into_front(&mut front, (trial, [own, loss]), |(_, figures)| *figures);
            }
        }
        front.into_iter().map(|(trial, _)| trial).collect()
    }

    /// What the run found: the architecture that was tested as the winner, before that what the search found, or before its end the
    /// best of it.
    pub fn winner(&self) -> Option<Architecture> {
        let tested = self.tested(WINNER).and_then(|row| row.architecture.clone());
        let best = || Some(self.best_trials().first()?.architecture.clone());
        tested.or_else(|| self.found.clone()).or_else(best)
    }

    /// The trial of the winner.
    pub fn winning_trial(&self) -> Option<&Trial> {
        let winner = self.winner()?;
        self.trials.iter().find(|trial| trial.architecture == winner && trial.complete_loss().is_some())
    }
}

/// Of each of `paths`, all different, the shortest end that no other has.
fn apart(paths: &[PathBuf]) -> Vec<String> {
    let end = |path: &Path, parts: usize| {
        let all: Vec<_> = path.components().collect();
        all[all.len().saturating_sub(parts)..].iter().collect::<PathBuf>()
    };
    let name = |path: &PathBuf| {
        let is_alone =
            |parts: &usize| paths.iter().filter(|other| end(other, *parts) == end(path, *parts)).count() == 1;
        let parts = (1..path.components().count()).find(is_alone);
        parts.map_or_else(|| path.clone(), |parts| end(path, parts)).display().to_string()
    };
    paths.iter().map(name).collect()
}

/// What searches have taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Searched {
    /// Wall time.
    pub seconds: f64,
    /// Whether it is, of some search at least, the sum of what evaluations took.
    pub is_sum: bool,
}

/// The device of the profile that the search predicts latency with.
fn profile_device(settings: &SearchConfig) -> Option<String> {
    let profile = settings.predicts_latency().then(|| LatencyProfile::read(&settings.latency_profile));
    profile?.ok().map(|profile| profile.device)
}

/// What `automoe rank` has found, in the file at `path`; none where there is no such file.
fn ranking(path: &Path) -> Result<Option<Comparison>> {
    let Some(text) = atomic::read(path)? else { return Ok(None) };
    let read = checksum::from_text(&text, "what automoe rank has found", "automoe rank writes it anew");
    read.map(Some).map_err(|error| error.at(path.display()))
}

#[cfg(test)]
mod tests;
