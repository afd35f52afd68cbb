//! How well measures order architectures, as tables.

use super::table::{Cell, Column, Rounding, Row, Table};
use crate::rank::{Comparison, Estimate, Interval, Taus};

/// A table of the measures, and one of their differences.
pub fn rank_tables(comparison: &Comparison) -> [Table; 2] {
    let figures = [
        Column::new("error_bits", "error bits", 3),
        Column::new("error_bleu", "error BLEU", 2),
        Column::new("regret_bits", "regret bits", 3),
        Column::new("regret_bleu", "regret BLEU", 2),
    ];
    let measures = comparison.measures.iter().map(|measure| {
        let figures = [measure.error_bits.into(), measure.error_bleu.into()];
        let regrets = [measure.regret_bits.into(), measure.regret_bleu.into()];
        row(&measure.name, &measure.tau, figures.into_iter().chain(regrets))
    });
    let ceiling = comparison.ceiling.iter().map(|ceiling| {
        let name = format!("another seed ({} architectures)", ceiling.architectures);
        let figures = [ceiling.deviation_bits.into(), Cell::Missing, Cell::Missing, Cell::Missing];
        let remark = "how well two trainings agree; the error is the standard deviation from seed to seed";
        Row { remark: Some(remark.into()), ..row(&name, &ceiling.tau, figures.into_iter()) }
    });
    let differences = comparison.differences.iter().map(|difference| {
        row(&format!("{} − {}", difference.of, difference.less), &difference.tau, std::iter::empty())
    });
    let table = |title: &str, figures: &[Column], rows| Table {
        title: title.into(),
        columns: columns().into_iter().chain(figures.iter().copied()).collect(),
        rows,
    };
    let pairs = comparison.measures.first().map_or(String::new(), |measure| {
        let Taus { all, equal_depth, equal_flops } = &measure.tau;
        let [all, depth, flops] = [all, equal_depth, equal_flops].map(|estimate| estimate.pairs);
        format!(" ({all} pairs, {depth} of equal depth, {flops} of about equal FLOPs)")
    });
    [
        table(
            &format!("Kendall's τ with losses of architectures trained alone{pairs}"),
            &figures,
            measures.chain(ceiling).collect(),
        ),
        table("Differences", &[], differences.collect()),
    ]
}

fn columns() -> Vec<Column> {
    let rounding = Rounding::Decimals(2);
    let of = |(key, interval, heading)| {
        [Column { key, heading, rounding }, Column { key: interval, heading: "95 %", rounding }]
    };
    let taus = [
        ("tau", "interval", "τ"),
        ("tau_equal_depth", "interval_equal_depth", "τ equal depth"),
        ("tau_equal_flops", "interval_equal_flops", "τ equal FLOPs"),
    ];
    [Column::new("measure", "measure", 0)].into_iter().chain(taus.into_iter().flat_map(of)).collect()
}

fn row(name: &str, taus: &Taus, figures: impl Iterator<Item = Cell>) -> Row {
    let estimates = [&taus.all, &taus.equal_depth, &taus.equal_flops];
    let taus = estimates.into_iter().flat_map(|estimate| [estimate.tau.into(), interval(estimate)]);
    Row { cells: [Cell::from(name)].into_iter().chain(taus).chain(figures).collect(), remark: None }
}

fn interval(estimate: &Estimate) -> Cell {
    estimate.interval.map(|Interval(low, high)| format!("{low:.2} to {high:.2}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rank::{Measure, Sample, compare};
    use crate::report::Exporter;
    use crate::report::export::Text;

    #[test]
    fn every_measure_and_every_difference_has_its_row() {
        let samples: Vec<Sample> = (1..=6)
            .map(|place| Sample {
                gflops: f64::from(place),
                decoder_layers: 1,
                loss: 8.0 - f64::from(place),
                bleu: 30.0,
            })
            .collect();
        let losses: Vec<f64> = samples.iter().map(|sample| sample.loss + 0.25).collect();
        let measures = [
            Measure::of_weights("runs/a/supernet", losses.clone(), vec![29.0; 6]),
            Measure::of_size("GFLOPs", samples.iter().map(|sample| sample.gflops)),
        ];
        let compared = compare(&samples, &measures, &[losses], 0.05, 1);
        let tables = rank_tables(&compared);
        assert!(
            tables
                .iter()
                .flat_map(|table| table.rows.iter().map(|row| (row, &table.columns)))
                .all(|(row, columns)| row.cells.len() == columns.len())
        );
        let text = Text.export(&tables);
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        let weights = "runs/a/supernet 1.00 1.00 to 1.00 1.00 1.00 to 1.00 – – 0.250 1.00 0.000 0.00";
        assert!(lines.contains(&weights.split(' ').collect()), "{text}");
        assert!(
            text.starts_with(
                "Kendall's τ with losses of architectures trained alone (15 pairs, 15 of equal depth, 0 of about"
            ),
            "{text}"
        );
        assert!(text.contains("another seed (6 architectures)") && text.contains("runs/a/supernet − GFLOPs"), "{text}");
    }
}
