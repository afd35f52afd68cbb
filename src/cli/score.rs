//! `automoe score`: BLEU and chrF of translations, as sacreBLEU prints them.

use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::{Value, json};

use super::output;
use crate::error::{Error, Result};
use crate::metrics::{
    self, BleuConfig, BleuStatistics, Bootstrap, ChrfConfig, ChrfStatistics, Resampled, Smoothing, Statistics,
    Tokenizer,
};

mod text;

/// Score translations on standard input against references, with BLEU and chrF as sacreBLEU computes them.
///
/// With --compare, a line more for each baseline: both scores with the mean and half of the 95 % interval of resamples, the
/// difference with its 95 % interval, and the p value of a paired bootstrap, all but the difference's interval as sacreBLEU's
/// --paired-bs has them.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe score --reference test.de < hyp.de
  automoe score --reference a.de --reference b.de.gz --metric bleu --json < hyp.de
  automoe score --reference test.tok.de --tokenize none --compound-split < hyp.tok.de
  automoe score --reference test.de --compare baseline.de < hyp.de")]
pub struct ScoreArgs {
    /// References, one sentence a line, plain or gzipped; may be given several times for several references a sentence
    #[arg(long, value_name = "FILE", required = true)]
    reference: Vec<PathBuf>,

    /// What to compute; may be given several times [default: bleu and chrf]
    #[arg(long, value_enum, value_name = "METRIC")]
    metric: Vec<Metric>,

    /// How BLEU cuts lines into words: 13a and intl for plain text, none for tokenised text
    #[arg(long, value_name = "TOKENIZER", default_value_t, value_parser = tokenizer_parser())]
    tokenize: Tokenizer,

    /// What stands in for BLEU's precisions without any match
    #[arg(long, value_name = "METHOD", default_value = "exp", value_parser = PossibleValuesParser::new(Smoothing::NAMES))]
    smooth: String,

    /// The value of --smooth floor [default: 0.1] or --smooth add-k [default: 1]
    #[arg(long, value_name = "NUMBER")]
    smooth_value: Option<f64>,

    /// Ignore case
    #[arg(long)]
    lowercase: bool,

    /// Split hyphenated compounds for BLEU, as papers on English-German do: x-y becomes x ##AT##-##AT## y
    #[arg(long)]
    compound_split: bool,

    /// Translations of the same text by other systems: tell whether standard input's are better or worse, by a paired bootstrap
    #[arg(long, value_name = "BASELINE", num_args = 1..)]
    compare: Vec<PathBuf>,

    /// Resamples of --compare
    #[arg(long, value_name = "N", default_value_t = 1_000, requires = "compare", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    samples: u32,

    /// The seed of --compare's resamples, which sacreBLEU takes from SACREBLEU_SEED
    #[arg(long, value_name = "SEED", default_value_t = 12_345, requires = "compare")]
    seed: u64,

    /// Print a JSON object for each metric, one a line, with unrounded scores
    #[arg(long)]
    json: bool,
}

/// What is scored, and what with: a line each for every sentence.
struct Texts {
    hypotheses: Vec<String>,
    references: Vec<Vec<String>>,
    baselines: Vec<Vec<String>>,
}

/// A metric that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Metric {
    /// BLEU
    Bleu,
    /// chrF2, of characters
    Chrf,
    /// chrF2++, of characters and words
    #[value(name = "chrf++")]
    ChrfPlusPlus,
}

/// Scores the lines on standard input and prints a line for each metric.
///
/// # Errors
/// Options that do not go together, files that cannot be read, or line counts that differ.
pub fn run(args: ScoreArgs) -> Result<()> {
    score(&args, io::stdin().lock(), &mut io::stdout().lock())
}

