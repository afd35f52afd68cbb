//! `automoe import`: a run directory from a model that was trained elsewhere.

use super::options::ConfigArgs;
use super::{architectures, output};
use crate::error::Result;
use crate::pipeline::{Import, import};
use std::io;
use std::path::PathBuf;

/// Make a run directory from a model trained elsewhere: a fairseq checkpoint (.pt) or a safetensors file.
///
/// The model becomes the run's SuperNet where it is the largest of the config's space, otherwise models/NAME/. Its
/// architecture is --arch, else what the file says (fairseq's args, this program's exports). Of PyTorch's pickles only tensors
/// and plain data are read; nothing in them is run. Prints the model's folder, architecture and number of
/// parameters (embeddings included) as JSON.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe import checkpoint_best.pt --config wmt14-en-de --dict-source dict.en.txt --dict-target dict.de.txt --bpe-codes codes
  automoe translate --checkpoint runs/wmt14-en-de/models/imported < tokenised.en
  automoe import winner.safetensors --config toy --run-dir runs/again --name winner")]
pub struct ImportArgs {
    /// The model: a fairseq checkpoint, or a .safetensors file with the reference's names or this program's
    #[arg(value_name = "CHECKPOINT")]
    checkpoint: PathBuf,

    #[command(flatten)]
    config: ConfigArgs,

    /// The model's architecture (JSON, or HAT's YAML; - for standard input)
    #[arg(long, value_name = "FILE")]
    arch: Option<PathBuf>,

    /// The model's source dictionary, fairseq's dict.txt [default: the config's data.source_dict, else its data's subwords]
    #[arg(long, value_name = "FILE")]
    dict_source: Option<PathBuf>,

    /// The model's target dictionary [default: the config's data.target_dict, else the source's]
    #[arg(long, value_name = "FILE", requires = "dict_source")]
    dict_target: Option<PathBuf>,

    /// The subword-nmt codes that segment text for the dictionaries [default: the config's data.bpe_codes, else text is
    /// segmented already]
    #[arg(long, value_name = "FILE")]
    bpe_codes: Option<PathBuf>,

    /// The SentencePiece model that segments text for the dictionaries; without them, its pieces are the subwords [default:
    /// the config's data.sentencepiece]
    #[arg(long, value_name = "FILE", conflicts_with = "bpe_codes")]
    sentencepiece: Option<PathBuf>,

    /// The SentencePiece model of the target language [default: the config's data.sentencepiece_target, else the source's]
    #[arg(long, value_name = "FILE", requires = "sentencepiece")]
    sentencepiece_target: Option<PathBuf>,

    /// Where the run goes [default: the config's run_dir]
    #[arg(long, value_name = "DIR")]
    run_dir: Option<PathBuf>,

    /// Name of the model, where it is not the SuperNet
    #[arg(long, value_name = "NAME", default_value = "imported")]
    name: String,

    /// Remove everything that an earlier run left in the run directory
    #[arg(long)]
    fresh: bool,
}

/// Imports, and prints a summary.
///
/// # Errors
/// An unusable file, config or architecture; a model that is not theirs.
pub fn run(args: ImportArgs) -> Result<()> {
    let mut config = args.config.load()?;
    for (path, given) in [
        (&mut config.run_dir, args.run_dir),
        (&mut config.data.source_dict, args.dict_source),
        (&mut config.data.target_dict, args.dict_target),
        (&mut config.data.bpe_codes, args.bpe_codes),
        (&mut config.data.sentencepiece, args.sentencepiece),
        (&mut config.data.sentencepiece_target, args.sentencepiece_target),
    ] {
        if let Some(given) = given {
            *path = given;
        }
    }
    config.validate()?;
    let architecture = args.arch.as_ref().map(|file| architectures::single(file, config.model.qkv_dim)).transpose()?;
    let request = Import { checkpoint: &args.checkpoint, architecture, name: &args.name, fresh: args.fresh };
    let imported = import(config, &request)?;
    output::json_line(&mut io::stdout().lock(), &imported).map(|_| ())
}
