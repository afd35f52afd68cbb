//! What was asked, what came out and what it took, in three sentences.

use super::costs::SUMMED;
use super::facts::Facts;
use super::shown::{duration, gflops};
use crate::report::{Reference, Repeated, Rounding, WINNER};
use crate::search::front;
use maud::{Markup, html};

/// The sentences.
pub(super) fn headline(facts: &Facts) -> Markup {
    html! {
        p { (asked(facts)) } p { (found(facts)) } p { (took(facts)) }
        @if facts.is_searched_anew {
            p { "The search was done anew since its winner was tested: what was tested is of an earlier one (" code { "automoe run" } " tests again)." }
        }
        @if let Some(Repeated { seeds, .. }) = &facts.seeds {
            p { "All of this is of seed " (facts.config.seed) "; what " (seeds.len()) " seeds have found together is below." }
        }
    }
}

fn asked(facts: &Facts) -> String {
    let search = &facts.config.search;
    let limits: Vec<String> = search
        .limits
        .iter()
        .filter(|(_, limit)| *limit > 0.0)
        .map(|(row, limit)| format!("{limit} {}", row.noun))
        .collect();
    let limits = if limits.is_empty() { "no limit".to_owned() } else { format!("at most {}", limits.join(" and ")) };
    let objectives: Vec<&str> = search.objectives.iter().map(|objective| objective.as_str()).collect();
    format!(
        "Asked for: of 10{} architectures, {} {} with {limits}, by {} with seed {}.",
        raised(&format!("{:.0}", facts.space.architectures().log10().floor())),
        if objectives.len() > 1 { "the knee of the front of" } else { "that of the lowest" },
        objectives.join(" and "),
        search.algorithm.as_str(),
        facts.config.seed
    )
}

/// Digits as an exponent is written.
fn raised(number: &str) -> String {
    let raised = |digit: char| {
        digit.to_digit(10).map_or(digit, |digit| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(digit as usize).expect("ten digits"))
    };
    number.chars().map(raised).collect()
}

fn found(facts: &Facts) -> String {
    let Some(winner) = facts.tested(WINNER).filter(|_| !facts.is_searched_anew) else {
        return match facts.best_trials().first() {
            Some(best) => format!(
                "Found so far: after {} trials, trial {} has a loss of {:.4} bits at {} GFLOPs.",
                facts.trials.len(),
                best.id,
                best.loss.unwrap_or(f64::NAN),
                gflops(best.gflops)
            ),
            None if facts.trials.is_empty() => "Found so far: nothing, for the search has not begun.".to_owned(),
            None => format!("Found so far: nothing; trials: {}.", facts.states()),
        };
    };
    let figure =
        |figure: Option<f64>, decimals: usize| figure.map_or("unknown".into(), |figure| format!("{figure:.decimals$}"));
    let search = &facts.config.search;
    let several = search.objectives.len() > 1;
    let own = format!(
        "Found: the winner{} has {} BLEU and {} GFLOPs",
        if several {
            format!(", the knee of a front of {},", front(&facts.trials, &search.objectives).len())
        } else {
            String::new()
        },
        figure(winner.bleu, 2),
        winner.gflops.map_or("unknown".into(), gflops)
    );
    let Some(dense) = facts.dense() else {
        let is_whole = facts.results.as_ref().is_some_and(|results| !results.unfinished);
        return own + if is_whole { "; no dense model was tested beside it." } else { "." };
    };
    let share = winner.gflops.zip(dense.gflops).map(|(winner, dense)| 100.0 * winner / dense);
    let difference = winner.bleu.zip(dense.bleu).map(|(winner, dense)| winner - dense);
    let interval = winner.beside(Reference::Dense).map_or(String::new(), |compared| {
        let [low, high] = compared.bleu_interval.map(|end| Rounding::Signed(2).apply(end));
        format!(" (95 % interval of the difference {low} to {high})")
    });
    let bleu = difference.map_or("an unknown difference in BLEU to it".to_owned(), |difference| {
        format!("{:.2} BLEU {} than it", difference.abs(), if difference < 0.0 { "less" } else { "more" })
    });
    format!("{own}, {} % of the dense model's, and {bleu}{interval}.", figure(share, 1))
}

fn took(facts: &Facts) -> String {
    let supernet = facts.supernets.iter().find(|training| training.name == "supernet");
    let supernet = supernet.map_or(0.0, |training| training.seconds());
    let trained: f64 = facts.all_trainings().iter().map(|named| named.training.seconds()).sum();
    let searched = facts.all_searched();
    let sum = if searched.is_sum { format!(" ({SUMMED})") } else { String::new() };
    let parts = [
        (supernet, "the SuperNet", ""),
        (searched.seconds, "searches", &sum),
        (trained - supernet, "other trainings", ""),
    ];
    let parts = parts.iter().filter(|(seconds, ..)| *seconds > 0.0);
    let parts: Vec<String> =
        parts.map(|(seconds, what, how)| format!("{} for {what}{how}", duration(*seconds))).collect();
    match parts.is_empty() {
        true => "It has taken no time yet.".to_owned(),
        false => format!("It took {}: {}.", duration(trained + searched.seconds), parts.join(", ")),
    }
}
