//! What options say before clap has read them: its help and its refusals depend on some.

use clap::ValueEnum;
use std::ffi::OsString;

/// What `option` says last among `arguments`. What is none of its values is for clap to refuse.
pub fn value_of<T: ValueEnum>(option: &str, arguments: impl IntoIterator<Item = OsString>) -> Option<T> {
    let mut found = None;
    let mut arguments = arguments.into_iter().take_while(|argument| argument != "--");
    while let Some(argument) = arguments.next() {
        let value = match argument.to_str().and_then(|argument| argument.strip_prefix(option)) {
            Some("") => arguments.next().and_then(|value| value.into_string().ok()),
            Some(rest) => rest.strip_prefix('=').map(str::to_owned),
            None => None,
        };
        found = value.and_then(|value| T::from_str(&value, false).ok()).or(found);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ColorChoice;

    #[test]
    fn the_last_valid_choice_before_the_separator_holds() {
        let of = |arguments: &[&str]| value_of("--color", arguments.iter().map(OsString::from));
        assert_eq!(of(&["automoe", "space"]), None);
        assert_eq!(of(&["automoe", "--color", "never", "space", "--color=always"]), Some(ColorChoice::Always));
        assert_eq!(of(&["automoe", "--color=never", "--color", "pink"]), Some(ColorChoice::Never));
        assert_eq!(of(&["automoe", "--color"]), None);
        assert_eq!(of(&["automoe", "--colors", "never"]), None);
        assert_eq!(of(&["automoe", "--", "--color=always"]), None);
    }
}
