//! TensorBoard's event files: figures by name and step. Records of
//! [TFRecord](https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details), each an `Event` of
//! `tensorflow/core/util/event.proto`, of which the few fields that scalars need are here.

use crate::error::{Error, Result};
use prost::Message;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The file's name; TensorBoard asks for the word `tfevents` in it.
const EVENTS: &str = "events.out.tfevents.automoe";

/// What the first record of every file says of the format.
const VERSION: &str = "brain.Event:2";

/// The longest record that is read; those written here have a few hundred bytes.
const MAX_RECORD: u64 = 1 << 20;

#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Scalar>,
}

#[derive(Clone, PartialEq, Message)]
struct Scalar {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

/// An event file that is open for appending. Nobody else may write it meanwhile.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// Opens that of `folder`, a new one if there is none. What was written for steps after `last` goes, and a torn last record: a
    /// resumed run writes them again.
    ///
    /// # Errors
    /// [`Error::Failure`] when it cannot be read or written.
    pub fn open(folder: &Path, last: u64) -> Result<Self> {
        let path = folder.join(EVENTS);
        let failure = |error| Error::failure(error).at(path.display());
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failure)?;
        let length = length_until(&file, last).map_err(failure)?;
        file.set_len(length).map_err(failure)?;
        file.seek(SeekFrom::Start(length)).map_err(failure)?;
        let mut events = Self { path, file };
        if length == 0 {
            events.append(Event { file_version: Some(VERSION.into()), ..Event::default() })?;
        }
        Ok(events)
    }

    /// Writes the figures of a step.
    ///
    /// # Errors
    /// [`Error::Failure`] when they cannot be written.
    pub fn append_scalars(&mut self, step: u64, scalars: &[(String, f64)]) -> Result<()> {
        if scalars.is_empty() {
            return Ok(());
        }
        let value = |(tag, figure): &(String, f64)| Scalar { tag: tag.clone(), simple_value: Some(*figure as f32) };
        let summary = Some(Summary { values: scalars.iter().map(value).collect() });
        self.append(Event { step: step.try_into().unwrap_or(i64::MAX), summary, ..Event::default() })
    }

    fn append(&mut self, event: Event) -> Result<()> {
        let wall_time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        let data = Event { wall_time, ..event }.encode_to_vec();
        let written = self.file.write_all(&record(&data));
        written.map_err(|error| Error::failure(format!("cannot write {}: {error}", self.path.display())))
    }
}

/// The record of `data`.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked_crc(&length), data, &masked_crc(data)].concat()
}

/// Bytes of the whole records of `file` before the first of a step after `last`.
fn length_until(file: &File, last: u64) -> io::Result<u64> {
    let mut reader = BufReader::new(file);
    let mut length = 0;
    while let Some(data) = next_record(&mut reader)? {
        match Event::decode(&*data) {
            Ok(event) if u64::try_from(event.step).is_ok_and(|step| step <= last) => length += 16 + data.len() as u64,
            _ => break,
        }
    }
    Ok(length)
}

/// The data of the next record; none at the end, or where what follows is torn or no record.
fn next_record(reader: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut take = |bytes: u64| {
        let mut taken = Vec::new();
        reader.by_ref().take(bytes).read_to_end(&mut taken)?;
        Ok::<_, io::Error>((taken.len() as u64 == bytes).then_some(taken))
    };
    let Some(head) = take(12)? else { return Ok(None) };
    let (length, check) = head.split_at(8);
    let bytes = u64::from_le_bytes(length.try_into().expect("eight bytes"));
    if masked_crc(length) != check || bytes > MAX_RECORD {
        return Ok(None);
    }
    let Some(mut data) = take(bytes + 4)? else { return Ok(None) };
    let check = data.split_off(bytes as usize);
    Ok((masked_crc(&data) == *check).then_some(data))
}

/// The CRC-32C of `bytes`, rotated and shifted as the format wants it.
fn masked_crc(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Steps, tags and figures of the file in `folder`.
    fn read(folder: &Path) -> Vec<(i64, String, f32)> {
        let mut reader = BufReader::new(File::open(folder.join(EVENTS)).unwrap());
        let mut found = Vec::new();
        while let Some(data) = next_record(&mut reader).unwrap() {
            let Event { step, file_version, summary, .. } = Event::decode(&*data).unwrap();
            assert_eq!(file_version.is_some(), summary.is_none());
            let values = summary.into_iter().flat_map(|summary| summary.values);
            found.extend(values.map(|value| (step, value.tag, value.simple_value.unwrap())));
        }
        found
    }

    fn append(events: &mut EventFile, steps: std::ops::Range<u64>) {
        steps.for_each(|step| events.append_scalars(step, &[("train/loss".into(), step as f64)]).unwrap());
    }

    fn expected(steps: std::ops::Range<u64>) -> Vec<(i64, String, f32)> {
        steps.map(|step| (step as i64, "train/loss".into(), step as f32)).collect()
    }

    /// The first record of a file that was begun 1.7 · 10⁹ seconds after 1970, computed by another implementation of CRC-32C; it begins
    /// as all files of TensorFlow's writer do.
    #[test]
    fn records_are_framed_as_the_format_says() {
        let event = Event { wall_time: 1.7e9, file_version: Some(VERSION.into()), ..Event::default() };
        let data = b"\x09\x00\x00\x00\x40\xfc\x54\xd9\x41\x1a\x0dbrain.Event:2";
        assert_eq!(event.encode_to_vec(), data);
        let whole = [&b"\x18\0\0\0\0\0\0\0\xa3\x7fK\""[..], data, b"\xec\xed\x8f\x9d"].concat();
        assert_eq!(record(data), whole);
        assert_eq!(next_record(&mut &whole[..]).unwrap().unwrap(), data);
    }

    #[test]
    fn a_resumed_file_ends_up_as_an_unbroken_one() {
        let folder = tempfile::tempdir().unwrap();
        append(&mut EventFile::open(folder.path(), 0).unwrap(), 1..8);
        assert_eq!(read(folder.path()), expected(1..8));
        let mut resumed = EventFile::open(folder.path(), 4).unwrap();
        assert_eq!(read(folder.path()), expected(1..5));
        append(&mut resumed, 5..10);
        assert_eq!(read(folder.path()), expected(1..10));
    }

    #[test]
    fn what_is_torn_or_no_event_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(EVENTS);
        append(&mut EventFile::open(folder.path(), 0).unwrap(), 1..4);
        let whole = fs::read(&path).unwrap();
        let record = whole.len() - {
            fs::write(&path, &whole[..whole.len() - 1]).unwrap();
            EventFile::open(folder.path(), 9).unwrap();
            fs::metadata(&path).unwrap().len() as usize
        };
        for end in (whole.len() - record)..whole.len() {
            fs::write(&path, &whole[..end]).unwrap();
            append(&mut EventFile::open(folder.path(), 9).unwrap(), 3..4);
            assert_eq!(read(folder.path()), expected(1..4));
        }
        for junk in [vec![0xff; 40], u64::MAX.to_le_bytes().repeat(3)] {
            fs::write(&path, junk).unwrap();
            append(&mut EventFile::open(folder.path(), 9).unwrap(), 3..4);
            assert_eq!(read(folder.path()), expected(3..4));
        }
    }
}