fn score(args: &ScoreArgs, input: impl BufRead, output: &mut impl Write) -> Result<()> {
    let smoothing =
        Smoothing::from_name(&args.smooth, args.smooth_value).map_err(|error| error.at("--smooth-value"))?;
    let hypotheses = text::read(input).map_err(|error| error.at("standard input"))?;
    if hypotheses.is_empty() {
        return Err(Error::input("standard input is empty: expected translations, one a line"));
    }
    let read =
        |paths: &[PathBuf]| paths.iter().map(|path| parallel(path, hypotheses.len())).collect::<Result<Vec<_>>>();
    let (references, baselines) = (read(&args.reference)?, read(&args.compare)?);
    let texts = Texts { hypotheses, references, baselines };

    warn_of_tokenized(args, &texts.hypotheses);
    let metrics = match args.metric.as_slice() {
        [] => &[Metric::Bleu, Metric::Chrf],
        metrics => metrics,
    };
    for metric in metrics {
        let lines = match metric {
            Metric::Bleu => bleu_lines(args, smoothing, &texts)?,
            Metric::Chrf => chrf_lines(args, 0, &texts)?,
            Metric::ChrfPlusPlus => chrf_lines(args, 2, &texts)?,
        };
        if !output::write(output, &lines)? {
            break;
        }
    }
    Ok(())
}

/// Tells of translations that look tokenised where plain text is expected: sacreBLEU does so for 100 lines, this program for
/// most lines of a smaller text, too.
fn warn_of_tokenized(args: &ScoreArgs, hypotheses: &[String]) {
    const MANY: usize = 100;
    let wants_plain_text =
        args.tokenize != Tokenizer::None && (args.metric.is_empty() || args.metric.contains(&Metric::Bleu));
    let (lines, tokenized) = (hypotheses.len(), hypotheses.iter().filter(|line| line.ends_with(" .")).count());
    if wants_plain_text && tokenized >= MANY.min(lines / 2 + 1) {
        tracing::warn!(
            "standard input: {tokenized} of {lines} lines end in a tokenised period (' .'): translations that are not \
             detokenised give another BLEU; --tokenize none is for tokenised text"
        );
    }
}

fn bleu_lines(args: &ScoreArgs, smoothing: Smoothing, texts: &Texts) -> Result<String> {
    let config = BleuConfig {
        tokenizer: args.tokenize,
        compound_split: args.compound_split,
        smoothing,
        lowercase: args.lowercase,
        ..BleuConfig::default()
    };
    let bleu = metrics::bleu(&texts.hypotheses, &texts.references, &config)?;
    let count = |lines: &[String]| BleuStatistics::of_corpus(lines, &texts.references, &config);
    let score = |counts: &BleuStatistics| counts.score(&config, texts.references.len()).score;
    let systems = resampled(args, texts, &BleuStatistics::new(config.max_order), count, score)?;
    let object = json!({
        "name": "BLEU",
        "score": bleu.score,
        "signature": bleu.signature,
        "precisions": bleu.precisions,
        "brevity_penalty": bleu.brevity_penalty,
        "ratio": bleu.ratio,
        "hypothesis_length": bleu.hypothesis_length,
        "reference_length": bleu.reference_length,
    });
    Ok(lines(args, object, bleu.to_string(), &systems))
}

fn chrf_lines(args: &ScoreArgs, word_order: usize, texts: &Texts) -> Result<String> {
    let config = ChrfConfig { word_order, lowercase: args.lowercase, ..ChrfConfig::default() };
    let chrf = metrics::chrf(&texts.hypotheses, &texts.references, &config)?;
    let count = |lines: &[String]| ChrfStatistics::of_corpus(lines, &texts.references, &config);
    let systems = resampled(args, texts, &ChrfStatistics::new(&config), count, |counts| counts.score(&config))?;
    let object = json!({"name": chrf.name, "score": chrf.score, "signature": chrf.signature});
    Ok(lines(args, object, chrf.to_string(), &systems))
}

fn bootstrap(args: &ScoreArgs) -> Bootstrap {
    Bootstrap { samples: args.samples as usize, seed: args.seed }
}

