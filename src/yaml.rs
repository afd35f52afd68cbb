//! YAML as HAT's and AutoMoE's files have it: settings by name, each one value or a list (of lists) of them.
//!
//! What these files never hold is refused: values with names of their own, anchors and aliases, tags, several documents. So
//! nothing that is read is larger than its text.

use crate::error::{Error, Result};
use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Map, Number, Value};

/// The largest text that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;
/// How deep lists may be nested.
const MAX_DEPTH: usize = 2;

/// The settings of `text`, in its order, under names with `_` where the file has `-` (as Python's `argparse` keeps them).
///
/// # Errors
/// Text that is not YAML, or not of this form; a name that is there twice; each with its line.
pub(crate) fn settings(text: &str) -> Result<Map<String, Value>> {
    if text.len() > MAX_BYTES {
        return Err(Error::input(format!("larger than {MAX_BYTES} bytes, the most that is read of YAML")));
    }
    Reader { events: Parser::new_from_str(text) }.read()
}

struct Reader<I> {
    events: I,
}

impl<'a, I, E> Reader<I>
where
    I: Iterator<Item = Result<(Event<'a>, Span), E>>,
    E: std::fmt::Display,
{
    fn read(mut self) -> Result<Map<String, Value>> {
        let mut settings = Map::new();
        loop {
            let (event, line) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) => {}
                Event::StreamEnd => {
                    return Err(Error::input("nothing in it: expected settings, one `name: value` a line"));
                }
                Event::MappingStart(0, None) => break,
                _ => return Err(expected("settings, one `name: value` a line", line)),
            }
        }
        loop {
            let (name, line) = match self.next()? {
                (Event::MappingEnd, _) => break,
                (Event::Scalar(name, _, 0, None), line) => (name.replace('-', "_"), line),
                (_, line) => return Err(expected("a setting's name", line)),
            };
            let value = self.value(0)?;
            if settings.insert(name.clone(), value).is_some() {
                return Err(at_line(&format!("\"{}\" is there twice", name.escape_debug()), line));
            }
        }
        loop {
            match self.next()? {
                (Event::DocumentEnd, _) => {}
                (Event::StreamEnd, _) => return Ok(settings),
                (_, line) => return Err(expected("one document", line)),
            }
        }
    }

    /// One value, or a list of them. `depth` lists are open.
    fn value(&mut self, depth: usize) -> Result<Value> {
        match self.next()? {
            (Event::Scalar(text, style, 0, None), _) => Ok(scalar(&text, style)),
            (Event::SequenceStart(0, None), _) if depth < MAX_DEPTH => self.list(depth + 1),
            (_, line) => Err(expected("a value, or a list of values", line)),
        }
    }

    /// The rest of a list.
    fn list(&mut self, depth: usize) -> Result<Value> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::Array(items)),
                (Event::Scalar(text, style, 0, None), _) => items.push(scalar(&text, style)),
                (Event::SequenceStart(0, None), _) if depth < MAX_DEPTH => items.push(self.list(depth + 1)?),
                (_, line) => return Err(expected("values in a list", line)),
            }
        }
    }

    /// The next event and the number of its line.
    fn next(&mut self) -> Result<(Event<'a>, usize)> {
        match self.events.next() {
            Some(Ok((event, span))) => Ok((event, span.start.line())),
            Some(Err(error)) => Err(Error::input(format!("not YAML: {error}"))),
            None => Err(Error::input("not YAML: it ends early")),
        }
    }
}

/// A plain scalar is the number, truth value or null that it looks like; a quoted one is text.
fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return text.into();
    }
    match text {
        "" | "~" | "null" | "Null" | "None" => Value::Null,
        "true" | "True" | "TRUE" => true.into(),
        "false" | "False" | "FALSE" => false.into(),
        _ => {
            let whole = text.parse::<i64>().ok().map(Number::from);
            let starts_as_number = text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first));
            let decimal = || text.parse().ok().filter(|_| starts_as_number).and_then(Number::from_f64);
            whole.or_else(decimal).map_or_else(|| text.into(), Value::Number)
        }
    }
}

fn expected(what: &str, line: usize) -> Error {
    at_line(&format!("expected {what}"), line)
}

fn at_line(message: &str, line: usize) -> Error {
    Error::input(format!("line {line}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_values_and_lists() {
        let text = "# model\narch: transformersuper_wmt_en_de\nfp16: True\nadam-betas: (0.9, 0.98)\nlr: 1e-7\nclip-norm: 0.0\n\
                    seed: 1\npath: '7'\nnothing:\nencoder-embed-choice: [640, 512]\nattn:\n  - -1\n  - 2\nlists: [[1], [2, 3]]\n";
        let expected = json!({
            "arch": "transformersuper_wmt_en_de", "fp16": true, "adam_betas": "(0.9, 0.98)", "lr": 1e-7, "clip_norm": 0.0,
            "seed": 1, "path": "7", "nothing": null, "encoder_embed_choice": [640, 512], "attn": [-1, 2],
            "lists": [[1], [2, 3]],
        });
        assert_eq!(Value::Object(settings(text).unwrap()), expected);
    }

    #[test]
    fn what_these_files_never_hold_is_refused_with_its_line() {
        for (text, expected) in [
            ("", "nothing in it"),
            ("# a word\n", "nothing in it"),
            ("a: 1\nb: 2\na: 3\n", "line 3: \"a\" is there twice"),
            ("a-b: 1\na_b: 2\n", "line 2: \"a_b\" is there twice"),
            ("- 1\n- 2\n", "line 1: expected settings"),
            ("word\n", "line 1: expected settings"),
            ("a: 1\nb: {c: 2}\n", "line 2: expected a value"),
            ("a: &x [1]\nb: *x\n", "line 1: expected a value"),
            ("a: 1\nb: *x\n", "not YAML"),
            ("a: !!int 1\n", "line 1: expected a value"),
            ("a: [[[1]]]\n", "line 1: expected values in a list"),
            ("a: 1\n---\nb: 2\n", "line 2: expected one document"),
            ("a: [1, 2\n", "not YAML"),
            ("a: \"b\n", "not YAML"),
            ("[1]: 2\n", "line 1: expected a setting's name"),
        ] {
            let error = settings(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text:?}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
        assert!(settings(&"a".repeat(MAX_BYTES + 1)).is_err());
        assert!(settings(&format!("a: {}", "[".repeat(1000))).is_err());
    }
}
