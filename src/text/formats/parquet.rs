//! Parquet as Hugging Face has `wmt14` and its like: a row a pair, in the column `translation` a struct with a text a language.

use crate::catalog::{PARQUET, TextFormatRow};
use crate::error::{Error, Result};
use crate::panics::caught;
use crate::text::format::{NamedText, SoughtFile, TextFormat};
use crate::text::lines::{MAX_LINE_BYTES, MAX_LINES, MAX_TEXT_BYTES};
use crate::text::pairs::Pairs;
use crate::text::parallel::ParallelText;
use parquet::basic::{Compression, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::schema::types::SchemaDescriptor;
use std::fs::File;

/// The column of the pairs.
const COLUMN: &str = "translation";

/// Rows that are read at once.
const ROWS: usize = 1024;

/// The file `<name>`, which ends in `.parquet`.
pub struct Parquet;

impl TextFormat for Parquet {
    fn row(&self) -> &'static TextFormatRow {
        &PARQUET
    }

    fn files(&self, text: &NamedText) -> Vec<SoughtFile> {
        match PARQUET.endings.iter().any(|ending| text.name.ends_with(ending)) {
            true => vec![SoughtFile::plain(text.dir, text.name)],
            false => Vec::new(),
        }
    }

    fn read(&self, text: &NamedText) -> Result<Pairs> {
        let path = SoughtFile::plain(text.dir, text.name).find()?;
        // The library panics on some damaged files, instead of saying so.
        let read = caught(|| {
            let file = File::open(&path).map_err(Error::path)?;
            let bytes = file.metadata().map_err(Error::path)?.len();
            read_file(&SerializedFileReader::new(file).map_err(damaged)?, bytes, text.languages)
        });
        let read = read.unwrap_or_else(|_| Err(Error::input("no Parquet file, or a damaged one")));
        read.map(Pairs::Text).map_err(|error| error.at(path.display()))
    }
}

fn read_file(file: &impl FileReader, bytes: u64, languages: [&str; 2]) -> Result<ParallelText> {
    let schema = file.metadata().file_metadata().schema_descr();
    let [source, target] = languages.map(|language| column(schema, language));
    let columns = [source?, target?];
    let mut pairs = ParallelText::default();
    let mut bytes_of_text = 0;
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group).map_err(damaged)?;
        let [mut sources, mut targets] = [reader(&*group, columns[0], bytes)?, reader(&*group, columns[1], bytes)?];
        loop {
            let first = pairs.len();
            read_rows(&mut sources, &mut pairs.sources, languages[0])?;
            read_rows(&mut targets, &mut pairs.targets, languages[1])?;
            if pairs.sources.len() != pairs.targets.len() {
                return Err(Error::input("it is damaged: its columns have different numbers of rows"));
            }
            if pairs.len() == first {
                break;
            }
            let read = pairs.sources[first..].iter().chain(&pairs.targets[first..]);
            bytes_of_text += read.map(|line| line.len() as u64).sum::<u64>();
            if pairs.len() > MAX_LINES || bytes_of_text > MAX_TEXT_BYTES {
                return Err(Error::input(format!("more than {MAX_LINES} rows or {MAX_TEXT_BYTES} bytes of text")));
            }
        }
    }
    Ok(pairs)
}

/// The number of the column of `language`.
fn column(schema: &SchemaDescriptor, language: &str) -> Result<usize> {
    let path = |column: usize| schema.column(column).path().string();
    let expected = format!("{COLUMN}.{language}");
    let Some(found) = (0..schema.num_columns()).find(|&column| path(column) == expected) else {
        let columns: Vec<String> = (0..schema.num_columns()).map(path).collect();
        return Err(Error::input(format!(
            "no column {expected}, as data.source_lang and data.target_lang ask for; it has {}",
            columns.join(", ").escape_debug()
        )));
    };
    let column = schema.column(found);
    match column.physical_type() == Type::BYTE_ARRAY && column.max_rep_level() == 0 {
        true => Ok(found),
        false => Err(Error::input(format!("the column {expected} holds no text"))),
    }
}

/// The texts of a column, in a file of `bytes` bytes.
fn reader(group: &dyn RowGroupReader, column: usize, bytes: u64) -> Result<ColumnReaderImpl<ByteArrayType>> {
    let metadata = group.metadata().column(column);
    let start = metadata.dictionary_page_offset().unwrap_or(metadata.data_page_offset());
    let [start, length] = [start, metadata.compressed_size()].map(u64::try_from);
    if !matches!((start, length), (Ok(start), Ok(length)) if start.checked_add(length).is_some_and(|end| end <= bytes))
    {
        return Err(Error::input("it is damaged: a column lies outside the file"));
    }
    let compression = metadata.compression();
    if !matches!(compression, Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_)) {
        return Err(Error::input(format!(
            "compressed by {compression}, where snappy, gzip and none are read: convert it"
        )));
    }
    match group.get_column_reader(column).map_err(damaged)? {
        ColumnReader::ByteArrayColumnReader(reader) => Ok(reader),
        _ => Err(Error::input("it is damaged: a column is not of its own type")),
    }
}

