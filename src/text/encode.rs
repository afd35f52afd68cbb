//! From pairs to ids, and from ids to references.

use super::dataset::Dataset;
use super::pairs::Pairs;
use super::parallel::ParallelText;
use super::subwords::SubwordModel;
use super::vocabulary::{SPECIALS, UNK};
use rayon::prelude::*;

/// Pairs that are encoded between two reports of progress.
const CHUNK: usize = 8192;

/// Told about progress: the stage, how much of it is done, and how much there is.
pub type ReportProgress<'a> = &'a dyn Fn(&str, u64, u64);

/// The ids of those pairs that `keep` wants, which sees them without eos.
pub fn encode(
    texts: &[Pairs],
    subwords: [&SubwordModel; 2],
    progress: ReportProgress,
    mut keep: impl FnMut(&[u32], &[u32]) -> bool,
) -> Dataset {
    let mut kept = Dataset::default();
    let mut push = |source: &[u32], target: &[u32]| {
        if keep(source, target) {
            kept.push(source, target);
        }
    };
    for pairs in texts {
        match pairs {
            Pairs::Text(text) => encode_text(text, subwords, progress, &mut push),
            Pairs::Ids(ids) => ids.pairs().for_each(|(source, target)| push(source, target)),
        }
    }
    kept
}

fn encode_text(
    text: &ParallelText,
    [source_subwords, target_subwords]: [&SubwordModel; 2],
    progress: ReportProgress,
    push: &mut impl FnMut(&[u32], &[u32]),
) {
    let mut done = 0;
    let chunks = text.sources.chunks(CHUNK).zip(text.targets.chunks(CHUNK));
    for (sources, targets) in chunks {
        progress("encoding text", done, text.len() as u64);
        let encoded: Vec<(Vec<u32>, Vec<u32>)> = sources
            .par_iter()
            .zip(targets)
            .map(|(source, target)| (source_subwords.encode(source), target_subwords.encode(target)))
            .collect();
        for (source, target) in encoded {
            push(&source, &target);
        }
        done += sources.len() as u64;
    }
    progress("encoding text", done, text.len() as u64);
}

/// The sentences of the targets, as translations are. Ids are joined to words; an unknown one is written as fairseq does it in references, so that no
/// translation has that word.
pub fn references(texts: Vec<Pairs>, subwords: &SubwordModel) -> Vec<String> {
    let unknown = SPECIALS[UNK as usize];
    let escaped = format!("<{unknown}>");
    let mut references = Vec::new();
    for pairs in texts {
        match pairs {
            Pairs::Text(text) => {
                references.extend(text.targets.iter().map(|line| subwords.sentence(line).into_owned()));
            }
            Pairs::Ids(ids) => {
                references.extend(ids.pairs().map(|(_, target)| subwords.decode(target).replace(unknown, &escaped)));
            }
        }
    }
    references
}
