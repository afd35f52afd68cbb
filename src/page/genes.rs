//! Which genes decide about the loss.

use super::facts::Facts;
use crate::regression::Ridge;
use crate::search::Trial;
use crate::space::Space;
use maud::{Markup, html};
use nalgebra::{DMatrix, DVector};
use std::collections::{BTreeMap, BTreeSet};

/// The fewest trials that a regression says anything of.
const LEAST: usize = 20;
/// Trials that are looked at, and genes: what is beyond costs seconds.
const MOST: usize = 3_000;
const MOST_GENES: usize = 150;
/// Genes that are shown.
const SHOWN: usize = 15;

/// The genes by importance.
pub(super) fn genes(facts: &Facts) -> Markup {
    match importance(&facts.space, &facts.best_trials()) {
        Err(cause) => html! { p.note { (cause) } },
        Ok(important) => html! {
            p.note { "By a ridge regression of the loss on the genes of all layers and their squares. What it makes of a trial is a sum of "
                "parts, one a gene, in all of its layers together; the share of a gene is that of its part's variance in the sum of the "
                "parts' variances. Parts that go together do not add up to the variance of the whole." }
            div.wide { table {
                thead { tr { th.text { "gene" } th.number { "share %" } th { "" } } }
                tbody { @for (key, share) in important.iter().take(SHOWN) { tr {
                    td.text { code { (key) } }
                    td.number { (format!("{:.1}", 100.0 * share)) }
                    td { svg viewBox="0 0 200 10" style="width:200px;min-width:200px" aria-hidden="true" {
                        rect.bar x="0" y="0" height="10" width=(format!("{:.1}", 200.0 * share)) {}
                    } }
                } } }
            } }
        },
    }
}

/// The share of each gene's key, the largest first; or why there is none to tell.
fn importance(space: &Space, trials: &[&Trial]) -> Result<Vec<(String, f64)>, String> {
    if trials.len() < LEAST {
        return Err(format!("Too few complete trials: {} of {LEAST} that a regression needs.", trials.len()));
    }
    // Good and bad ones alike.
    let trials: Vec<&Trial> = trials.iter().step_by(trials.len().div_ceil(MOST)).copied().collect();
    let named: Vec<BTreeMap<String, (String, f64)>> = trials
        .iter()
        .map(|trial| {
            space
                .named_values(&trial.architecture)
                .into_iter()
                .map(|gene| {
                    let most = gene.choices.last().copied().unwrap_or(1).max(1);
                    (gene.name, (gene.key, gene.value as f64 / most as f64))
                })
                .collect()
        })
        .collect();
    let genes: Vec<(&String, &String)> =
        named.iter().flatten().map(|(name, (key, _))| (name, key)).collect::<BTreeSet<_>>().into_iter().collect();
    if genes.is_empty() {
        return Err("The space has no genes.".to_owned());
    }
    if genes.len() > MOST_GENES {
        return Err(format!("Too many genes: {} of {MOST_GENES} at most.", genes.len()));
    }
    let columns = 2 * genes.len();
    // A gene of a layer that an architecture has not tells nothing of it.
    let means: Vec<f64> =
        genes.iter().map(|(name, _)| mean(named.iter().filter_map(|genes| genes.get(*name)))).collect();
    let value = |row: usize, gene: usize| named[row].get(genes[gene].0).map_or(means[gene], |(_, value)| *value);
    let rows = DMatrix::from_fn(trials.len(), columns, |row, column| {
        let value = value(row, column / 2);
        if column % 2 == 0 { value } else { value * value }
    });
    let losses = DVector::from_iterator(trials.len(), trials.iter().map(|trial| trial.loss.unwrap_or_default()));
    let ridge = Ridge::fit(rows.clone(), &losses).ok_or("The genes do not tell the loss.")?;
    let mut sums: BTreeMap<&String, DVector<f64>> = BTreeMap::new();
    for (index, term) in ridge.terms.iter().enumerate() {
        let part = rows.column(index).map(|x| term.coefficient * (x - term.mean));
        sums.entry(genes[index / 2].1).and_modify(|sum| *sum += &part).or_insert(part);
    }
    let variances: Vec<_> = sums.into_iter().map(|(key, sum)| (key.clone(), sum.variance())).collect();
    let all: f64 = variances.iter().map(|(_, variance)| variance).sum();
    let mut shares: Vec<_> = variances.into_iter().map(|(key, variance)| (key, variance / all)).collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    if all > 0.0 { Ok(shares) } else { Err("The genes do not tell the loss.".to_owned()) }
}

/// The mean value of a gene where it is there.
fn mean<'a>(values: impl Iterator<Item = &'a (String, f64)>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), (_, value)| (sum + value, count + 1.0));
    sum / count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::search::testing;
    use crate::seed;

    #[test]
    fn the_gene_that_decides_has_nearly_all() {
        let space = Config::load("toy").unwrap().space().unwrap();
        let trial = |id| {
            let architecture = space.sample(&mut seed::stream(1, "test", id));
            let noise = (id * 7 % 11) as f64 / 1e3;
            let loss = 5.0 - architecture.decoder.layers.len() as f64 + noise;
            Trial { architecture, ..testing::trial(id, Some(loss)) }
        };
        let trials: Vec<Trial> = (0..200).map(trial).collect();
        let trials: Vec<&Trial> = trials.iter().collect();
        let shares = importance(&space, &trials).unwrap();
        assert!(shares[0].0 == "decoder_layer_num" && shares[0].1 > 0.75, "{shares:?}");
        // That deep ones have more layers with such genes tells nothing of these genes.
        let share = |key: &str| shares.iter().find(|(known, _)| known == key).unwrap().1;
        assert!(share("decoder_ffn_embed_dim") < 1e-3 && share("decoder_n_experts") < 1e-3, "{shares:?}");
        assert!((shares.iter().map(|(_, share)| share).sum::<f64>() - 1.0).abs() < 1e-9);
        let cause = importance(&space, &trials[..10]).unwrap_err();
        assert_eq!(cause, "Too few complete trials: 10 of 20 that a regression needs.");
    }
}
