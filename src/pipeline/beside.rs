//! Searches that a run does beside its own, each in a run directory of its own below the run's: those of `[[compare]]`, and all
//! under the limits of a ladder.

use super::constraints::check_constraints;
use super::ladder::{Ladder, Rung};
use super::model::{Model, name_of, trained};
use super::search::{EarlierTrials, search};
use super::training::train_supernet;
use super::workspace::Workspace;
use crate::config::{AlgorithmName, CompareConfig, CompareKind, Config};
use crate::error::{Error, Result};
use crate::report::WINNER;
use crate::run::RunDirectory;
use crate::search::Pick;
use std::path::PathBuf;

/// One of the searches.
pub(super) struct Beside<'a> {
    /// Its row of `[[compare]]`; none where it is the run's own search, under another limit.
    row: Option<&'a CompareConfig>,
    /// The limit; none where it is the config's.
    rung: Option<Rung>,
}

impl<'a> Beside<'a> {
    /// All that `config` and `ladder` ask for: those of the config's own limits first.
    pub fn all(config: &'a Config, ladder: Option<&Ladder>) -> Vec<Self> {
        let is_search = |row: &&CompareConfig| row.architecture(&config.baseline).is_none();
        let rows: Vec<&CompareConfig> = config.compare.iter().filter(is_search).collect();
        let is_other = |rung: &Rung| config.search.limits[rung.cost.name] != rung.most;
        let mut all: Vec<Self> = rows.iter().map(|row| Self { row: Some(row), rung: None }).collect();
        for rung in ladder.iter().flat_map(|ladder| ladder.rungs()).filter(is_other) {
            let rows = rows.iter().map(|row| Some(*row));
            all.extend([None].into_iter().chain(rows).map(|row| Self { row, rung: Some(rung) }));
        }
        all
    }

    /// The names of the rows that [`Self::models`] is of.
    pub fn names(&self) -> Vec<String> {
        let supernet = self.trains_supernet().then(|| supernet_name(self.group()));
        supernet.into_iter().chain([name_of(self.group(), self.rung)]).collect()
    }

    /// Finds out before hours of training whether the search has anything to find, and its run directory is one of such a search.
    ///
    /// # Errors
    /// It has not.
    pub fn check(&self, workspace: &Workspace) -> Result<()> {
        let config = self.config(workspace)?;
        let is_same = RunDirectory::check(&config.run_dir, &config.to_toml()?);
        is_same.and_then(|()| check_constraints(&config)).map_err(|error| error.at(name_of(self.group(), self.rung)))
    }

    /// Searches, where that is not done, and trains what is found. A SuperNet that was trained for it comes before it.
    ///
    /// # Errors
    /// Those of the phases.
    pub fn models(&self, workspace: &Workspace) -> Result<Vec<Model>> {
        let name = name_of(self.group(), self.rung);
        tracing::info!("{name}: a search beside the run's own");
        let own = Workspace::open(self.config(workspace)?, &workspace.device_name, "search", false)?;
        let kind = self.row.map(|row| row.kind);
        let mut models = Vec::new();
        if self.trains_supernet() {
            train_supernet(&own)?;
            models.push(Model {
                group: supernet_name(self.group()),
                rung: None,
                kind: None,
                architecture: own.space.largest(),
                folder: own.run.supernet(),
            });
        }
        let found = search(&own, &self.supernet(workspace), EarlierTrials::PutAsideIfOther, &[], Pick::Knee)?;
        let best = found.into_iter().next().ok_or_else(|| Error::failure("the search has found nothing").at(&name))?;
        let architecture = best.architecture;
        let shape = own.transformer_config(architecture.clone(), &own.space.largest());
        let folder = trained(&own, self.group(), &shape)?;
        models.push(Model { group: self.group().to_owned(), rung: self.rung, kind, architecture, folder });
        Ok(models)
    }

    fn group(&self) -> &str {
        self.row.map_or(WINNER, CompareConfig::name)
    }

    /// Whether it is the search that a SuperNet is trained for; under other limits the same one serves.
    fn trains_supernet(&self) -> bool {
        self.rung.is_none() && self.row.is_some_and(|row| row.own_supernet)
    }

    /// The SuperNet with whose weights it searches.
    fn supernet(&self, workspace: &Workspace) -> PathBuf {
        match self.row {
            Some(row) if row.own_supernet => folder(workspace, row.name(), None).join("supernet"),
            _ => workspace.run.supernet(),
        }
    }

    /// The settings of its run.
    fn config(&self, workspace: &Workspace) -> Result<Config> {
        let mut config = Config {
            run_dir: folder(workspace, self.group(), self.rung),
            compare: Vec::new(),
            ..workspace.config.clone()
        };
        if let Some(rung) = self.rung {
            config.search.limits[rung.cost.name] = rung.most;
        }
        match self.row.map(|row| row.kind) {
            Some(CompareKind::DenseSearch) => config.space = config.space.dense_part().map_err(Error::input)?,
            Some(CompareKind::RandomSearch) => {
                config.search.algorithm = AlgorithmName::new("random").expect("an algorithm of the catalog");
                config.search.surrogate = false;
            }
            _ => {}
        }
        Ok(config)
    }
}

fn supernet_name(group: &str) -> String {
    format!("{group}-supernet")
}

/// The run directory of the search of that group.
fn folder(workspace: &Workspace, group: &str, rung: Option<Rung>) -> PathBuf {
    workspace.run.search_beside(group, rung.map(|rung| rung.to_string()).as_deref())
}
