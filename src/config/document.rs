//! A config file's text: its values, and the lines they stand in.

use super::mistakes::one_line;
use crate::error::{Error, Result};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// The text, parsed but not yet typed.
pub(super) struct Document<'a> {
    /// The file as messages name it.
    place: &'a str,
    /// What lines are counted in; `None`: the file holds another text, which this one was made of.
    text: Option<&'a str>,
    pub table: DeTable<'a>,
}

impl<'a> Document<'a> {
    /// Parses `text`. With `is_converted` the file at `place` holds another text.
    ///
    /// # Errors
    /// Text that is not TOML.
    pub fn parse(place: &'a str, text: &'a str, is_converted: bool) -> Result<Self> {
        let mut document = Self { place, text: (!is_converted).then_some(text), table: DeTable::new() };
        let table = DeTable::parse(text).map_err(|error| {
            let place = document.line(&error.span().unwrap_or_default());
            Error::input(one_line(error.message())).at(place)
        })?;
        document.table = table.into_inner();
        Ok(document)
    }

    /// `file:line` of a dotted key that the file gives, or of its section; the file where it has neither.
    pub fn place_of(&self, key: &str) -> String {
        let mut table = &self.table;
        let mut place = self.file();
        for part in key.split('.') {
            let Some((name, value)) = table.iter().find(|(name, _)| *name.get_ref() == part) else {
                return place;
            };
            place = self.line(&name.span());
            match value.get_ref() {
                DeValue::Table(inner) => table = inner,
                _ => return place,
            }
        }
        place
    }

    /// `file:line`, the line being the one on which `span` begins; the first is 1.
    pub fn line(&self, span: &Range<usize>) -> String {
        let Some(text) = self.text else { return self.file() };
        let before = &text.as_bytes()[..span.start.min(text.len())];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        format!("{}:{line}", self.place)
    }
    fn file(&self) -> String {
        match self.text {
            Some(_) => self.place.to_owned(),
            None => format!("{} as a config", self.place),
        }
    }
}
