//! `automoe translate`: standard input to standard output.

use super::options::{DeviceArgs, ThreadArgs};
use super::read_ahead::ReadAhead;
use super::{architectures, output};
use crate::bounded::Lines;
use crate::device;
use crate::error::{Error, Result};
use crate::model::MAX_POSITIONS;
use crate::pipeline::{load_translator, run_config};
use crate::progress::Progress;
use crate::translate::{Translation, Translator};
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;

/// The longest line that is read, in bytes.
const MAX_LINE: u64 = 1 << 20;

/// What stands where there is no translation, with a score below that of any.
const NONE: Translation = Translation { text: String::new(), score: f64::NEG_INFINITY };

/// Translate standard input, a sentence a line, by beam search.
///
/// Each line gives one line (with --nbest, as many as asked for), which depends on that line alone. Lines are translated
/// together as far as they are there, some thousands at a time: where input pauses, what has come is answered. A line that
/// the model cannot read ends the translation, after those before it.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe translate --checkpoint runs/toy/models/winner < source.txt > translated.txt
  automoe translate --checkpoint runs/toy/models/winner --nbest 3 --scores < source.txt
  automoe translate --checkpoint runs/toy/models/winner                     answers each line that is typed
  automoe translate --checkpoint runs/multi30k/models/winner < test.de | automoe score --reference test.en")]
pub struct TranslateArgs {
    /// A checkpoint in a run directory, or a folder with checkpoints (of which the config says how many are averaged)
    #[arg(long, value_name = "CHECKPOINT")]
    checkpoint: PathBuf,

    /// Cut this architecture (a JSON file) out of a SuperNet's checkpoint
    #[arg(long, value_name = "FILE")]
    arch: Option<PathBuf>,

    /// Print the N best translations of each line, best first; where fewer are found, empty lines (score -inf) stand for the
    /// rest, and a warning says so
    #[arg(long, value_name = "N", default_value_t = 1)]
    nbest: usize,

    /// Print each translation's score in front of it, with a tab between
    #[arg(long)]
    scores: bool,

    /// Answer a line of more subwords than the model reads with an empty one (score -inf), and a warning, instead of ending
    /// there
    #[arg(long)]
    skip_long: bool,

    /// Translate at most N lines together, however many are there: more fill batches better, fewer are answered sooner
    #[arg(long, value_name = "N", default_value = "4000", value_parser = clap::value_parser!(u32).range(1..))]
    buffer: u32,

    /// Replace a value of translate.… or data.lowercase in the run's config, for example translate.beam=1; may be given
    /// several times
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    #[command(flatten)]
    device: DeviceArgs,

    #[command(flatten)]
    threads: ThreadArgs,
}

/// Refuses replaced values that a trained model does not depend on any more.
fn check_overrides(overrides: &[String]) -> Result<()> {
    let applies =
        |option: &&String| ["translate.", "data.lowercase"].iter().any(|key| option.trim_start().starts_with(key));
    match overrides.iter().find(|option| !applies(option)) {
        None => Ok(()),
        Some(option) => Err(Error::input("the model is trained: only translate.… and data.lowercase can be replaced")
            .at(format!("--set {option}"))),
    }
}

/// Translates standard input.
///
/// # Errors
/// An unusable checkpoint or input.
pub fn run(args: TranslateArgs) -> Result<()> {
    let config = run_config(&args.checkpoint, &args.set)?;
    check_overrides(&args.set)?;
    args.threads.apply()?;
    if args.nbest == 0 || args.nbest > config.translate.beam {
        let (nbest, beam) = (args.nbest, config.translate.beam);
        return Err(Error::input(format!(
            "--nbest {nbest}: expected 1 to the beam, {beam}; change that with --set translate.beam=N"
        )));
    }
    let architecture = args.arch.as_ref().map(|file| architectures::single(file, config.model.qkv_dim)).transpose()?;
    let device = device::parse(&args.device.device)?;
    let translator = load_translator(&args.checkpoint, architecture.as_ref(), &config, &device)?;
    if let Some(architecture) = &architecture {
        architectures::warn_outside(architecture, &config)?;
    }
    let input = read_ahead(BufReader::new(io::stdin()));
    let mut out = io::stdout().lock();
    let (mut first_line, mut told_of_fewer) = (1, false);
    loop {
        let mut lines = input.batch(args.buffer as usize)?;
        if lines.is_empty() {
            return Ok(());
        }
        let mut long = translator.too_long(&lines);
        let fault = if args.skip_long { None } else { cut_at_long(&mut lines, &mut long, first_line) };
        let count = lines.len();
        let mut translations = translate(&translator, lines, &long, first_line)?;
        let fewer = translations.iter().position(|best| best.len() < args.nbest);
        if let (Some(place), false) = (fewer, told_of_fewer) {
            let (line, found, nbest) = (first_line + place, translations[place].len(), args.nbest);
            tracing::warn!(
                "stdin: line {line}: only {found} translations were found for --nbest {nbest}; empty lines (score -inf) \
                 stand for the rest, here and in any other line"
            );
            told_of_fewer = true;
        }
        translations.iter_mut().for_each(|best| best.resize(args.nbest, NONE));
        let text: String = translations.iter().flatten().map(|translation| line(translation, args.scores)).collect();
        if !output::write(&mut out, &text)? {
            return Ok(());
        }
        first_line += count;
        fault.map_or(Ok(()), Err)?;
    }
}

/// Leaves of `lines`, of which the first has the number `first_line`, those before the first of the `long` ones, places and
/// subwords of what the model cannot read, and gives the error of that one.
fn cut_at_long(lines: &mut Vec<String>, long: &mut Vec<(usize, usize)>, first_line: usize) -> Option<Error> {
    let (place, subwords) = *long.first()?;
    lines.truncate(place);
    long.clear();
    let line = first_line + place;
    Some(Error::input(format!(
        "stdin: line {line}: {subwords} subwords, but the model reads at most {MAX_POSITIONS}; split the line, or give --skip-long"
    )))
}

/// The translations of `lines`, of which the first has the number `first_line`; those of the `long` ones are left empty.
fn translate(
    translator: &Translator,
    mut lines: Vec<String>,
    long: &[(usize, usize)],
    first_line: usize,
) -> Result<Vec<Vec<Translation>>> {
    for &(place, subwords) in long {
        tracing::warn!("stdin: line {}: {subwords} subwords are too many; left empty", first_line + place);
        lines[place].clear();
    }
    let bar = Progress::bar(lines.len() as u64, "lines", "translating");
    let mut translations =
        translator.translate(&lines, first_line, &|done| bar.inc(done)).map_err(|e| e.at("stdin"))?;
    bar.finish();
    for &(place, _) in long {
        translations[place].iter_mut().for_each(|translation| *translation = NONE);
    }
    Ok(translations)
}

fn line(translation: &Translation, score: bool) -> String {
    match score {
        true => format!("{:.4}\t{}\n", translation.score, translation.text),
        false => format!("{}\n", translation.text),
    }
}

/// The lines of `input`.
fn read_ahead(input: impl BufRead + Send + 'static) -> ReadAhead {
    let mut lines = Lines::new(input, MAX_LINE);
    ReadAhead::new(move || {
        let line = lines.next().map(|line| line.map(str::to_owned));
        line.map_err(|error| Error::path(error).at(format!("stdin:{}", lines.number())))
    })
}
