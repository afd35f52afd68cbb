//! One file, plain or gzip, with a pair a line: source and target, parted by a tab.

use crate::catalog::{TSV, TextFormatRow};
use crate::error::{Error, Result};
use crate::text::format::{NamedText, SoughtFile, TextFormat};
use crate::text::lines::read_lines;
use crate::text::pairs::Pairs;
use crate::text::parallel::ParallelText;

/// The file `<name>`, which ends in `.tsv` or `.tsv.gz`, or the same with `.gz`.
pub struct Tsv;

impl TextFormat for Tsv {
    fn row(&self) -> &'static TextFormatRow {
        &TSV
    }

    fn files(&self, text: &NamedText) -> Vec<SoughtFile> {
        match text.ends_in(TSV.endings) {
            true => vec![SoughtFile::new(text.dir, text.name)],
            false => Vec::new(),
        }
    }

    fn read(&self, text: &NamedText) -> Result<Pairs> {
        let path = SoughtFile::new(text.dir, text.name).find()?;
        let mut pairs = ParallelText::default();
        for (number, line) in (1..).zip(read_lines(&path)?) {
            let (source, target) =
                split(line).map_err(|error| error.at(format!("{}: line {number}", path.display())))?;
            pairs.sources.push(source);
            pairs.targets.push(target);
        }
        Ok(Pairs::Text(pairs))
    }
}

/// What stands before the tab of `line`, and what behind it.
fn split(mut line: String) -> Result<(String, String)> {
    let tabs: Vec<usize> = line.match_indices('\t').map(|(tab, _)| tab).collect();
    let [tab] = tabs[..] else {
        return Err(Error::input(format!("{} tabs: expected one, between the source and the target", tabs.len())));
    };
    let target = line.split_off(tab + 1);
    line.truncate(tab);
    Ok((line, target))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read from a file of those bytes.
    fn read(bytes: &str) -> Result<ParallelText> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.tsv"), bytes).unwrap();
        let pairs =
            Tsv.read(&NamedText { dir: dir.path(), name: "a.tsv", languages: ["de", "en"], has_parts: false })?;
        Ok(pairs.text().unwrap().clone())
    }

    #[test]
    fn a_tab_parts_source_and_target() {
        // A byte-order mark and both ends of lines are no text; a side may be empty, and other white space is text.
        let pairs = read("\u{feff}ein Haus\ta  house\r\n\tnothing\nnichts\t\nzwei \t two").unwrap();
        assert_eq!(pairs.sources, ["ein Haus", "", "nichts", "zwei "]);
        assert_eq!(pairs.targets, ["a  house", "nothing", "", " two"]);
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn any_other_number_of_tabs_is_an_error_with_its_line() {
        for (text, expected) in [
            ("a\tb\nc d\n", "a.tsv: line 2: 0 tabs: expected one, between the source and the target"),
            ("a\tb\tc\n", "a.tsv: line 1: 2 tabs: expected one"),
            ("a\tb\n\n", "a.tsv: line 2: 0 tabs"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn names_tell_whether_a_text_is_of_this_format() {
        let files = |name| Tsv.files(&NamedText { dir: "d".as_ref(), name, languages: ["de", "en"], has_parts: false });
        for name in ["train", "tsv", "train.tsv.de", "train.gz"] {
            assert_eq!(files(name), [], "{name}");
        }
        let spelled = |name| files(name).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(spelled("train.tsv"), ["neither d/train.tsv nor d/train.tsv.gz"]);
        assert_eq!(spelled("train.tsv.gz"), ["no d/train.tsv.gz"]);
    }
}
