//! `--arch A`: architectures from a file or, with `-`, from standard input: one a line, or JSON spread over lines, or one as
//! HAT's YAML. Trials, and what other commands print of an architecture, hold it under `architecture`.

use crate::bounded::drop_mark;
use crate::config::{Config, ObjectiveName};
use crate::error::{Error, Result, listed};
use crate::interop::hat;
use crate::json;
use crate::search::{Trial, ranked};
use crate::space::Architecture;
use serde_json::Value;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// The longest JSON value that is read, in bytes: more than the largest valid architecture takes.
const MAX_BYTES: usize = 16 << 20;

/// Reads architectures one after another, never holding more than one of them.
pub(super) struct Architectures<R> {
    input: R,
    name: String,
    qkv_dim: usize,
    /// Lines read so far.
    line: usize,
    form: Form,
    max_bytes: usize,
}

/// How the input is laid out: its first value tells.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Unknown,
    /// A value a line: a line that is cut short does not swallow those after it.
    OneALine,
    /// Values over several lines.
    Spread,
    /// One architecture in YAML.
    Yaml,
    Ended,
}

/// Opens the argument of `--arch`, `-` for standard input; the architectures' heads must divide `qkv_dim`.
///
/// # Errors
/// A file that cannot be opened.
pub(super) fn open(argument: &Path, qkv_dim: usize) -> Result<Architectures<Box<dyn BufRead>>> {
    let (input, name): (Box<dyn BufRead>, String) = if argument.as_os_str() == "-" {
        (Box::new(io::stdin().lock()), "stdin".into())
    } else {
        let name = argument.display().to_string();
        let file = File::open(argument).map_err(|error| Error::input(error).at(&name))?;
        (Box::new(BufReader::new(file)), name)
    };
    Ok(Architectures::new(input, name, qkv_dim))
}

/// Calls `print` for each architecture of `--arch`, or for the largest of `config`'s space where it was not given, until
/// `print` says that nobody reads on.
///
/// # Errors
/// An unusable config or architecture; those of `print`.
pub(super) fn for_each(
    argument: Option<&Path>,
    config: &Config,
    mut print: impl FnMut(&Architecture) -> Result<bool>,
) -> Result<()> {
    let Some(argument) = argument else {
        return print(&config.space()?.largest()).map(|_| ());
    };
    for architecture in open(argument, config.model.qkv_dim)? {
        if !print(&architecture?)? {
            break;
        }
    }
    Ok(())
}

/// The one architecture in the argument of `--arch`; see [`open`].
///
/// # Errors
/// None there, more than one, or one that is not valid.
pub(super) fn single(argument: &Path, qkv_dim: usize) -> Result<Architecture> {
    let mut architectures = open(argument, qkv_dim)?;
    let Some(first) = architectures.next() else {
        return Err(Error::input("no architecture").at(argument.display()));
    };
    let first = first?;
    match architectures.next() {
        None => Ok(first),
        Some(_) => Err(Error::input("more than one architecture; give one").at(architectures.name)),
    }
}

/// Tells of an architecture that is outside of `config`'s space, whose SuperNet never trained such.
///
/// # Errors
/// A space that is none.
pub(super) fn warn_outside(architecture: &Architecture, config: &Config) -> Result<()> {
    if let Err(faults) = config.space()?.contains(architecture) {
        tracing::warn!("--arch is outside the config's space: {}", listed(&faults, "; "));
    }
    Ok(())
}

/// The architectures in the argument of `--warm-start`, in their order; of trials the complete ones, best first by `objectives`.
///
/// # Errors
/// See [`open`]; one that is not valid.
pub(super) fn to_begin_with(
    argument: &Path,
    qkv_dim: usize,
    objectives: &[ObjectiveName],
) -> Result<Vec<Architecture>> {
    let mut architectures = open(argument, qkv_dim)?;
    let (mut given, mut trials) = (Vec::new(), Vec::new());
    while let Some((architecture, text)) = architectures.read()? {
        match serde_json::from_slice::<Trial>(&text) {
            Ok(trial) => trials.push(trial),
            Err(_) => given.push(architecture),
        }
    }
    given.extend(ranked(trials.iter().collect(), objectives).into_iter().map(|trial| trial.architecture.clone()));
    match given.is_empty() {
        true => Err(Error::input("none of its trials is complete").at(architectures.name)),
        false => Ok(given),
    }
}

impl<R: BufRead> Architectures<R> {
    fn new(input: R, name: String, qkv_dim: usize) -> Self {
        Self { input, name, qkv_dim, line: 0, form: Form::Unknown, max_bytes: MAX_BYTES }
    }

