//! `--color`: whether help and messages are coloured.

use anstyle::{AnsiColor, Style};
use clap::{ColorChoice, ValueEnum};
use std::ffi::OsString;

/// The start of errors.
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
/// The start of warnings.
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();

/// What `--color` says among `arguments`, which clap has not read yet: its help and its refusals are coloured, too.
pub fn asked_for(arguments: impl IntoIterator<Item = OsString>) -> ColorChoice {
    let mut choice = ColorChoice::Auto;
    let mut arguments = arguments.into_iter().take_while(|argument| argument != "--");
    while let Some(argument) = arguments.next() {
        let value = match argument.to_str() {
            Some("--color") => arguments.next().and_then(|value| value.into_string().ok()),
            Some(argument) => argument.strip_prefix("--color=").map(str::to_owned),
            None => None,
        };
        // What is none of them is refused by clap.
        choice = value.and_then(|value| ColorChoice::from_str(&value, false).ok()).unwrap_or(choice);
    }
    choice
}

/// Has everything that follows on standard error be coloured as `choice` says: `auto` where it is a terminal, unless the
/// environment forbids it (`NO_COLOR`) or asks for it (`CLICOLOR_FORCE`).
pub fn apply(choice: ColorChoice) {
    let choice = match choice {
        ColorChoice::Auto => anstream::ColorChoice::Auto,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
}

/// `text` in `style`. What is written through [`anstream::stderr`] loses it where nothing is coloured.
pub fn paint(text: &str, style: Style) -> String {
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_valid_choice_before_the_separator_holds() {
        let of = |arguments: &[&str]| asked_for(arguments.iter().map(OsString::from));
        assert_eq!(of(&["automoe", "space"]), ColorChoice::Auto);
        assert_eq!(of(&["automoe", "--color", "never", "space", "--color=always"]), ColorChoice::Always);
        assert_eq!(of(&["automoe", "--color=never", "--color", "pink"]), ColorChoice::Never);
        assert_eq!(of(&["automoe", "--color"]), ColorChoice::Auto);
        assert_eq!(of(&["automoe", "--", "--color=always"]), ColorChoice::Auto);
    }
}
