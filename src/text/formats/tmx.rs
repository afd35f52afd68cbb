//! TMX (Translation Memory eXchange 1.1 to 1.4), plain or gzip: XML with a unit a sentence, which has a variant a language.

use crate::catalog::{TMX, TextFormatRow};
use crate::error::{Error, Result};
use crate::text::format::{NamedText, SoughtFile, TextFormat};
use crate::text::lines::{MAX_LINE_BYTES, MAX_TEXT_BYTES, open_text};
use crate::text::pairs::Pairs;
use crate::text::parallel::ParallelText;
use crate::white_space::collapsed;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use std::collections::BTreeSet;
use std::io::{self, BufRead, Read};

/// Elements within a sentence whose content is a code of the document it came from.
const CODES: [&str; 5] = ["bpt", "ept", "it", "ph", "ut"];

/// The most languages that a message names.
const SHOWN_LANGUAGES: usize = 8;

/// The file `<name>`, which ends in `.tmx` or `.tmx.gz`, or the same with `.gz`.
pub struct Tmx;

impl TextFormat for Tmx {
    fn row(&self) -> &'static TextFormatRow {
        &TMX
    }

    fn files(&self, text: &NamedText) -> Vec<SoughtFile> {
        match text.ends_in(TMX.endings) {
            true => vec![SoughtFile::new(text.dir, text.name)],
            false => Vec::new(),
        }
    }

    /// Units without one of the languages are left out.
    fn read(&self, text: &NamedText) -> Result<Pairs> {
        let path = SoughtFile::new(text.dir, text.name).find()?;
        let place = |error: Error| error.at(path.display());
        let mut units = Units::new(open_text(&path)?.take(MAX_TEXT_BYTES), text.languages);
        let mut pairs = ParallelText::default();
        let mut left_out = 0;
        while let Some(unit) = units.next().map_err(|error| place(error.at(format!("line {}", units.line()))))? {
            match unit {
                [Some(source), Some(target)] => {
                    pairs.sources.push(source.text);
                    pairs.targets.push(target.text);
                }
                _ => left_out += 1,
            }
        }
        let [source, target] = text.languages;
        if pairs.is_empty() {
            let found: Vec<String> = units.languages.into_iter().collect();
            let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
            return Err(place(Error::input(format!("no unit in both {source} and {target}; its languages: {found}"))));
        }
        if left_out > 0 {
            tracing::warn!("{}: {left_out} units without {source} or {target} are left out", path.display());
        }
        Ok(Pairs::Text(pairs))
    }
}

/// A unit's sentence in one of the languages.
struct Variant {
    /// Whether its language is the one that is looked for, and not one of its regions (`en-US` for `en`).
    is_exact: bool,
    text: String,
}

/// A sentence that is being read.
#[derive(Default)]
struct Segment {
    text: String,
    /// Elements within it that are open.
    depth: usize,
    /// Of these, those from the first [code](CODES) on.
    within_code: usize,
}

/// The units of a file, one after the other.
struct Units<'a, R: BufRead> {
    reader: Reader<Bounded<R>>,
    wanted: [&'a str; 2],
    /// Some of the languages that were found.
    languages: BTreeSet<String>,
    /// Elements that are open.
    depth: usize,
}

