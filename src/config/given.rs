//! What a config's file and `--set` options give: each value by itself, with where it stands.

use super::document::Document;
use super::keys::{Keys, dotted, parted};
use super::mistakes::{mistake, unknown_key};
use std::borrow::Cow;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One value that is given.
pub(super) struct Given<'a> {
    /// Empty at the top level.
    section: &'a str,
    name: &'a str,
    place: Place<'a>,
    value: Spanned<DeValue<'a>>,
}

enum Place<'a> {
    /// In a file, where the key has this span.
    File(&'a Document<'a>, Range<usize>),
    /// In the option `--set` of this text.
    Option(&'a str),
}

impl<'a> Given<'a> {
    /// All that `document` gives, in the order of its lines.
    pub fn in_document(document: &'a Document<'a>, keys: &Keys) -> Vec<Self> {
        let one = |section, key: &'a Spanned<Cow<'a, str>>, value: &Spanned<DeValue<'a>>| Self {
            section,
            name: key.get_ref(),
            place: Place::File(document, key.span()),
            value: value.clone(),
        };
        let mut given = Vec::new();
        for (key, value) in &document.table {
            let name: &str = key.get_ref();
            match value.get_ref() {
                DeValue::Table(section) if keys.has_section(name) => {
                    given.extend(section.iter().map(|(key, value)| one(name, key, value)));
                }
                _ => given.push(one("", key, value)),
            }
        }
        given.sort_by_key(|given| match &given.place {
            Place::File(_, key) => key.start,
            Place::Option(_) => 0,
        });
        given
    }

    /// What `option`, such as `train.lr=1`, gives. The value is TOML; what TOML cannot read is taken as text.
    ///
    /// # Errors
    /// An option that gives no value.
    pub fn in_option(option: &'a str, keys: &Keys) -> Result<Self, String> {
        let fault = |message: String| Err(format!("--set {option}: {message}"));
        let Some((key, value)) = option.split_once('=').map(|(key, value)| (key.trim(), value.trim())) else {
            return fault("expected section.key=value".into());
        };
        let value = DeValue::parse(value).unwrap_or_else(|_| Spanned::new(0..0, DeValue::String(value.into())));
        let (section, name) = parted(key);
        if !section.is_empty() && !keys.has_section(section) {
            return fault(match keys.get("", section) {
                Some(_) => format!("{section} is no section: expected {section}=value"),
                None => unknown_key(section, "", keys),
            });
        }
        if section.is_empty() && keys.has_section(name) {
            return fault(format!("{name} is a section: expected {name}.key=value"));
        }
        Ok(Self { section, name, place: Place::Option(option), value })
    }

    /// Whether an option gives it.
    pub fn is_option(&self) -> bool {
        matches!(self.place, Place::Option(_))
    }

    /// The dotted key.
    pub fn key(&self) -> String {
        dotted(self.section, self.name)
    }

    /// The file with the line of the key, or the option.
    pub fn origin(&self) -> String {
        match &self.place {
            Place::File(document, key) => document.line(key),
            Place::Option(option) => format!("--set {option}"),
        }
    }

    /// What is wrong with it by itself, with the place: a key that is none of `keys`, a value of another type.
    pub fn mistake(&self, keys: &Keys) -> Option<String> {
        let Some(schema) = keys.get(self.section, self.name) else {
            return Some(format!("{}: {}", self.origin(), unknown_key(self.name, self.section, keys)));
        };
        let mut table = DeTable::new();
        self.put(&mut table);
        let (message, span) = mistake(&self.value, schema, table)?;
        Some(match self.place {
            Place::File(document, _) => format!("{}: {}: {message}", document.line(&span), self.key()),
            Place::Option(_) => format!("{}: {message}", self.origin()),
        })
    }

    /// Puts it into a config's `table`.
    pub fn put(&self, table: &mut DeTable<'a>) {
        let key = |name: &'a str| Spanned::new(0..0, Cow::Borrowed(name));
        let mut target = table;
        if !self.section.is_empty() {
            let section = || Spanned::new(self.value.span(), DeValue::Table(DeTable::new()));
            match target.entry(key(self.section)).or_insert_with(section).get_mut() {
                DeValue::Table(section) => target = section,
                _ => return,
            }
        }
        target.insert(key(self.name), self.value.clone());
    }
}
