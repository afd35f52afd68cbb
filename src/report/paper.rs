//! `automoe table paper`: Tables 4 to 7 of the paper (arXiv 2210.07535), with parameters, sparsity and FLOPs computed here
//! from each published architecture, and what runs of this program measured.
//!
//! The paper's figures are in `data/paper-tables.json`. A figure that cannot be had from the published architecture is
//! explained in the row's remark.

use super::differences::{Computed, PaperRow, remark};
use super::published::{PublishedArchitecture, published_architectures};
use super::results::{Results, TestedModel};
use super::table::{Cell, Column, Row, Table};
use crate::error::{Error, Result};
use crate::space::{Layer, Stack};
use serde::Deserialize;

const FIGURES: &str = include_str!("../../data/paper-tables.json");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Figures {
    main: Vec<PaperRow>,
    designs: Vec<PaperRow>,
    constraints: Vec<PaperRow>,
    variations: Vec<PaperRow>,
}

/// What a run of this program has found.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredRun {
    /// The run's name.
    pub name: String,
    /// The paper's data that it was on, if any; see [`corpus_of`](super::corpus_of).
    pub corpus: Option<&'static str>,
    /// Its models.
    pub results: Results,
}

/// The paper's Tables 4 to 7. What `runs` have found on the paper's data follows the paper's main results on them; on other
/// data, it follows all.
///
/// # Errors
/// A shipped file that cannot be read: a fault of the program.
pub fn paper_tables(runs: &[MeasuredRun]) -> Result<Vec<Table>> {
    let figures: Figures =
        serde_json::from_str(FIGURES).map_err(|error| Error::failure(error).at("paper-tables.json"))?;
    let published = published_architectures()?;
    Ok(vec![
        main_results(&figures.main, &published, runs)?,
        designs(&figures.designs, &published)?,
        constraints(&figures.constraints),
        variations(&figures.variations, &published)?,
    ])
}

fn main_results(rows: &[PaperRow], published: &[PublishedArchitecture], runs: &[MeasuredRun]) -> Result<Table> {
    let columns = vec![
        Column::new("data", "Data", 0),
        Column::new("model", "Model", 0),
        Column::new("parameters_m_published", "Active params M (paper)", 0),
        Column::new("parameters_m", "Active params M (computed)", 2),
        Column::new("total_parameters_m", "All params M (computed)", 2),
        Column::new("sparsity_percent_published", "Sparsity % (paper)", 0),
        Column::new("sparsity_percent", "Sparsity % (computed)", 1),
        Column::new("gflops_published", "GFLOPs (paper)", 1),
        Column::new("gflops", "GFLOPs (computed)", 3),
        Column::new("bleu_published", "BLEU (paper)", 1),
        Column::new("bleu_measured", "BLEU (measured)", 2),
        Column::new("gpu_hours_published", "GPU hours (paper)", 0),
        Column::new("cpu_ms_published", "CPU ms (paper)", 0),
    ];
    let mut table = Table { title: "Table 4: main results, test BLEU".into(), columns, rows: Vec::new() };
    let of_runs = |corpus: Option<&str>| -> Vec<Row> {
        let runs = runs.iter().filter(|run| run.corpus == corpus);
        runs.flat_map(|run| run.results.rows.iter().map(|model| measured(run, model))).collect()
    };
    for (place, row) in rows.iter().enumerate() {
        let known = find(row, published)?;
        let computed = known.map(Computed::of);
        let figure = |of: fn(&Computed) -> f64| Cell::from(computed.as_ref().map(of));
        table.rows.push(Row {
            cells: vec![
                row.data.as_str().into(),
                row.model.as_str().into(),
                row.parameters_m.into(),
                figure(|c| c.active_m),
                figure(|c| c.total_m),
                row.sparsity_percent.into(),
                figure(|c| c.sparsity_percent),
                row.gflops.into(),
                figure(|c| c.gflops),
                row.bleu.into(),
                Cell::Missing,
                row.gpu_hours.into(),
                row.cpu_ms.into(),
            ],
            remark: remark(row, known),
        });
        if rows.get(place + 1).is_none_or(|next| next.data != row.data) {
            table.rows.extend(of_runs(Some(&row.data)));
        }
    }
    table.rows.extend(of_runs(None));
    Ok(table)
}

/// A model of this program's own, in the columns of the main results. On the paper's data, the run is named with the model.
fn measured(run: &MeasuredRun, model: &TestedModel) -> Row {
    let (data, name) = match run.corpus {
        Some(corpus) => (corpus, format!("{} ({})", model.name, run.name)),
        None => (run.name.as_str(), model.name.clone()),
    };
    Row {
        cells: vec![
            data.into(),
            name.into(),
            Cell::Missing,
            model.active_parameters_m().into(),
            model.parameters_m().into(),
            Cell::Missing,
            model.sparsity_percent().into(),
            Cell::Missing,
            model.gflops.into(),
            Cell::Missing,
            model.bleu.into(),
            Cell::Missing,
            Cell::Missing,
        ],
        remark: Some("measured by this program.".into()),
    }
}

