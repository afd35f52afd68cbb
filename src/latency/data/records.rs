//! Splits a CSV text (RFC 4180) into records, each field with its place for messages.

/// Where a field begins: line and column, counted from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    pub line: usize,
    pub column: usize,
}

impl Place {
    /// Of a whole file.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// One field of a record, unquoted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub text: String,
    pub place: Place,
}

/// What is wrong, and where.
pub(super) type Fault = (Place, String);

/// The records of a text (RFC 4180): fields in commas, quoted where they hold commas, quotes or line breaks. Empty lines
/// are passed over.
pub(super) struct Records<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    place: Place,
}

impl<'a> Records<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { rest: text.chars().peekable(), place: Place { line: 1, column: 1 } }
    }

    fn take(&mut self) -> Option<char> {
        let taken = self.rest.next()?;
        if taken == '\n' {
            self.place.line += 1;
            self.place.column = 1;
        } else {
            self.place.column += 1;
        }
        Some(taken)
    }

    /// Takes a line break, if one comes next.
    fn take_line_break(&mut self) -> bool {
        let mut ahead = self.rest.clone();
        let length = match (ahead.next(), ahead.next()) {
            (Some('\n'), _) => 1,
            (Some('\r'), Some('\n')) => 2,
            _ => return false,
        };
        for _ in 0..length {
            self.take();
        }
        true
    }

    /// Reads one field, up to the comma or line break after it.
    fn field(&mut self) -> Result<Field, Fault> {
        let place = self.place;
        let mut text = String::new();
        if self.rest.peek() != Some(&'"') {
            while let Some(&next) = self.rest.peek() {
                if next == ',' || next == '\n' {
                    break;
                }
                self.take();
                text.push(next);
            }
            if text.ends_with('\r') {
                text.pop();
            }
            return Ok(Field { text, place });
        }
        self.take();
        loop {
            match self.take() {
                None => return Err((place, "the quote that begins here never ends".into())),
                Some('"') if self.rest.peek() == Some(&'"') => {
                    self.take();
                    text.push('"');
                }
                Some('"') => return Ok(Field { text, place }),
                Some(inside) => text.push(inside),
            }
        }
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Vec<Field>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.take_line_break() {}
        self.rest.peek()?;
        let mut fields = Vec::new();
        loop {
            match self.field() {
                Ok(field) => fields.push(field),
                Err(fault) => return Some(Err(fault)),
            }
            if self.rest.peek().is_none() || self.take_line_break() || self.rest.peek() == Some(&'\n') {
                return Some(Ok(fields));
            }
            if self.rest.peek() != Some(&',') {
                let message = "expected a comma after the closing quote".into();
                return Some(Err((self.place, message)));
            }
            self.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn fields_survive_quoting(rows in prop::collection::vec(
            prop::collection::vec("[a\",\n\r é]{0,5}", 2..3), 1..4)) {
            let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let text: String = rows
                .iter()
                .map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(",") + "\r\n")
                .collect();
            let read: Vec<Vec<String>> = Records::new(&text)
                .map(|record| record.unwrap().into_iter().map(|field| field.text).collect())
                .collect();
            prop_assert_eq!(read, rows);
        }
    }
}
