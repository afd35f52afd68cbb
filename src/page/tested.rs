//! The tested models: tables, and the loss of each against its FLOPs.

use super::facts::Facts;
use super::plot::{Axis, Plot, colour, legend, px};
use super::shown::{gflops, table};
use crate::report::{Results, TestedModel, parted, results_tables};
use maud::{Markup, html};

/// A model with what it is drawn by.
struct Point<'a> {
    model: &'a TestedModel,
    /// What it is called without the limit that it was found under.
    group: &'a str,
    /// FLOPs, and validation loss.
    at: (f64, f64),
}

impl<'a> Point<'a> {
    fn of(model: &'a TestedModel) -> Option<Self> {
        Some(Self { model, group: parted(&model.name).0, at: (model.gflops?, model.validation_loss?) })
    }
}

/// The tables of `results`; where two models at least have a loss, the picture of all.
pub(super) fn tested(facts: &Facts, results: &Results) -> Markup {
    let limit = facts.config.search.limits["gflops"];
    html! {
        @for one in &results_tables(results) { (table(one)) }
        (picture(results, limit))
    }
}

fn picture(results: &Results, limit: f64) -> Markup {
    let points: Vec<Point> = results.rows.iter().filter_map(Point::of).collect();
    if points.len() < 2 {
        return html! {};
    }
    let mut groups: Vec<&str> = Vec::new();
    for point in &points {
        if !groups.contains(&point.group) {
            groups.push(point.group);
        }
    }
    let shade = |group: &str| {
        let place = groups.iter().position(|other| *other == group).unwrap_or(0);
        colour(place as f64 / groups.len().max(2).saturating_sub(1) as f64)
    };
    let plot =
        Plot { x: Axis::of(points.iter().map(|point| point.at.0)), y: Axis::of(points.iter().map(|point| point.at.1)) };
    // Those of a search under several limits, by their FLOPs.
    let line = |group: &&str| {
        let mut of_group: Vec<(f64, f64)> =
            points.iter().filter(|point| point.group == *group).map(|point| point.at).collect();
        of_group.sort_by(|a, b| a.0.total_cmp(&b.0));
        plot.line(&of_group)
    };
    let inside = html! {
        @for group in &groups { path.curve d=(line(group)) style=(format!("stroke:{}", shade(group))) {} }
        @for Point { model, group, at } in &points {
            @let (x, y) = plot.at(*at);
            circle.on-front cx=(px(x)) cy=(px(y)) r="5" fill=(shade(group)) {
                title { (model.name) ": loss " (format!("{:.4}", at.1)) ", " (gflops(at.0)) " GFLOPs" }
            }
        }
        @if limit > 0.0 { (plot.upright(limit, &format!("limit {limit}"))) }
    };
    let entries: Vec<_> = groups.iter().map(|group| (shade(group), (*group).to_owned())).collect();
    html! {
        p.title { "Loss of the tested models against their FLOPs" }
        (legend(&entries))
        (plot.picture("Loss of the tested models against their FLOPs", ["GFLOPs of a sentence pair", "validation loss, bits a token"], &inside))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_of_one_search_are_on_one_line() {
        let of =
            |rows: &str| picture(&serde_json::from_str(&format!("{{\"rows\": [{rows}]}}")).unwrap(), 0.0).into_string();
        let row = |name: &str, gflops: f64, loss: f64| {
            format!(r#"{{"name": "{name}", "gflops": {gflops}, "validation_loss": {loss}}}"#)
        };
        assert_eq!(of(&row("winner", 1.0, 3.0)), "");
        let rows = [row("winner", 2.0, 3.0), row("baseline", 2.0, 3.5), row("winner@gflops=1", 1.0, 4.0)];
        let drawn = of(&rows.join(","));
        assert_eq!((drawn.matches("<circle").count(), drawn.matches("<path").count()), (3, 2));
        assert!(drawn.contains("winner@gflops=1: loss 4.0000, 1.000 GFLOPs"), "{drawn}");
    }
}