/// Standard input's scores and those of each baseline, on the same resamples; nothing where nothing is compared.
fn resampled<S: Statistics>(
    args: &ScoreArgs,
    texts: &Texts,
    none: &S,
    count: impl Fn(&[String]) -> Result<Vec<S>>,
    score: impl Fn(&S) -> f64,
) -> Result<Vec<Resampled>> {
    if texts.baselines.is_empty() {
        return Ok(Vec::new());
    }
    let systems = std::iter::once(&texts.hypotheses).chain(&texts.baselines).map(|lines| count(lines));
    Ok(bootstrap(args).resample(none, &systems.collect::<Result<Vec<_>>>()?, score))
}

/// What is printed of a metric: `line`, or as JSON `object`, and how each baseline compares.
fn lines(args: &ScoreArgs, mut object: Value, line: String, systems: &[Resampled]) -> String {
    let Some((system, baselines)) = systems.split_first() else {
        return if args.json { format!("{object}\n") } else { format!("{line}\n") };
    };
    let text = |key: &str| object[key].as_str().unwrap_or_default();
    let signature = bootstrap(args).signature(text("signature"));
    let measured = |of: &Resampled| format!("{:.2} (μ = {:.2} ± {:.2})", of.score, of.mean(), of.half_interval());
    let mut printed = vec![line];
    let mut compared = Vec::new();
    for (path, baseline) in args.compare.iter().zip(baselines) {
        let difference = system.difference(baseline);
        let (least, most) = difference.interval;
        printed.push(format!(
            "{}|{signature} = {}, {} = {}, difference = {:+.2} [{least:+.2}, {most:+.2}], p = {:.4}",
            text("name"),
            measured(system),
            path.display(),
            measured(baseline),
            difference.score,
            difference.p_value,
        ));
        compared.push(json!({
            "baseline": path.display().to_string(),
            "score": baseline.score,
            "mean": baseline.mean(),
            "ci": baseline.half_interval(),
            "difference": difference.score,
            "difference_interval": [least, most],
            "p_value": difference.p_value,
        }));
    }
    if !args.json {
        return printed.iter().map(|line| format!("{line}\n")).collect();
    }
    object["bootstrap_signature"] = signature.into();
    object["mean"] = system.mean().into();
    object["ci"] = system.half_interval().into();
    object["compared"] = compared.into();
    format!("{object}\n")
}

/// Reads tokenizers by their names, which help lists.
fn tokenizer_parser() -> impl TypedValueParser<Value = Tokenizer> {
    PossibleValuesParser::new(Tokenizer::ALL.map(Tokenizer::name)).try_map(|name| name.parse::<Tokenizer>())
}

