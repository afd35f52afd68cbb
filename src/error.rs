//! One error type for the whole program: what happened, and whether the user can mend it.

use std::{fmt, io};

/// Faults that a message lists before it counts the rest.
const LISTED: usize = 12;

/// What went wrong, in one line that names the file, key or value at fault and says what to do; where several things did that
/// do not depend on each other, a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The user's input (command line, config, architecture, data file) cannot be used: exit code 2.
    Input(String),
    /// The program could not finish for another reason (disk full, device lost): exit code 1.
    Failure(String),
    /// The user interrupted it; what was done is kept: exit code 130.
    Interrupted(String),
}

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error in what the user gave.
    pub fn input(message: impl fmt::Display) -> Self {
        Self::Input(message.to_string())
    }

    /// An error that is not the user's.
    pub fn failure(message: impl fmt::Display) -> Self {
        Self::Failure(message.to_string())
    }

    /// The error of a path that may be the user's: in what they gave, where something else is there, or nothing, or what no
    /// text is.
    pub fn path(error: io::Error) -> Self {
        use io::ErrorKind::{AlreadyExists, FileTooLarge, InvalidData, IsADirectory, NotADirectory, NotFound};
        match error.kind() {
            AlreadyExists | IsADirectory | NotADirectory | NotFound | InvalidData | FileTooLarge => Self::input(error),
            _ => Self::failure(error),
        }
    }

    /// The same error with `place` (a file, a line, a key) in front of each line: `place: message`.
    pub fn at(self, place: impl fmt::Display) -> Self {
        let placed = |message: String| format!("{place}: {}", message.replace('\n', &format!("\n{place}: ")));
        match self {
            Self::Input(message) => Self::Input(placed(message)),
            Self::Failure(message) => Self::Failure(placed(message)),
            Self::Interrupted(message) => Self::Interrupted(placed(message)),
        }
    }

    /// The process's exit code: 2 for bad input, 130 (as shells have it) after an interruption, 1 for any other failure.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Input(_) => 2,
            Self::Failure(_) => 1,
            Self::Interrupted(_) => 130,
        }
    }
}

/// What `read` has brought, of a file that others can do without: where it cannot be read, none, and the message comes into `remarks`.
pub fn unless_damaged<T>(read: Result<Option<T>>, remarks: &mut Vec<String>) -> Option<T> {
    read.unwrap_or_else(|error| {
        remarks.push(error.to_string());
        None
    })
}

/// All of `faults` with `separator` between; of a great many, the first and the number of the others.
pub fn listed(faults: &[impl AsRef<str>], separator: &str) -> String {
    let mut shown: Vec<&str> = faults.iter().take(LISTED).map(AsRef::as_ref).collect();
    let others = format!("and {} more", faults.len() - shown.len());
    if faults.len() > LISTED {
        shown.push(&others);
    }
    shown.join(separator)
}

/// Refuses what has `faults`, all of them in one line; see [`listed`].
///
/// # Errors
/// There are any.
pub fn refuse(faults: &[String]) -> Result<()> {
    refuse_with(faults, "; ")
}

/// Refuses what has `faults` that do not depend on each other, with a line for each; see [`listed`].
///
/// # Errors
/// There are any.
pub fn refuse_each(faults: &[String]) -> Result<()> {
    refuse_with(faults, "\n")
}

fn refuse_with(faults: &[String], separator: &str) -> Result<()> {
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Error::input(listed(faults, separator))),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(message) | Self::Failure(message) | Self::Interrupted(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_whole_up_to_a_dozen() {
        let faults: Vec<String> = (1..=14).map(|number| format!("fault {number}")).collect();
        assert_eq!(listed(&faults[..2], "; "), "fault 1; fault 2");
        assert!(listed(&faults[..12], "; ").ends_with("; fault 11; fault 12"));
        assert!(listed(&faults, ", ").ends_with(", fault 12, and 2 more"));
    }

    #[test]
    fn at_keeps_the_kind_and_names_the_place() {
        let error = Error::input("expected a number").at("a.toml").at("config");
        assert_eq!(error.to_string(), "config: a.toml: expected a number");
        assert_eq!(error.exit_code(), 2);
        assert_eq!(Error::failure("disk full").at("x").exit_code(), 1);
        let faults = ["one".to_string(), "two".to_string()];
        assert_eq!(refuse_each(&faults).unwrap_err().at("a.toml").to_string(), "a.toml: one\na.toml: two");
        assert_eq!(refuse(&faults).unwrap_err().at("a.toml").to_string(), "a.toml: one; two");
    }
}