impl<'a, R: BufRead> Units<'a, R> {
    fn new(text: R, wanted: [&'a str; 2]) -> Self {
        let reader = Reader::from_reader(Bounded { inner: text, left: 0, line: 1 });
        Self { reader, wanted, languages: BTreeSet::new(), depth: 0 }
    }

    /// Where reading is.
    fn line(&self) -> u64 {
        self.reader.get_ref().line
    }

    /// The source and the target of the next unit; nothing after the last.
    fn next(&mut self) -> Result<Option<[Option<Variant>; 2]>> {
        let mut unit = [None, None];
        let mut language = None;
        let mut segment: Option<Segment> = None;
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            self.reader.get_mut().left = MAX_LINE_BYTES;
            let event = self.reader.read_event_into(&mut buffer).map_err(of_xml)?;
            match (event, &mut segment) {
                (Event::Eof, _) if self.depth > 0 => return Err(Error::input("the file ends within an element")),
                (Event::Eof, _) => return Ok(None),
                (Event::Start(tag), Some(segment)) => {
                    self.depth += 1;
                    segment.depth += 1;
                    if segment.within_code > 0 || CODES.contains(&tag.name().as_ref()) {
                        segment.within_code += 1;
                    }
                }
                (Event::Start(tag), None) => {
                    let name = tag.name();
                    if self.depth == 0 && name.as_ref() != "tmx" {
                        return Err(Error::input(format!("expected <tmx>, found <{}>", name.as_ref().escape_debug())));
                    }
                    self.depth += 1;
                    match name.as_ref() {
                        "tu" => unit = [None, None],
                        "tuv" => language = Some(language_of(&tag)?),
                        "seg" if language.is_some() => segment = Some(Segment::default()),
                        _ => {}
                    }
                }
                (Event::End(_), Some(open)) if open.depth > 0 => {
                    self.depth -= 1;
                    open.depth -= 1;
                    open.within_code = open.within_code.saturating_sub(1);
                }
                (Event::End(_), Some(whole)) => {
                    self.depth -= 1;
                    self.keep(language.as_deref().unwrap_or_default(), &whole.text, &mut unit);
                    segment = None;
                }
                (Event::End(tag), None) => {
                    self.depth -= 1;
                    match tag.name().as_ref() {
                        "tuv" => language = None,
                        "tu" => return Ok(Some(unit)),
                        _ => {}
                    }
                }
                (Event::Text(text), Some(segment)) => segment.push(&text.xml_content(XmlVersion::Implicit1_0))?,
                (Event::CData(text), Some(segment)) => segment.push(&text.xml_content(XmlVersion::Implicit1_0))?,
                (Event::GeneralRef(name), Some(segment)) => segment.push(&referred(&name)?)?,
                (Event::Decl(declaration), _) => check_encoding(declaration.encoding())?,
                _ => {}
            }
        }
    }

    /// Keeps a variant that is of one of the languages, unless there is as good a one already.
    fn keep(&mut self, language: &str, text: &str, unit: &mut [Option<Variant>; 2]) {
        if self.languages.len() < SHOWN_LANGUAGES {
            self.languages.insert(language.to_owned());
        }
        for (wanted, kept) in self.wanted.iter().zip(unit) {
            let Some(is_exact) = fits(language, wanted) else {
                continue;
            };
            if kept.as_ref().is_none_or(|kept| is_exact && !kept.is_exact) {
                // Line breaks and indentation are the file's, and a dropped code leaves the blanks around it.
                *kept = Some(Variant { is_exact, text: collapsed(text).into_owned() });
            }
        }
    }
}

impl Segment {
    fn push(&mut self, text: &str) -> Result<()> {
        if self.within_code > 0 {
            return Ok(());
        }
        if (self.text.len() + text.len()) as u64 > MAX_LINE_BYTES {
            return Err(Error::input(format!("a sentence longer than {MAX_LINE_BYTES} bytes")));
        }
        self.text.push_str(text);
        Ok(())
    }
}

/// The language of a variant: `xml:lang`, or `lang` before version 1.4.
fn language_of(tag: &BytesStart) -> Result<String> {
    let mut language = String::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| Error::input(format!("not XML: {error}")))?;
        let key = attribute.key;
        if key.as_ref() == "xml:lang" || (key.as_ref() == "lang" && language.is_empty()) {
            language = attribute.value.escape_debug().to_string();
        }
    }
    Ok(language)
}

/// Whether the language `found` is `wanted` (then exactly) or one of its regions, whatever the case.
fn fits(found: &str, wanted: &str) -> Option<bool> {
    let [found, wanted] = [found, wanted].map(|tag| tag.to_ascii_lowercase().replace('_', "-"));
    let rest = found.strip_prefix(&wanted)?;
    (rest.is_empty() || rest.starts_with('-')).then_some(rest.is_empty())
}