fn designs(rows: &[PaperRow], published: &[PublishedArchitecture]) -> Result<Table> {
    let columns = vec![
        Column::new("data", "Data", 0),
        Column::new("model", "Variant", 0),
        Column::new("encoder_experts", "Encoder experts", 0),
        Column::new("encoder_ffn", "Encoder FFN", 0),
        Column::new("decoder_experts", "Decoder experts", 0),
        Column::new("decoder_ffn", "Decoder FFN", 0),
        Column::new("parameters_m", "Active params M (computed)", 2),
        Column::new("total_parameters_m", "All params M (computed)", 2),
        Column::new("sparsity_percent", "Sparsity % (computed)", 1),
        Column::new("gflops", "GFLOPs (computed)", 3),
        Column::new("gflops_worst", "GFLOPs, dearest routing (computed)", 3),
    ];
    let row_of = |row: &PaperRow| {
        let known = find(row, published)?.ok_or_else(|| unknown(row))?;
        let computed = Computed::of(known);
        let architecture = &known.architecture;
        Ok(Row {
            cells: vec![
                row.data.as_str().into(),
                row.model.as_str().into(),
                expert_counts(&architecture.encoder).into(),
                expert_sizes(&architecture.encoder).into(),
                expert_counts(&architecture.decoder).into(),
                expert_sizes(&architecture.decoder).into(),
                computed.active_m.into(),
                computed.total_m.into(),
                computed.sparsity_percent.into(),
                computed.gflops.into(),
                computed.gflops_worst.into(),
            ],
            remark: Some(known.note.clone()),
        })
    };
    Ok(Table {
        title: "Table 5: designed architectures".into(),
        columns,
        rows: rows.iter().map(row_of).collect::<Result<_>>()?,
    })
}

fn constraints(rows: &[PaperRow]) -> Table {
    let columns = vec![
        Column::new("data", "Constraint", 0),
        Column::new("model", "Model", 0),
        Column::new("bleu_published", "BLEU (paper)", 2),
        Column::new("gflops_published", "GFLOPs (paper)", 1),
        Column::new("v100_ms_published", "V100 ms (paper)", 0),
    ];
    let row_of = |row: &PaperRow| Row {
        cells: vec![
            row.data.as_str().into(),
            row.model.as_str().into(),
            row.bleu.into(),
            row.gflops.into(),
            row.v100_ms.into(),
        ],
        remark: remark(row, None),
    };
    Table {
        title: "Table 6: one constraint at a time, WMT'14 En-Fr".into(),
        columns,
        rows: rows.iter().map(row_of).collect(),
    }
}

fn variations(rows: &[PaperRow], published: &[PublishedArchitecture]) -> Result<Table> {
    let columns = vec![
        Column::new("data", "Variation", 0),
        Column::new("model", "Model", 0),
        Column::new("parameters_m_published", "Active params M (paper)", 0),
        Column::new("parameters_m", "Active params M (computed)", 2),
        Column::new("total_parameters_m", "All params M (computed)", 2),
        Column::new("gflops_published", "GFLOPs (paper)", 1),
        Column::new("gflops", "GFLOPs (computed)", 3),
        Column::new("bleu_published", "BLEU (paper)", 2),
        Column::new("cpu_ms_published", "CPU ms (paper)", 0),
    ];
    let row_of = |row: &PaperRow| {
        let known = find(row, published)?;
        let computed = known.map(Computed::of);
        let figure = |of: fn(&Computed) -> f64| Cell::from(computed.as_ref().map(of));
        let notes = [known.map(|known| known.note.clone()), remark(row, known)];
        let notes: Vec<String> = notes.into_iter().flatten().collect();
        Ok(Row {
            cells: vec![
                row.data.as_str().into(),
                row.model.as_str().into(),
                row.parameters_m.into(),
                figure(|c| c.active_m),
                figure(|c| c.total_m),
                row.gflops.into(),
                figure(|c| c.gflops),
                row.bleu.into(),
                row.cpu_ms.into(),
            ],
            remark: (!notes.is_empty()).then(|| notes.join(" ")),
        })
    };
    Ok(Table {
        title: "Table 7: variations of the search space, WMT'14 En-De".into(),
        columns,
        rows: rows.iter().map(row_of).collect::<Result<_>>()?,
    })
}

fn find<'a>(row: &PaperRow, published: &'a [PublishedArchitecture]) -> Result<Option<&'a PublishedArchitecture>> {
    let Some(name) = &row.architecture else {
        return Ok(None);
    };
    let known = published.iter().find(|known| known.name == *name);
    known.map(Some).ok_or_else(|| unknown(row))
}

fn unknown(row: &PaperRow) -> Error {
    let PaperRow { data, model, .. } = row;
    Error::failure(format!("paper-tables.json: {data}, {model} has no known architecture"))
}

