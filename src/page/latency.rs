//! Latency as the search had it, and as it was measured.

use super::facts::Facts;
use super::plot::{Axis, Plot, px};
use super::shown::table;
use crate::catalog::LATENCY_MS;
use crate::report::{Column, Rounding, Row, Table};
use crate::space::Architecture;
use maud::{Markup, html};

/// A latency of the search beside a measurement of the same architecture.
struct Pair {
    name: String,
    searched_ms: f64,
    measured_ms: f64,
}

/// A point and a row for each tested model, and each trial measured at length, that the search had a latency for; none: nothing.
pub(super) fn latency(facts: &Facts) -> Option<Markup> {
    let pairs = pairs(facts);
    let source = source(facts.config.search.measures_latency(), facts.profile_device.as_deref());
    (!pairs.is_empty()).then(|| {
        html! {
            p.note { "In the search, latency was " (source) ". On the dashed line both are the same; a point tells its name under the pointer." }
            (plot(&pairs)) (table(&rows(&pairs)))
        }
    })
}

/// Where the search had latency from: measurements, or a profile of this device.
fn source(is_measured: bool, device: Option<&str>) -> String {
    if is_measured {
        return "measured in a few passes".to_owned();
    }
    let device = device.unwrap_or("a device that is not known, for the profile cannot be read");
    format!("predicted by a profile of {device}, which need not be the device that was measured on")
}

fn pairs(facts: &Facts) -> Vec<Pair> {
    let pair = |name: String, architecture: &Architecture, measured_ms: f64| {
        let trial = facts.trials.iter().find(|trial| trial.architecture == *architecture)?;
        Some(Pair { name, searched_ms: trial.figure(LATENCY_MS)?, measured_ms })
    };
    let models = facts.results.iter().flat_map(|results| &results.rows);
    let models =
        models.filter_map(|model| pair(model.name.clone(), model.architecture.as_ref()?, model.latency?.total_ms()));
    let finalists = facts.finalists.iter();
    let finalists = finalists.filter_map(|one| pair(format!("trial {}", one.id), &one.architecture, one.latency_ms));
    models.chain(finalists).collect()
}

fn plot(pairs: &[Pair]) -> Markup {
    let axis = Axis::of(pairs.iter().flat_map(|pair| [pair.searched_ms, pair.measured_ms]));
    let plot = Plot { x: axis, y: axis };
    let ends = axis.ends();
    let inside = html! {
        path.limit fill="none" d=(plot.line(&[(ends.0, ends.0), (ends.1, ends.1)])) {}
        @for pair in pairs {
            @let (x, y) = plot.at((pair.measured_ms, pair.searched_ms));
            circle.bar cx=(px(x)) cy=(px(y)) r="4" {
                title { (format!("{}: {:.3} ms in the search, {:.3} ms measured", pair.name, pair.searched_ms, pair.measured_ms)) }
            }
        }
    };
    plot.picture("Latency in the search against latency measured", ["measured, ms", "in the search, ms"], &inside)
}

fn rows(pairs: &[Pair]) -> Table {
    let column = |key, heading| Column { key, heading, rounding: Rounding::ThreeDigits };
    let columns = vec![
        Column::new("model", "model", 0),
        column("search_ms", "in the search, ms"),
        column("measured_ms", "measured, ms"),
        Column::new("difference", "difference %", 1),
    ];
    let row = |pair: &Pair| {
        let difference = 100.0 * (pair.searched_ms / pair.measured_ms - 1.0);
        let cells =
            vec![pair.name.as_str().into(), pair.searched_ms.into(), pair.measured_ms.into(), difference.into()];
        Row { cells, remark: None }
    };
    Table { title: String::new(), columns, rows: pairs.iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_of_the_profile_is_told() {
        for (is_measured, device, told) in [
            (true, None, "measured in a few passes"),
            (false, Some("a phone"), "predicted by a profile of a phone, which need not be"),
            (false, None, "predicted by a profile of a device that is not known"),
        ] {
            assert!(source(is_measured, device).starts_with(told), "{told}");
        }
    }
}
