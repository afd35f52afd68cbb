//! `--color`: whether help and messages are coloured.

use anstyle::{AnsiColor, Style};
use clap::ColorChoice;

/// The start of errors.
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
/// The start of warnings.
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();

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
