//! `automoe translate`: standard input to standard output.

use super::options::{DeviceArgs, ThreadArgs};
use super::{architectures, output};
use crate::device;
use crate::error::{Error, Result};
use crate::model::MAX_POSITIONS;
use crate::pipeline::{load_translator, run_config};
use crate::progress::Progress;
use crate::translate::Translation;
use std::io::{self, BufRead};
use std::path::PathBuf;

/// Lines that are translated together: enough to fill batches of like length.
const CHUNK: usize = 4000;
/// The longest line that is read, in bytes.
const MAX_LINE: u64 = 1 << 20;

/// The score of a line that was left out: below that of any translation.
const NOT_TRANSLATED: f64 = f64::NEG_INFINITY;

/// Translate standard input, a sentence a line, by beam search.
///
/// Lines are translated and printed some thousands at a time. One that the model cannot read ends the translation before
/// its thousands are begun; what was printed before stays.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe translate --checkpoint runs/toy/models/winner < source.txt > translated.txt
  automoe translate --checkpoint runs/toy/models/winner --nbest 3 --scores < source.txt
  automoe translate --checkpoint runs/multi30k/models/winner < test.de | automoe score --reference test.en")]
pub struct TranslateArgs {
    /// A checkpoint in a run directory, or a folder with checkpoints (of which the config says how many are averaged)
    #[arg(long, value_name = "CHECKPOINT")]
    checkpoint: PathBuf,

    /// Cut this architecture (a JSON file) out of a SuperNet's checkpoint
    #[arg(long, value_name = "FILE")]
    arch: Option<PathBuf>,

    /// Print the N best translations of each line, best first
    #[arg(long, value_name = "N")]
    nbest: Option<usize>,

    /// Print each translation's score in front of it, with a tab between
    #[arg(long)]
    scores: bool,

    /// Answer a line of more subwords than the model reads with an empty one (score -inf), and a warning, instead of ending
    /// there
    #[arg(long)]
    skip_long: bool,

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
    let nbest = args.nbest.unwrap_or(1);
    if nbest == 0 || nbest > config.translate.beam {
        let beam = config.translate.beam;
        return Err(Error::input(format!(
            "--nbest {nbest}: expected 1 to the beam, {beam}; change that with --set translate.beam=N"
        )));
    }
    let architecture = args.arch.as_ref().map(|file| architectures::single(file, config.model.qkv_dim)).transpose()?;
    let device = device::parse(&args.device.device)?;
    let translator = load_translator(&args.checkpoint, architecture.as_ref(), &config, &device)?;
    let mut input = io::stdin().lock();
    let mut out = io::stdout().lock();
    let mut first_line = 1;
    loop {
        let mut lines = read_lines(&mut input, first_line)?;
        if lines.is_empty() {
            return Ok(());
        }
        let mut skipped = Vec::new();
        for (place, subwords) in translator.too_long(&lines) {
            let place_in_all = first_line + place;
            if !args.skip_long {
                return Err(Error::input(format!(
                    "stdin: line {place_in_all}: {subwords} subwords, but the model reads at most {MAX_POSITIONS}; split \
                     the line, or give --skip-long"
                )));
            }
            tracing::warn!("stdin: line {place_in_all}: {subwords} subwords are too many; left empty");
            lines[place].clear();
            skipped.push(place);
        }
        let bar = Progress::bar(lines.len() as u64, "lines", "translating");
        let mut translations =
            translator.translate(&lines, first_line, &|done| bar.inc(done)).map_err(|e| e.at("stdin"))?;
        bar.finish();
        for place in skipped {
            translations[place].iter_mut().for_each(|translation| translation.score = NOT_TRANSLATED);
        }
        let shown = translations.iter().flat_map(|best| best.iter().take(nbest));
        let text: String = shown.map(|translation| line(translation, args.scores)).collect();
        if !output::write(&mut out, &text)? {
            return Ok(());
        }
        first_line += lines.len();
    }
}

fn line(translation: &Translation, score: bool) -> String {
    match score {
        true => format!("{:.4}\t{}\n", translation.score, translation.text),
        false => format!("{}\n", translation.text),
    }
}

/// The next lines of `input`, without their ends; none at its end.
fn read_lines(input: &mut impl BufRead, first_line: usize) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    while lines.len() < CHUNK {
        let place = || format!("stdin:{}", first_line + lines.len());
        let mut line = Vec::new();
        let read = io::Read::take(&mut *input, MAX_LINE + 1).read_until(b'\n', &mut line);
        if read.map_err(|error| Error::path(error).at(place()))? == 0 {
            break;
        }
        if line.len() as u64 > MAX_LINE {
            return Err(Error::input(format!("longer than {MAX_LINE} bytes")).at(place()));
        }
        let line = String::from_utf8(line).map_err(|_| Error::input("not UTF-8 text").at(place()))?;
        lines.push(line.trim_end_matches(['\n', '\r']).to_owned());
    }
    Ok(lines)
}
