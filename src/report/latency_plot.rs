//! Two plots of latencies beside each other, as SVG: predicted against measured, and measured by decoder layers.

use crate::error::{Error, Result};
use crate::latency::TestedRow;
use plotters::coord::Shift;
use plotters::prelude::*;
use std::collections::BTreeMap;

/// Width and height of the whole picture, pixels.
const SIZE: (u32, u32) = (1080, 500);
/// Room around each plot, pixels.
const MARGIN: u32 = 14;
/// Room for the numbers along an axis and its name, pixels: below and at the left.
const LABELS: (u32, u32) = (42, 54);
/// Radius of a point, pixels.
const RADIUS: i32 = 3;
/// Half the width of what stands for one number of layers, in layers.
const COLUMN: f64 = 0.3;
/// Points of a column are set beside each other in so many places.
const PLACES: usize = 7;
/// The font of all text.
const FONT: &str = "sans-serif";

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// The plots of `rows` (one at least) as SVG; `device` is named above them, and how good the predictions are.
///
/// # Errors
/// Never for figures that are finite.
pub fn latency_plot(device: &str, mape: f64, rows: &[TestedRow]) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        draw(&area, device, mape, rows).map_err(|error| Error::failure(format!("cannot draw the plot: {error}")))?;
    }
    Ok(svg)
}

fn draw(area: &Area, device: &str, mape: f64, rows: &[TestedRow]) -> Drawn {
    area.fill(&WHITE)?;
    let title = format!("{device}: {} test rows, mean error {:.1} %", rows.len(), 100.0 * mape);
    let area = area.titled(&title, (FONT, 18))?;
    let (left, right) = area.split_horizontally(SIZE.0 / 2);
    draw_predictions(&left, rows)?;
    draw_layers(&right, rows)?;
    area.present()
}

/// Predicted against measured, and the line on which they are equal.
fn draw_predictions(area: &Area, rows: &[TestedRow]) -> Drawn {
    let most = 1.05 * largest(rows.iter().flat_map(|row| [row.measured_ms, row.predicted_ms]));
    let mut chart = ChartBuilder::on(area)
        .margin(MARGIN)
        .x_label_area_size(LABELS.0)
        .y_label_area_size(LABELS.1)
        .build_cartesian_2d(0.0..most, 0.0..most)?;
    chart
        .configure_mesh()
        .x_desc("measured latency, ms")
        .y_desc("predicted latency, ms")
        .label_style((FONT, 13))
        .max_light_lines(1)
        .draw()?;
    chart.draw_series([PathElement::new(vec![(0.0, 0.0), (most, most)], BLACK.mix(0.4))])?;
    chart
        .draw_series(rows.iter().map(|row| Circle::new((row.measured_ms, row.predicted_ms), RADIUS, point_style())))?;
    Ok(())
}

/// Measured latency by the number of decoder layers, each number's mean as a bar.
fn draw_layers(area: &Area, rows: &[TestedRow]) -> Drawn {
    let most = 1.05 * largest(rows.iter().map(|row| row.measured_ms));
    let deepest = largest(rows.iter().map(|row| row.decoder_layers));
    let mut chart = ChartBuilder::on(area)
        .margin(MARGIN)
        .x_label_area_size(LABELS.0)
        .y_label_area_size(LABELS.1)
        .build_cartesian_2d(0.5..deepest + 0.5, 0.0..most)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_desc("decoder layers")
        .y_desc("measured latency, ms")
        .x_labels(deepest.min(20.0) as usize)
        .x_label_formatter(&|layers| format!("{layers:.0}"))
        .label_style((FONT, 13))
        .max_light_lines(1)
        .draw()?;
    let mut by_layers: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for row in rows {
        by_layers.entry(row.decoder_layers.round() as u64).or_default().push(row.measured_ms);
    }
    for (layers, measured) in by_layers {
        let layers = layers as f64;
        let mean = measured.iter().sum::<f64>() / measured.len() as f64;
        let place = |index: usize| layers + COLUMN * (2.0 * (index % PLACES) as f64 / (PLACES - 1) as f64 - 1.0);
        let points = measured.iter().enumerate();
        chart.draw_series(points.map(|(index, &ms)| Circle::new((place(index), ms), RADIUS, point_style())))?;
        let ends = vec![(layers - COLUMN, mean), (layers + COLUMN, mean)];
        chart.draw_series([PathElement::new(ends, RED.stroke_width(3))])?;
    }
    Ok(())
}

fn point_style() -> ShapeStyle {
    BLUE.mix(0.4).filled()
}

fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_point_in_both_plots() {
        let rows: Vec<TestedRow> = (0..12)
            .map(|i| {
                let measured_ms = 20.0 + f64::from(i);
                TestedRow { measured_ms, predicted_ms: 1.02 * measured_ms, decoder_layers: f64::from(1 + i % 3) }
            })
            .collect();
        let svg = latency_plot("a <device>", 0.02, &rows).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        assert_eq!(svg.matches("<circle").count(), 24);
        assert!(svg.contains("a &lt;device&gt;: 12 test rows, mean error 2.0 %"), "{}", &svg[..600]);
    }
}