/// Experts of each layer: `5-1-1-1-2-1`.
fn expert_counts(stack: &Stack) -> String {
    dashes(stack.layers.iter().map(Layer::expert_count))
}

/// Feed-forward sizes of each layer; where experts choose their own, all of them in brackets: `[2048-3072]-3072`.
fn expert_sizes(stack: &Stack) -> String {
    let layers = &stack.layers;
    let own = |layer: &Layer| layer.network_sizes().iter().any(|&size| size != layer.ffn_embed_dim);
    let is_fractional = layers.iter().any(own);
    dashes(layers.iter().map(|layer| match layer.network_sizes().as_slice() {
        [only] => only.to_string(),
        many if is_fractional => format!("[{}]", dashes(many)),
        many => many[0].to_string(),
    }))
}

fn dashes(items: impl IntoIterator<Item = impl ToString>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Exporter;
    use crate::report::export::Json;
    use serde_json::Value;

    fn tables(runs: &[MeasuredRun]) -> Value {
        let text = Json.export(&paper_tables(runs).unwrap());
        serde_json::from_str(&text).unwrap()
    }

    fn row<'a>(table: &'a Value, data: &str, model: &str) -> &'a Value {
        let rows = table["rows"].as_array().unwrap();
        let found = rows.iter().find(|row| row["data"] == data && row["model"] == model);
        found.unwrap_or_else(|| panic!("{data}, {model}"))
    }

    #[test]
    fn dense_models_have_the_papers_figures() {
        let tables = tables(&[]);
        assert_eq!(tables.as_array().unwrap().len(), 4);
        let big = row(&tables[0], "WMT'14 En-De", "Transformer-Big");
        assert_eq!(big["parameters_m"], 176.357376);
        assert_eq!(big["gflops"], 10.639073508);
        assert_eq!(big["bleu_published"], 28.4);
        for data in ["WMT'14 En-De", "WMT'14 En-Fr"] {
            for model in ["Transformer-Big", "HAT"] {
                assert_eq!(row(&tables[0], data, model)["remark"], Value::Null);
            }
        }
    }

    #[test]
    fn figures_that_cannot_be_had_are_explained() {
        let tables = tables(&[]);
        let found = row(&tables[0], "WMT'14 En-De", "AutoMoE, 6 experts");
        let remark = found["remark"].as_str().unwrap();
        assert!(remark.contains("Sparsity: 62 % in the paper, 24.5 % here."), "{remark}");
        assert!(remark.contains("FLOPs: 2.9 G in the paper, 2.73 G here (-0.17 G)"), "{remark}");
        assert!(remark.contains("leave 2.73 to 3.00 G"), "{remark}");
        assert!(!remark.contains("Active parameters"), "{remark}");
        let sixteen = row(&tables[0], "WMT'14 En-Fr", "AutoMoE, 16 experts");
        assert_eq!(sixteen["gflops"], Value::Null);
        assert!(sixteen["remark"].as_str().unwrap().contains("does not give the architecture"));
    }

    #[test]
    fn designs_print_as_the_paper_prints_them() {
        let tables = tables(&[]);
        let found = row(&tables[1], "WMT'19 En-De", "fractional experts");
        assert_eq!(found["encoder_experts"], "2-3-1-2-6-1");
        assert_eq!(
            found["encoder_ffn"],
            "[3072-3072]-[3072-3072-3072]-3072-[3072-2048]-[3072-1024-2048-3072-1024-2048]-3072"
        );
        let found = row(&tables[1], "WMT'14 En-De", "standard experts");
        assert_eq!(found["encoder_ffn"], "3072-3072-3072-3072-2048-3072");
        assert_eq!(found["gflops"], found["gflops_worst"]);
    }

    #[test]
    fn runs_follow_the_papers_rows() {
        let winner = r#"{"name": "winner", "bleu": 33.0, "parameters": 8e6, "sparsity": 0.25}"#;
        let results: Results = serde_json::from_str(&format!(r#"{{"rows": [{winner}]}}"#)).unwrap();
        let run = |name: &str, corpus| MeasuredRun { name: name.into(), corpus, results: results.clone() };
        let tables = tables(&[run("toy", None), run("mine", Some("WMT'14 En-De"))]);
        let rows = tables[0]["rows"].as_array().unwrap();
        let place =
            |data: &str, model: &str| rows.iter().position(|row| row["data"] == data && row["model"] == model).unwrap();
        assert_eq!(place("WMT'14 En-De", "winner (mine)"), place("WMT'14 En-De", "AutoMoE, 6 experts") + 1);
        assert_eq!(place("toy", "winner"), rows.len() - 1);
        let found = row(&tables[0], "toy", "winner");
        assert_eq!(found["bleu_measured"], 33.0);
        assert_eq!(found["bleu_published"], Value::Null);
        assert_eq!(found["sparsity_percent"], 25.0);
        assert_eq!(found["total_parameters_m"], 8.0);
    }
}