/// The character that `&name;` stands for.
fn referred(name: &BytesRef) -> Result<String> {
    let unknown = || Error::input(format!("&{}; stands for no character that is known", name.escape_debug()));
    match name.resolve_char_ref() {
        Ok(Some(character)) => Ok(character.to_string()),
        Ok(None) => quick_xml::escape::resolve_xml_entity(name).map(String::from).ok_or_else(unknown),
        Err(_) => Err(unknown()),
    }
}

/// UTF-16 cannot be: what declares it was read as UTF-8 up to here.
fn check_encoding<E>(declared: Option<Result<std::borrow::Cow<str>, E>>) -> Result<()> {
    match declared {
        Some(Ok(name)) if !["utf-8", "utf8", "us-ascii", "utf-16"].contains(&name.to_ascii_lowercase().as_str()) => {
            Err(Error::input(format!("its encoding is {}, where UTF-8 is read: convert it", name.escape_debug())))
        }
        _ => Ok(()),
    }
}

fn of_xml(error: quick_xml::Error) -> Error {
    match error {
        quick_xml::Error::Encoding(_) => Error::input("not UTF-8 text: save it as UTF-8"),
        quick_xml::Error::Io(error) => Error::input(error),
        error => Error::input(format!("not XML: {error}")),
    }
}