    /// The next architecture, and the text that it was read from.
    fn read(&mut self) -> Result<Option<(Architecture, Vec<u8>)>> {
        let Some((first_line, text)) = self.next_value()? else {
            if self.form == Form::Unknown {
                let message = "no architecture: expected JSON objects, one a line";
                return Err(Error::input(message).at(&self.name));
            }
            return Ok(None);
        };
        let place = if self.form == Form::Yaml { self.name.clone() } else { self.place(first_line) };
        let architecture = self.parse(&text).map_err(|error| error.at(place))?;
        Ok(Some((architecture, text)))
    }

    fn parse(&self, text: &[u8]) -> Result<Architecture> {
        let text = str::from_utf8(text.trim_ascii_end()).map_err(|_| Error::input("not UTF-8 text"))?;
        let architecture = match self.form {
            Form::Yaml => hat::architecture(text, self.qkv_dim)?,
            _ => held(text)?,
        };
        let faults = architecture.head_faults(self.qkv_dim);
        match faults.is_empty() {
            true => Ok(architecture),
            false => Err(Error::input(format!("{}; change that with --set model.qkv_dim=N", listed(&faults, "; ")))),
        }
    }

    fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.name)
    }

    /// The next value's text and the number of its first line.
    fn next_value(&mut self) -> Result<Option<(usize, Vec<u8>)>> {
        let mut text = Vec::new();
        let mut first_line = 0;
        let mut brackets = Brackets::default();
        loop {
            let start = text.len();
            if !self.read_line(&mut text)? {
                break;
            }
            if text.trim_ascii().is_empty() {
                text.clear();
                continue;
            }
            if first_line == 0 {
                first_line = self.line;
            }
            if self.form == Form::Unknown && first_line == self.line && is_yaml(&text[start..]) {
                self.form = Form::Yaml;
                while self.read_line(&mut text)? {}
                break;
            }
            brackets.scan(&text[start..]);
            if brackets.depth <= 0 {
                if self.form == Form::Unknown {
                    self.form = Form::OneALine;
                }
                break;
            }
            if self.form == Form::OneALine {
                break;
            }
            self.form = Form::Spread;
        }
        Ok((first_line > 0).then_some((first_line, text)))
    }

    /// Appends a line to `text`; false at the end of the input.
    fn read_line(&mut self, text: &mut Vec<u8>) -> Result<bool> {
        let room = (self.max_bytes + 1).saturating_sub(text.len()) as u64;
        let read = (&mut self.input).take(room).read_until(b'\n', text);
        let read = read.map_err(|error| Error::input(error).at(&self.name))?;
        if read > 0 {
            self.line += 1;
        }
        if self.line == 1 {
            drop_mark(text).map_err(|error| Error::input(error).at(self.place(1)))?;
        }
        if text.len() > self.max_bytes {
            let message = format!("an architecture of more than {} bytes", self.max_bytes);
            return Err(Error::input(message).at(self.place(self.line)));
        }
        Ok(read > 0)
    }
}

impl<R: BufRead> Iterator for Architectures<R> {
    type Item = Result<Architecture>;

    /// The next architecture; nothing follows an error.
    fn next(&mut self) -> Option<Self::Item> {
        if self.form == Form::Ended {
            return None;
        }
        let read = self.read().transpose();
        if !matches!(read, Some(Ok(_))) {
            self.form = Form::Ended;
        }
        read.map(|read| read.map(|(architecture, _)| architecture))
    }
}

/// The architecture in JSON text, or that which its object holds under that key.
fn held(text: &str) -> Result<Architecture> {
    match json::parse(text) {
        Ok(Value::Object(object)) if object.contains_key("architecture") => {
            Architecture::from_value(&object["architecture"])
        }
        Ok(value) => Architecture::from_value(&value),
        Err(error) => Err(Error::input(format!("not a JSON architecture: {error}"))),
    }
}

fn is_yaml(line: &[u8]) -> bool {
    str::from_utf8(line).is_ok_and(hat::is_yaml)
}

/// How many brackets are open, those within strings left out.
#[derive(Default)]
struct Brackets {
    depth: i64,
    in_string: bool,
    escaped: bool,
}

