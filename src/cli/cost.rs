//! `automoe cost`: FLOPs, parameters and memory of architectures, a JSON line each.

use super::options::ConfigArgs;
use super::{architectures, output};
use crate::config::Config;
use crate::cost::{Basis, CostSummary};
use crate::error::{Error, Result};
use crate::pipeline::vocabularies;
use crate::space::Architecture;
use std::io::{self, Write};
use std::path::PathBuf;

/// Count FLOPs, parameters and memory of architectures.
///
/// Prints a JSON object a line. `gflops` leaves the output projection out; where experts differ in size it is the mean over
/// experts and `gflops_worst` the dearest routing. `parameters.total` leaves the embeddings out, which are
/// `parameters.embedding`: both together are the `parameters` of export, import and train --dry-run. `kv_cache_bytes` are the
/// keys and values of one sentence of cost.sentence_length tokens that is decoded with translate.beam. A vocabulary has
/// cost.vocab_size entries where the config gives it, else those that were learned for the run in the config's run_dir, else
/// the data.vocab_size that the config asks for.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  automoe cost --config wmt14-en-de --arch winner.json
  automoe search --config toy | automoe cost --arch -
  automoe cost --arch base.json --set model.qkv_dim=512 --set cost.sentence_length=30")]
pub struct CostArgs {
    #[command(flatten)]
    config: ConfigArgs,

    /// Architectures, or JSON that holds one as "architecture" (trials), one a line or spread over lines; - reads standard
    /// input [default: the space's largest]
    #[arg(long, value_name = "FILE")]
    arch: Option<PathBuf>,

    /// Add the reference implementation's own count of parameters, which takes every layer with experts to have all that
    /// the space allows
    #[arg(long)]
    reference_convention: bool,

    /// Experts that a layer of the reference's supernet has [default: the most in the space]
    #[arg(long, value_name = "N", requires = "reference_convention")]
    max_experts: Option<u16>,
}

/// Prints a line for each architecture.
///
/// # Errors
/// A config or an architecture that cannot be used; architectures before it have been printed.
pub fn run(args: CostArgs) -> Result<()> {
    print(&args, &mut io::stdout().lock())
}

fn print(args: &CostArgs, output: &mut impl Write) -> Result<()> {
    let config = args.config.load()?;
    let counter = Counter::new(args, &config)?;
    architectures::for_each(args.arch.as_deref(), &config, |architecture| counter.print(architecture, output))
}

/// What all lines have in common.
struct Counter {
    basis: Basis,
    /// Experts a layer in the reference's convention, where that is asked for.
    max_experts: Option<usize>,
}

impl Counter {
    fn new(args: &CostArgs, config: &Config) -> Result<Self> {
        let max_experts = match (args.reference_convention, args.max_experts) {
            (false, _) => None,
            (true, Some(given)) => Some(usize::from(given)),
            (true, None) => Some(most_experts(&config.space()?.largest())),
        };
        Ok(Self { basis: Basis::of(config, vocabularies(config))?, max_experts })
    }

    /// Prints the line of `architecture`; false where nobody reads it.
    fn print(&self, architecture: &Architecture, output: &mut impl Write) -> Result<bool> {
        let mut summary = CostSummary::new(architecture, &self.basis);
        if let Some(max_experts) = self.max_experts {
            let experts = most_experts(architecture);
            if experts > max_experts {
                let message =
                    format!("{max_experts}, but a layer has {experts} experts; give --max-experts {experts} or more");
                return Err(Error::input(message).at("--max-experts"));
            }
            summary = summary.with_reference_convention(self.basis.dimensions.qkv_dim, max_experts);
        }
        output::json_line(output, &summary)
    }
}

/// The most experts of any layer.
fn most_experts(architecture: &Architecture) -> usize {
    let stacks = [&architecture.encoder, &architecture.decoder];
    let layers = stacks.into_iter().flat_map(|stack| &stack.layers);
    let experts = layers.filter_map(|layer| layer.experts.as_ref());
    experts.map(|e| e.ffn_dims.len()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use serde_json::Value;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: CostArgs,
    }

    /// The lines printed, and the result.
    fn printed(options: &[&str]) -> (Vec<Value>, Result<()>) {
        let words = ["cost"].iter().chain(options);
        let mut output = Vec::new();
        let result = print(&Command::parse_from(words).args, &mut output);
        let text = String::from_utf8(output).unwrap();
        (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), result)
    }

    #[test]
    fn the_largest_of_the_space_without_arch() {
        let (lines, result) = printed(&["--reference-convention", "--set", "model.qkv_dim=64"]);
        result.unwrap();
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        let reference = line["params_without_embedding_reference"].as_u64().unwrap();
        // All experts are in use, so that only the routers are missing from the reference's count.
        assert!(reference < line["parameters"]["total"].as_u64().unwrap());
        assert!(reference > line["parameters"]["active"].as_u64().unwrap());
    }

    #[test]
    fn fewer_experts_than_a_layer_has_are_told() {
        let options = ["--reference-convention", "--set", "model.qkv_dim=64", "--max-experts", "1"];
        let (lines, result) = printed(&options);
        assert!(lines.is_empty());
        let message = result.unwrap_err().to_string();
        assert!(message.starts_with("--max-experts: 1, but a layer has "), "{message}");
    }

    #[test]
    fn architectures_before_a_bad_one_are_printed() {
        let base = serde_json::to_string(&Architecture::dense(512, 2048, 8, 6, 6)).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{base}\n\n{base}\n{{}}\n{base}\n")).unwrap();
        let path = file.path().display().to_string();
        let sizes = ["--set=model.qkv_dim=512", "--set=cost.sentence_length=30", "--set=cost.vocab_size=32768"];
        let (lines, result) = printed(&[&sizes[..], &["--arch", &path]].concat());
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1]["gflops"], 2.677125348);
        assert_eq!(lines[1]["parameters"]["embedding"], 16_777_216);
        let message = result.unwrap_err().to_string();
        assert!(message.starts_with(&format!("{path}:4: ")), "{message}");
    }
}
