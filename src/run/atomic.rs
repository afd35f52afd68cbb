//! Files that appear whole or not at all, whenever the process is killed or the power goes.
//!
//! The bytes go to a temporary file in the same folder, reach the disk, and then take the file's name in one step. What
//! a killed process leaves behind is an unfinished temporary file, which [`remove_leftovers`] takes away.

use crate::bounded::read_text;
use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Temporary files begin with this, so that only our own are ever removed.
const PREFIX: &str = ".automoe-unfinished-";

/// The most of a text file (settings, manifest) that is read.
const MAX_TEXT: u64 = 1 << 20;

/// Writes `bytes` to `path`, replacing the file that is there.
///
/// # Errors
/// See [`write_with`].
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, |file| file.write_all(bytes))
}

/// The text, of a megabyte at most, of the file that [`write()`] wrote to `path`; none when there is no such file.
///
/// # Errors
/// [`Error::Input`] when it is longer or no text; [`Error::Failure`] when it cannot be read.
pub fn read(path: &Path) -> Result<Option<String>> {
    match read_text(path, MAX_TEXT) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::path(error).at(path.display())),
    }
}

/// Writes to `path` what `fill` writes (buffered), replacing the file that is there. The folder must exist.
///
/// # Errors
/// [`Error::Input`] with the path and the cause when its folder is missing or it is no regular file; [`Error::Failure`] when
/// the file cannot be written for another reason or `fill` fails. What was at `path` before is then still there, untouched.
pub fn write_with(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let unwritten = |error| Error::path(error).at(format!("cannot write {}", path.display()));
    check_replaceable(path)?;
    // A link stays one, to the new file.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let folder = folder_of(&target);
    fs::metadata(folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => unwritten(io::Error::new(error.kind(), "there is no such folder")),
        _ => unwritten(error),
    })?;
    // Without the name of the temporary file.
    let mut file = temporary_file(folder).map_err(|error| unwritten(error.kind().into()))?;
    write_to_disk(file.as_file_mut(), fill).map_err(unwritten)?;
    file.persist(&target).map_err(|error| unwritten(error.error))?;
    sync_folder(folder).map_err(unwritten)
}

/// Renames the file or folder at `path` to PATH.1 or the next that is free, which is returned.
///
/// # Errors
/// [`Error::Failure`]: it cannot be renamed.
pub fn put_aside(path: &Path) -> Result<PathBuf> {
    let named = |number: usize| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    let aside = (1..).map(named).find(|aside| !aside.exists()).expect("numbers do not end");
    fs::rename(path, &aside).map_err(|error| Error::failure(error).at(path.display()))?;
    Ok(aside)
}

/// Refuses devices, pipes and the like, which no file can take the place of.
///
/// # Errors
/// [`Error::Input`] when there is one at `path`.
pub fn check_replaceable(path: &Path) -> Result<()> {
    match path.metadata() {
        Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => {
            Err(Error::input("no regular file: it cannot be replaced").at(path.display()))
        }
        _ => Ok(()),
    }
}

/// Removes the unfinished files of killed processes in `folder`, but not in folders below it. Nobody else may be writing
/// there.
///
/// # Errors
/// [`Error::Failure`] when the folder cannot be listed or a file cannot be removed.
pub fn remove_leftovers(folder: &Path) -> Result<()> {
    let failure = |error| Error::failure(error).at(folder.display());
    for entry in fs::read_dir(folder).map_err(failure)? {
        let entry = entry.map_err(failure)?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            fs::remove_file(entry.path()).map_err(failure)?;
        }
    }
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn temporary_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What any new file gets, less the umask; a temporary file would be the owner's alone.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

fn write_to_disk(file: &mut File, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut buffered = BufWriter::with_capacity(1 << 16, &mut *file);
    fill(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    file.sync_all()
}

/// Makes a rename in `folder` survive a power failure.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Whether what is called so, one of `all`, is what [`put_aside`] made of another of them.
pub fn is_put_aside(name: &str, all: &[String]) -> bool {
    put_aside_from(name).is_some_and(|name| all.iter().any(|other| other == name))
}

/// What [`put_aside`] would have made `name` of; none where it gives no such names.
pub(super) fn put_aside_from(name: &str) -> Option<&str> {
    let (from, number) = name.rsplit_once('.')?;
    number.parse::<u32>().is_ok().then_some(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_put_aside_is_known_by_its_name_beside_the_other() {
        let all = ["winner", "winner.1", "winner.12", "v1.5", "winner.old"].map(String::from);
        let aside: Vec<&String> = all.iter().filter(|name| is_put_aside(name, &all)).collect();
        assert_eq!(aside, ["winner.1", "winner.12"]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "").unwrap();
        assert_eq!(put_aside(&path).unwrap(), folder.path().join("a.1"));
    }

    #[test]
    fn a_file_is_replaced_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        for text in ["first", "second, and longer", ""] {
            write(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(names(folder.path()), ["a.json"]);
    }

    #[test]
    fn a_write_that_fails_keeps_the_old_file_and_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write(&path, b"old").unwrap();
        let error = write_with(&path, |file| {
            file.write_all(&[b'x'; 1 << 20])?;
            Err(io::Error::from_raw_os_error(28))
        });
        let error = error.unwrap_err();
        assert_eq!(error.exit_code(), 1);
        let cause = io::Error::from_raw_os_error(28);
        let expected = format!("cannot write {}: {cause}", path.display());
        assert_eq!(error.to_string(), expected);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.json"]);
    }

    #[test]
    fn a_missing_folder_or_a_folder_in_the_way_is_a_failure_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("no/a.json");
        let in_the_way = folder.path().join("b");
        fs::create_dir(&in_the_way).unwrap();
        for path in [missing, in_the_way] {
            let error = write(&path, b"x").unwrap_err().to_string();
            let place = format!("cannot write {}: ", path.display());
            assert!(error.starts_with(&place), "{error}");
        }
        assert_eq!(names(folder.path()), ["b"]);
    }

    #[test]
    fn a_process_that_is_killed_before_the_rename_leaves_the_old_file_and_something_to_remove() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last.json");
        write(&path, b"old").unwrap();
        let mut torn = temporary_file(folder.path()).unwrap();
        torn.write_all(b"half of the ne").unwrap();
        torn.keep().unwrap();
        fs::write(folder.path().join("a user's own.tmp"), "").unwrap();
        assert_eq!(names(folder.path()).len(), 3);
        remove_leftovers(folder.path()).unwrap();
        assert_eq!(names(folder.path()), ["a user's own.tmp", "last.json"]);
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }

    #[cfg(unix)]
    #[test]
    fn files_get_the_permissions_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| {
            let path = folder.path().join(name);
            fs::metadata(path).unwrap().permissions().mode()
        };
        File::create(folder.path().join("plain")).unwrap();
        write(&folder.path().join("ours"), b"").unwrap();
        assert_eq!(mode("ours"), mode("plain"));
    }
}