impl Brackets {
    fn scan(&mut self, text: &[u8]) {
        for &byte in text {
            if self.in_string {
                self.in_string = self.escaped || byte != b'"';
                self.escaped = !self.escaped && byte == b'\\';
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth -= 1,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(layers: usize) -> String {
        serde_json::to_string(&Architecture::dense(32, 48, 4, layers, 1)).unwrap()
    }

    fn pretty(layers: usize) -> String {
        serde_json::to_string_pretty(&Architecture::dense(32, 48, 4, layers, 1)).unwrap()
    }

    fn read(text: &[u8], max_bytes: usize) -> Result<Vec<usize>> {
        let mut architectures = Architectures::new(text, "stdin".into(), 64);
        architectures.max_bytes = max_bytes;
        architectures.map(|read| read.map(|architecture| architecture.encoder.layers.len())).collect()
    }

    fn fault(text: &[u8]) -> String {
        let error = read(text, MAX_BYTES).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    }

    #[test]
    fn lines_and_spread_values_are_read() {
        let lines = format!("\n{}\r\n\n{}", line(1), line(2));
        assert_eq!(read(lines.as_bytes(), MAX_BYTES), Ok(vec![1, 2]));
        // As an editor on Windows writes it.
        let spread = format!("\u{feff}{}\n{}\n", pretty(3), pretty(1)).replace('\n', "\r\n");
        assert_eq!(read(spread.as_bytes(), MAX_BYTES), Ok(vec![3, 1]));
    }

    #[test]
    fn architectures_within_results_are_read() {
        let results = format!("{{\"id\":3,\"architecture\":{},\"ms\":0.5}}\n{}\n", line(2), line(1));
        assert_eq!(read(results.as_bytes(), MAX_BYTES), Ok(vec![2, 1]));
        let message = fault(br#"{"id":3,"architecture":{"encoder":1}}"#);
        assert!(message.starts_with("stdin:1: "), "{message}");
    }

    #[test]
    fn one_architecture_in_yaml_is_read() {
        let yaml = |heads: &str| {
            let stack = |side: &str| {
                format!(
                    "{side}-embed-dim-subtransformer: 32\n{side}-layer-num-subtransformer: 1\n\
                     {side}-ffn-embed-dim-all-subtransformer: [48]\n\
                     {side}-self-attention-heads-all-subtransformer: [{heads}]\n"
                )
            };
            format!("{}\n{}decoder-ende-attention-heads-all-subtransformer: [4]\n", stack("encoder"), stack("decoder"))
        };
        for first in ["", "\n# found by a search\n", "---\n"] {
            assert_eq!(read(format!("{first}{}", yaml("4")).as_bytes(), MAX_BYTES), Ok(vec![1]));
        }
        assert!(fault(yaml("3").as_bytes()).starts_with("stdin: encoder_self_attention_heads, layer 1: 3 heads"));
        let twice = format!("{}decoder-layer-num-subtransformer: 2\n", yaml("4"));
        assert_eq!(fault(twice.as_bytes()), "stdin: line 11: \"decoder_layer_num_subtransformer\" is there twice");
    }

    #[test]
    fn a_name_that_is_there_twice_is_told() {
        let doubled = line(1).replacen("\"encoder_layer_num\"", "\"encoder_layer_num\":2,\"encoder_layer_num\"", 1);
        for text in
            [doubled.clone(), format!("{{\"id\":3,\"architecture\":{doubled}}}"), r#"{"encoder":1,"encoder":2}"#.into()]
        {
            let message = fault(text.as_bytes());
            assert!(message.starts_with("stdin:1: ") && message.contains("is there twice"), "{message}");
        }
    }

    #[test]
    fn a_bad_value_is_named_by_its_line() {
        let first = line(1);
        let cut = &line(2)[..40];
        for (text, expected) in [
            (format!("{first}\n\n{cut}\n{first}\n"), "stdin:3: "),
            (format!("{first}\nnonsense\n"), "stdin:2: "),
            (format!("{}\n{{\n\"encoder\": 1\n}}", pretty(1)), "stdin:"),
            ("[[[[".into(), "stdin:1: "),
            (
                format!("{first}\n{}", line(2).replace('4', "7")),
                "stdin:2: encoder_self_attention_heads, layer 1: 7 heads",
            ),
            ("\n \n".into(), "stdin: no architecture"),
            ("".into(), "stdin: no architecture"),
        ] {
            let message = fault(text.as_bytes());
            assert!(message.lines().all(|line| line.starts_with(expected)), "{message}");
        }
        let not_text = [first.as_bytes(), b"\n\xff\n"].concat();
        assert_eq!(fault(&not_text), "stdin:2: not UTF-8 text");
    }

    #[test]
    fn values_without_end_are_refused() {
        let size = line(1).len();
        assert_eq!(read(line(1).as_bytes(), size), Ok(vec![1]));
        assert!(read(line(1).as_bytes(), size - 1).is_err());
        let open = "[\n".repeat(1000);
        let message = read(open.as_bytes(), 100).unwrap_err().to_string();
        assert_eq!(message, "stdin:51: an architecture of more than 100 bytes");
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        let mut brackets = Brackets::default();
        brackets.scan(br#"{"a\"}": "\\", "b": ["#);
        assert_eq!(brackets.depth, 2);
    }
}
