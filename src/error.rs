//! One error type for the whole program: what happened, and whether the user can mend it.

use std::{fmt, io};

/// What went wrong, in one line that names the file, key or value at fault and says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The user's input (command line, config, architecture, data file) cannot be used: exit code 2.
    Input(String),
    /// The program could not finish for another reason (disk full, device lost): exit code 1.
    Failure(String),
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

    /// The error of a path that may be the user's: in what they gave, where something else is there, or nothing.
    pub fn path(error: io::Error) -> Self {
        use io::ErrorKind::{AlreadyExists, IsADirectory, NotADirectory, NotFound};
        match error.kind() {
            AlreadyExists | IsADirectory | NotADirectory | NotFound => Self::input(error),
            _ => Self::failure(error),
        }
    }

    /// The same error with `place` (a file, a line, a key) in front: `place: message`.
    pub fn at(self, place: impl fmt::Display) -> Self {
        match self {
            Self::Input(message) => Self::Input(format!("{place}: {message}")),
            Self::Failure(message) => Self::Failure(format!("{place}: {message}")),
        }
    }

    /// The process's exit code: 2 for bad input, 1 for any other failure.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Input(_) => 2,
            Self::Failure(_) => 1,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(message) | Self::Failure(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_keeps_the_kind_and_names_the_place() {
        let error = Error::input("expected a number").at("a.toml").at("config");
        assert_eq!(error.to_string(), "config: a.toml: expected a number");
        assert_eq!(error.exit_code(), 2);
        assert_eq!(Error::failure("disk full").at("x").exit_code(), 1);
    }
}