/// Hands on so many bytes and then fails, so that nothing without end is taken for a tag or a text. Counts lines.
struct Bounded<R> {
    inner: R,
    left: u64,
    line: u64,
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let bytes = self.inner.fill_buf()?;
        if self.left == 0 && !bytes.is_empty() {
            return Err(io::Error::other(format!("a tag or a text longer than {MAX_LINE_BYTES} bytes")));
        }
        let shown = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        Ok(&bytes[..shown])
    }

    fn consume(&mut self, count: usize) {
        // What is there already is not read again.
        let consumed = self.inner.fill_buf().map_or(&[][..], |bytes| &bytes[..count.min(bytes.len())]);
        self.line += consumed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.left = self.left.saturating_sub(count as u64);
        self.inner.consume(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<ParallelText> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.tmx"), bytes).unwrap();
        let text = NamedText { dir: dir.path(), name: "a.tmx", languages: ["de", "en"], has_parts: false };
        Ok(Tmx.read(&text)?.text().unwrap().clone())
    }

    /// A file with those units.
    fn tmx(units: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE tmx SYSTEM \"tmx14.dtd\">\n<tmx version=\"1.4\">\n\
             <header srclang=\"de\" segtype=\"sentence\"><note>no <seg>unit</seg></note></header>\n<body>\n{units}</body>\n</tmx>\n"
        )
    }

    /// A unit of those German and English sentences.
    fn unit(german: &str, english: &str) -> String {
        format!("<tu><tuv xml:lang='de'><seg>{german}</seg></tuv><tuv xml:lang='en'><seg>{english}</seg></tuv></tu>\n")
    }

    #[test]
    fn sentences_are_read_without_codes_and_layout() {
        for (german, english, expected) in [
            ("ein Haus", "a house", ["ein Haus", "a house"]),
            ("\n   ein\n   Haus\n", " a  house ", ["ein Haus", "a house"]),
            ("&lt;&#228;&#xDF;&gt; &amp; co", "<![CDATA[<b> & ]]>c", ["<äß> & co", "<b> & c"]),
            (
                "ein <bpt i='1'>{\\b <sub>fett</sub>}</bpt><hi>gro<hi>ß</hi>es</hi><ept i='1'>}</ept> <ph x='1'/> Haus",
                "a <it pos='begin'>&lt;b></it>big<ut>x</ut> house<!-- no text -->",
                ["ein großes Haus", "a big house"],
            ),
            ("", "<seg>in</seg> side", ["", "in side"]),
        ] {
            let pairs = read(tmx(&unit(german, english)).as_bytes()).unwrap();
            assert_eq!((pairs.sources, pairs.targets), (vec![expected[0].to_owned()], vec![expected[1].to_owned()]));
        }
    }

    #[test]
    fn languages_are_matched_by_their_tags() {
        let variants = |languages: &[&str]| {
            let variant = |language: &&str| format!("<tuv {language}><seg>{}</seg></tuv>", language.replace('"', "'"));
            format!("<tu>{}</tu>", languages.iter().map(variant).collect::<String>())
        };
        let units = [
            // The order in a unit is no matter, nor are other languages, case and region; the language itself comes first.
            variants(&[r#"xml:lang="EN""#, r#"xml:lang="fr""#, r#"xml:lang="DE-at""#]),
            variants(&[r#"xml:lang="en-GB""#, r#"xml:lang="en_US""#, r#"xml:lang="de-CH""#, r#"xml:lang="de""#]),
            variants(&[r#"lang="de""#, r#"lang="en""#]),
            // Not German, and units without both are left out.
            variants(&[r#"xml:lang="den""#, r#"xml:lang="en""#]),
            variants(&[r#"xml:lang="de""#]),
        ];
        let pairs = read(tmx(&units.concat()).as_bytes()).unwrap();
        assert_eq!(pairs.sources, ["xml:lang='DE-at'", "xml:lang='de'", "lang='de'"]);
        assert_eq!(pairs.targets, ["xml:lang='EN'", "xml:lang='en-GB'", "lang='en'"]);
        let error = read(tmx(&variants(&["xml:lang='fr'", "xml:lang='en'"])).as_bytes()).unwrap_err().to_string();
        assert!(error.contains("a.tmx: no unit in both de and en; its languages: en, fr"), "{error}");
    }

    #[test]
    fn what_is_no_such_file_is_named_with_its_line() {
        let good = tmx(&unit("ein Haus", "a house"));
        let long = unit(&"x".repeat(MAX_LINE_BYTES as usize + 1), "y");
        let parts = unit(&"x<ph/>".repeat(MAX_LINE_BYTES as usize / 2), &"xxx<ph/>".repeat(MAX_LINE_BYTES as usize));
        for (text, expected) in [
            (&b"<html></html>"[..], "line 1: expected <tmx>, found <html>"),
            (b"no XML", "no unit in both de and en; its languages: none"),
            (good.strip_suffix("</tmx>\n").unwrap().as_bytes(), "line 8: the file ends within an element"),
            (good.strip_suffix("y>\n</tmx>\n").unwrap().as_bytes(), "line 7: not XML: "),
            (good.replace("Haus</seg>", "Haus</sag>").as_bytes(), "line 6: not XML: "),
            (good.replace("UTF-8", "ISO-8859-1").as_bytes(), "line 1: its encoding is ISO-8859-1"),
            (tmx(&unit("&house;", "a")).as_bytes(), "line 6: &house; stands for no character"),
            (tmx(&unit("&#0;", "a")).as_bytes(), "line 6: &#0; stands for no character"),
            (tmx(&long).as_bytes(), "line 6: a tag or a text longer than 1048576 bytes"),
            (tmx(&parts).as_bytes(), "line 6: a sentence longer than 1048576 bytes"),
            (b"<tmx><body>\n\xff", "line 2: not UTF-8 text: save it as UTF-8"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.to_string().contains(&format!("a.tmx: {expected}")), "expected {expected}: {error}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn no_cut_or_flipped_byte_panics_and_no_cut_is_accepted() {
        let good = tmx(&unit("ein <ph>x</ph> &amp; Haus", "a house"));
        for end in 0..good.trim_end().len() {
            assert!(read(&good.as_bytes()[..end]).is_err(), "{end}");
            let mut flipped = good.clone().into_bytes();
            flipped[end] ^= 0x15;
            // Another letter is another text, and no fault.
            drop(read(&flipped));
        }
    }
}