/// Appends the next rows of a column to `lines`; none where it ends.
fn read_rows(reader: &mut ColumnReaderImpl<ByteArrayType>, lines: &mut Vec<String>, language: &str) -> Result<()> {
    let (mut texts, mut levels): (Vec<ByteArray>, Vec<i16>) = (Vec::new(), Vec::new());
    let (rows, values, _) = reader.read_records(ROWS, Some(&mut levels), None, &mut texts).map_err(damaged)?;
    let fail = |row: usize, problem: &str| Error::input(format!("row {}: {language}: {problem}", row + 1));
    if values != rows {
        let most = levels.iter().max().copied().unwrap_or_default();
        let missing = levels.iter().position(|&level| level < most).unwrap_or_default();
        return Err(fail(lines.len() + missing, "no text"));
    }
    for text in texts {
        if text.len() as u64 > MAX_LINE_BYTES {
            return Err(fail(lines.len(), &format!("longer than {MAX_LINE_BYTES} bytes")));
        }
        let line = std::str::from_utf8(text.data()).map_err(|_| fail(lines.len(), "not UTF-8"))?;
        lines.push(line.to_owned());
    }
    Ok(())
}

fn damaged(error: ParquetError) -> Error {
    Error::input(format!("no Parquet file, or a damaged one: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::data_type::Int32Type;
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;
    use std::sync::Arc;

    /// The schema that Hugging Face's files have.
    const SCHEMA: &str =
        "message schema { optional group translation { optional binary de (STRING); optional binary en (STRING); } }";

    /// A file of those rows, two row groups of them where there are two; a side may be missing.
    fn file(rows: &[[Option<&str>; 2]], compression: Compression) -> Vec<u8> {
        let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
        let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
        for rows in rows.chunks(rows.len().div_ceil(2).max(1)) {
            let mut group = writer.next_row_group().unwrap();
            for side in 0..2 {
                let values: Vec<ByteArray> = rows.iter().filter_map(|row| row[side]).map(ByteArray::from).collect();
                let levels: Vec<i16> = rows.iter().map(|row| if row[side].is_some() { 2 } else { 1 }).collect();
                let mut column = group.next_column().unwrap().unwrap();
                column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None).unwrap();
                column.close().unwrap();
            }
            group.close().unwrap();
        }
        writer.into_inner().unwrap()
    }

    fn read_as(bytes: &[u8], languages: [&str; 2]) -> Result<ParallelText> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.parquet"), bytes).unwrap();
        let text = NamedText { dir: dir.path(), name: "a.parquet", languages, has_parts: false };
        Ok(Parquet.read(&text)?.text().unwrap().clone())
    }

    fn read(bytes: &[u8]) -> Result<ParallelText> {
        read_as(bytes, ["de", "en"])
    }

    #[test]
    fn pairs_of_all_row_groups_are_read_whatever_packs_them() {
        let rows: Vec<[String; 2]> = (0..5000).map(|i| [format!("{i} Häuser"), format!("{i}  houses")]).collect();
        let given: Vec<[Option<&str>; 2]> =
            rows.iter().map(|row| [Some(row[0].as_str()), Some(row[1].as_str())]).collect();
        for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::GZIP(Default::default())] {
            let bytes = file(&given, compression);
            let pairs = read(&bytes).unwrap();
            assert!(
                pairs.sources.iter().zip(&pairs.targets).map(|(a, b)| [a, b]).eq(rows.iter().map(|row| row.each_ref()))
            );
            let turned = read_as(&bytes, ["en", "de"]).unwrap();
            assert_eq!((turned.sources, turned.targets), (pairs.targets, pairs.sources));
        }
    }

    #[test]
    fn what_is_no_such_file_is_named() {
        let good = file(&[[Some("ein Haus"), Some("a house")]], Compression::SNAPPY);
        let error = read_as(&good, ["de", "fr"]).unwrap_err().to_string();
        assert!(error.contains("a.parquet: no column translation.fr, as"), "{error}");
        assert!(error.contains("it has translation.de, translation.en"), "{error}");
        let schema =
            Arc::new(parse_message_type("message m { required group translation { required int32 de; } }").unwrap());
        let mut numbers = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
        let mut group = numbers.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int32Type>().write_batch(&[1], None, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        let missing = file(&[[Some("a"), Some("b")], [Some("c"), Some("d")], [Some("e"), None]], Compression::SNAPPY);
        for (bytes, expected) in [
            (numbers.into_inner().unwrap(), "the column translation.de holds no text"),
            (missing, "row 3: en: no text"),
            (b"a\tb\n".to_vec(), "no Parquet file, or a damaged one: "),
            (good[..good.len() - 1].to_vec(), "no Parquet file, or a damaged one: "),
        ] {
            let error = read(&bytes).unwrap_err();
            assert!(error.to_string().contains(&format!("a.parquet: {expected}")), "expected {expected}: {error}");
            assert_eq!((error.exit_code(), error.to_string().lines().count()), (2, 1));
        }
    }

    #[test]
    fn no_cut_or_flipped_byte_panics() {
        let good = file(&[[Some("ein Haus"), Some("a house")]; 3], Compression::SNAPPY);
        for end in 0..good.len() {
            assert!(read(&good[..end]).is_err(), "{end}");
            for flip in [0x01, 0x80, 0xff] {
                let mut flipped = good.clone();
                flipped[end] ^= flip;
                drop(read(&flipped));
            }
        }
    }
}
