//! How the models of a run compare: FLOPs, BLEU by a paired bootstrap, and FLOPs at equal validation loss.

use super::hypotheses::kept;
use super::model::Model;
use super::workspace::Workspace;
use crate::config::CompareKind;
use crate::error::Result;
use crate::metrics::{BleuConfig, BleuStatistics, Bootstrap, Resampled};
use crate::report::{Compared, Curve, Quality, Reading, Reference, TestedModel, WINNER};

/// Compares each of `rows`, those of `models`, with the dense references among them.
///
/// # Errors
/// Hypotheses that cannot be scored.
pub(super) fn compare(workspace: &Workspace, models: &[Model], rows: &mut [TestedModel]) -> Result<()> {
    let resampled = resampled(workspace, rows)?;
    for place in 0..rows.len() {
        let references =
            [(Reference::Dense, dense(models)), (Reference::DenseSearch, dense_search(models, &models[place]))];
        let compared = references.into_iter().filter_map(|(reference, other)| {
            let other = other.filter(|other| *other != place)?;
            let difference = resampled[place].as_ref()?.difference(resampled[other].as_ref()?);
            Some(Compared {
                reference,
                with: rows[other].name.clone(),
                gflops: rows[place].gflops? / rows[other].gflops?,
                bleu: difference.score,
                bleu_interval: difference.interval.into(),
                // Of such scores sacreBLEU's formula says that the difference is significant.
                p_value: if difference.is_none { 1.0 } else { difference.p_value },
            })
        });
        rows[place].compared = compared.collect();
    }
    Ok(())
}

/// The place of the first dense model made by hand.
fn dense(models: &[Model]) -> Option<usize> {
    models.iter().position(|model| model.kind == Some(CompareKind::Dense))
}

/// The place of what the first dense search has found under the limit of `model`.
fn dense_search(models: &[Model], model: &Model) -> Option<usize> {
    let is_search = |other: &Model| other.kind == Some(CompareKind::DenseSearch) && other.rung == model.rung;
    models.iter().position(is_search)
}

/// BLEU of each row whose hypotheses are kept, on the same resamples of the test set.
fn resampled(workspace: &Workspace, rows: &[TestedModel]) -> Result<Vec<Option<Resampled>>> {
    let config = BleuConfig::default();
    let references = [workspace.prepared.test_references.clone()];
    let count = |row: &TestedModel| {
        let lines = kept(&workspace.run, &row.name, row.hypotheses.as_ref()?);
        lines.map(|lines| BleuStatistics::of_corpus(&lines, &references, &config))
    };
    let counted = rows.iter().map(|row| count(row).transpose()).collect::<Result<Vec<_>>>()?;
    let known: Vec<Vec<BleuStatistics>> = counted.iter().flatten().cloned().collect();
    let score = |counts: &BleuStatistics| counts.score(&config, 1).score;
    let mut systems = Bootstrap::default().resample(&BleuStatistics::new(config.max_order), &known, score).into_iter();
    Ok(counted.iter().map(|counts| counts.as_ref().and_then(|_| systems.next())).collect())
}