/// The lines of the file at `path`, as many as standard input has.
fn parallel(path: &Path, expected: usize) -> Result<Vec<String>> {
    let lines = text::read_file(path).map_err(|error| error.at(path.display()))?;
    match lines.len() == expected {
        true => Ok(lines),
        false => Err(Error::input(format!(
            "{} has {} lines, but standard input has {expected}: both need one line a sentence",
            path.display(),
            lines.len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use flate2::{Compression, write::GzEncoder};

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: ScoreArgs,
    }

    const REFERENCE: &str = "Two bees fly home .\nIt is late-ish .\n";

    /// A folder with REFERENCE, plain and gzipped.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("plain"), REFERENCE).unwrap();
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(REFERENCE.as_bytes()).unwrap();
        std::fs::write(folder.path().join("packed"), packed.finish().unwrap()).unwrap();
        folder
    }

    /// What `score OPTIONS --reference REFERENCE…` prints for that standard input.
    fn printed(options: &[&str], references: &[&str], input: &[u8]) -> Result<String> {
        let folder = folder();
        let mut words: Vec<String> = vec!["score".into()];
        words.extend(options.iter().map(|option| option.to_string()));
        for name in references {
            words.push("--reference".into());
            words.push(folder.path().join(name).display().to_string());
        }
        let mut output = Vec::new();
        score(&Command::parse_from(words).args, input, &mut output)?;
        Ok(String::from_utf8(output).unwrap())
    }

    #[test]
    fn a_line_for_each_metric_and_gzip_makes_no_difference() {
        let input = b"Two bees fly home .\r\nIt is late .";
        let plain = printed(&[], &["plain"], input).unwrap();
        let lines: Vec<&str> = plain.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("BLEU|nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|"));
        assert!(lines[1].starts_with("chrF2|nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|"));
        assert_eq!(printed(&[], &["packed"], input).unwrap(), plain);
        let two = printed(&[], &["plain", "packed"], input).unwrap();
        assert_eq!(two, plain.replace("nrefs:1", "nrefs:2"));
    }

    #[test]
    fn options_reach_the_metrics() {
        let options = [
            "--metric=chrf++",
            "--metric=bleu",
            "--tokenize=none",
            "--smooth=floor",
            "--smooth-value=0.5",
            "--lowercase",
            "--compound-split",
            "--json",
        ];
        let printed = printed(&options, &["plain"], REFERENCE.to_uppercase().as_bytes()).unwrap();
        let values: Vec<serde_json::Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(values[0]["name"], "chrF2++");
        assert_eq!(values[1]["name"], "BLEU");
        assert_eq!(values[1]["reference_length"], 11);
        for value in &values {
            assert!((value["score"].as_f64().unwrap() - 100.0).abs() < 1e-9);
        }
        let signature = values[1]["signature"].as_str().unwrap();
        assert!(signature.starts_with("nrefs:1|case:lc|eff:no|tok:none+compound-split|smooth:floor[0.50]|"));
    }

    #[test]
    fn each_baseline_has_a_line_of_its_own() {
        let input = b"Two bees fly home .\nIt is late .";
        let (plain, packed) = (folder(), folder());
        let [better, same] = [(&plain, "plain"), (&packed, "input")]
            .map(|(folder, name)| folder.path().join(name).display().to_string());
        std::fs::write(&same, input).unwrap();
        let options = ["--metric=bleu", "--samples=39", "--seed=7", "--compare", &better, &same];
        let text = printed(&options, &["plain"], input).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(printed(&["--metric=bleu"], &["plain"], input).unwrap().trim_end(), lines[0]);
        for (line, end) in [(lines[1], "] p"), (lines[2], "difference = +0.00 [+0.00, +0.00], p = 0.0250")] {
            assert!(line.starts_with("BLEU|nrefs:1|bs:39|seed:7|case:mixed|eff:no|tok:13a|"), "{line}");
            assert!(line.contains(&end.replace("] p", "], p")) && line.contains("(μ = "), "{line}");
        }
        assert!(lines[1].contains("plain = 100.00 (μ = 100.00 ± 0.00), difference = -"), "{}", lines[1]);
        let value = printed(&[&options[..], &["--json"]].concat(), &["plain"], input).unwrap();
        let value: Value = serde_json::from_str(&value).unwrap();
        assert_eq!(value["compared"].as_array().unwrap().len(), 2);
        assert_eq!(value["compared"][0]["score"], 100.0);
        assert_eq!(value["compared"][1]["p_value"], 0.025);
        assert_eq!(value["mean"], value["compared"][1]["mean"]);
    }

    #[test]
    fn bad_input_is_one_line_that_names_it() {
        let of = |options: &[&str], references: &[&str], input: &[u8]| {
            let error = printed(options, references, input).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            error.to_string()
        };
        assert!(of(&[], &["plain"], b"").starts_with("standard input is empty"));
        assert!(of(&[], &["plain"], b"a\n").contains("plain has 2 lines, but standard input has 1"));
        assert!(of(&[], &["absent"], b"a\nb\n").contains("absent: No such file"));
        assert!(of(&["--compare=none.de"], &["plain"], b"a\nb\n").starts_with("none.de: No such file"));
        assert_eq!(of(&[], &["plain"], b"a\n\xff\n"), "standard input: line 2: not UTF-8 text (byte 1)");
        assert_eq!(of(&[], &["plain"], b"\xff\xfea\0\n\0"), "standard input: line 1: UTF-16 text: save it as UTF-8");
        assert!(of(&["--smooth-value=1"], &["plain"], b"a\nb\n").starts_with("--smooth-value: "));
    }
}