/// What FLOPs the models of each search need to be as good as the dense model; nothing where that, or the limits of a ladder, are
/// missing.
pub(super) fn readings(models: &[Model], rows: &[TestedModel]) -> Vec<Reading> {
    let Some(dense) = dense(models).filter(|_| models.iter().any(|model| model.rung.is_some())) else {
        return Vec::new();
    };
    let is_search = |model: &&Model| match model.kind {
        None => model.group == WINNER,
        Some(kind) => [CompareKind::DenseSearch, CompareKind::RandomSearch].contains(&kind),
    };
    let searches = || models.iter().filter(is_search).filter(|model| model.rung.is_none());
    let dense_search = searches().find(|model| model.kind == Some(CompareKind::DenseSearch));
    let dense_search = dense_search.map(|model| model.group.as_str());
    let by = |quality: Quality| {
        let point = |row: &TestedModel| Some((row.gflops?, row.quality(quality)?));
        let curve = |search: &Model| Curve {
            search: search.group.clone(),
            points: models
                .iter()
                .zip(rows)
                .filter(|(model, _)| model.group == search.group)
                .filter_map(|(_, row)| point(row))
                .collect(),
        };
        let curves: Vec<Curve> = searches().map(curve).collect();
        point(&rows[dense]).map_or_else(Vec::new, |dense| Reading::of_curves(quality, dense, dense_search, &curves))
    };
    Quality::ALL.into_iter().flat_map(by).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::ladder::Ladder;
    use crate::report::Results;
    use crate::space::Architecture;
    use serde_json::json;

    /// A model's group, limit and kind, its FLOPs and its loss.
    type Given = (&'static str, Option<&'static str>, Option<CompareKind>, f64, f64);

    /// The models, and their rows.
    fn run(models: &[Given]) -> (Vec<Model>, Vec<TestedModel>) {
        let model = |&(group, limit, kind, ..): &Given| Model {
            group: group.to_owned(),
            rung: limit.and_then(|limit| limit.parse::<Ladder>().unwrap().rungs().next()),
            kind,
            architecture: Architecture::dense(4, 4, 1, 1, 1),
            folder: group.into(),
        };
        let rows = models
            .iter()
            .map(|(name, .., gflops, loss)| json!({"name": name, "gflops": gflops, "validation_loss": loss}));
        let results: Results = serde_json::from_value(json!({"rows": rows.collect::<Vec<_>>()})).unwrap();
        (models.iter().map(model).collect(), results.rows)
    }

    #[test]
    fn each_search_is_read_at_the_dense_models_loss() {
        let (dense, search) = (Some(CompareKind::Dense), Some(CompareKind::DenseSearch));
        let all = [
            ("supernet", None, None, 9.0, 1.0),
            ("winner", None, None, 4.0, 1.5),
            ("winner-2", None, None, 0.1, 1.0),
            ("baseline", None, dense, 8.0, 2.0),
            ("smaller", None, dense, 6.0, 2.5),
            ("nas", None, search, 4.0, 2.0),
            ("winner", Some("gflops=1"), None, 1.0, 2.5),
            ("nas", Some("gflops=1"), search, 1.0, 3.0),
        ];
        let (models, rows) = run(&all);
        let found = readings(&models, &rows);
        assert_eq!(found.iter().map(|reading| reading.search.as_str()).collect::<Vec<_>>(), ["winner", "nas"]);
        let [winner, nas] = [0, 1].map(|place| &found[place]);
        // Half of the way from 1 to 4 GFLOPs in logarithms.
        assert!((winner.gflops.unwrap() - 2.0).abs() < 1e-12 && winner.models == 2 && winner.at == 2.0);
        assert!(
            (winner.of_dense.unwrap() - 0.25).abs() < 1e-12 && (winner.of_dense_search.unwrap() - 0.5).abs() < 1e-12
        );
        assert_eq!((nas.gflops, nas.of_dense, nas.of_dense_search), (Some(4.0), Some(0.5), Some(1.0)));
        assert_eq!((super::dense(&models), super::dense_search(&models, &models[6])), (Some(3), Some(7)));
        // Where the smallest model of the dense search is as good, less than its FLOPs may do.
        let mut as_good = all;
        as_good[7].4 = 2.0;
        let (models, rows) = run(&as_good);
        let found = readings(&models, &rows);
        assert!(found[1].is_bound && !found[0].is_bound && found[0].of_dense.is_some());
        assert!(found.iter().all(|reading| reading.of_dense_search.is_none()), "{found:?}");
        // Without a ladder, or a dense model, there is nothing to read.
        let (models, rows) = run(&all[..6]);
        assert_eq!(readings(&models, &rows), []);
        let (models, rows) = run(&[all[1], all[6]]);
        assert_eq!(readings(&models, &rows), []);
    }
}
