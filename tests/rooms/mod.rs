//! The house keeps its order: no circle of files, and a room imports only rooms that stand before it in the list of `src/lib.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A file of `src/` by its module's path (`kernels::cpu::adam`; "" is `lib.rs`), and its text without tests and comments.
type Files = BTreeMap<String, String>;

fn files() -> Files {
    let mut files = Files::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut files);
    let of_tests: Vec<String> = files.iter().flat_map(|(module, text)| test_modules(module, text)).collect();
    let is_for_tests = |module: &str| of_tests.iter().any(|of| module == of || module.starts_with(&format!("{of}::")));
    files.retain(|module, _| !is_for_tests(module));
    files.into_iter().map(|(module, text)| (module, without_tests_and_comments(&text))).collect()
}

fn collect(folder: &Path, module: &str, files: &mut Files) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        if path.is_dir() {
            collect(&path, &join(module, stem), files);
            continue;
        }
        let name = match stem {
            "lib" | "mod" => module.to_owned(),
            _ => join(module, stem),
        };
        files.insert(name, std::fs::read_to_string(&path).unwrap());
    }
}

fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

/// The modules that `text` declares for tests alone.
fn test_modules(module: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let declared = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]");
    let names = declared.filter_map(|pair| pair[1].strip_prefix("mod ")?.strip_suffix(';'));
    names.map(|name| join(module, name)).collect()
}

/// Tests stand at the foot of a file.
fn without_tests_and_comments(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    // Who may see a thing is no import.
    lines.collect::<Vec<_>>().join("\n").replace("pub(in crate", "pub(in ")
}

/// The modules that `module` imports, or names by a path from the crate or from the module above.
fn imports(module: &str, text: &str, files: &Files) -> BTreeSet<String> {
    let (uses, code): (Vec<&str>, Vec<&str>) = text.split_inclusive(';').partition(|part| of_use(part).is_some());
    let trees = uses.into_iter().filter_map(of_use).flat_map(|tree| expand(&tree.replace(char::is_whitespace, "")));
    let within = code.iter().flat_map(|part| paths_within(part));
    let paths = trees.chain(within).map(|path| absolute(module, &path, files));
    paths.filter_map(|path| resolve(&path, files)).filter(|found| found != module).collect()
}

/// The tree of a `use` at the end of `part`, which ends with a semicolon.
fn of_use(part: &str) -> Option<&str> {
    let line = part.match_indices("use ").find(|(place, _)| {
        let before = part[..*place].rsplit('\n').next().unwrap_or_default().trim();
        before.is_empty() || (before.starts_with("pub") && !before.contains(' '))
    });
    line.map(|(place, _)| part[place + "use ".len()..].trim_end_matches(';'))
}

/// `a::{b, c::{d, e}}` as `a::b`, `a::c::d` and `a::c::e`.
fn expand(tree: &str) -> Vec<String> {
    let Some((start, rest)) = tree.split_once('{') else { return vec![tree.to_owned()] };
    let mut depth = 0;
    let parts = rest.trim_end_matches('}').split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    // The last closing braces were trimmed away: those that a part lacks are no loss.
    parts.flat_map(|part| expand(&format!("{start}{part}"))).collect()
}

fn paths_within(code: &str) -> Vec<String> {
    let starts = ["crate::", "super::"].into_iter().flat_map(|start| code.match_indices(start));
    let whole =
        starts.filter(|(place, _)| !code[..*place].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c)));
    let path = |place: usize| code[place..].chars().take_while(|c| c.is_alphanumeric() || "_:".contains(*c)).collect();
    whole.map(|(place, _)| path(place)).collect()
}

/// `path`, as `module` writes it, from the crate on; a foreign one as it is.
fn absolute(module: &str, path: &str, files: &Files) -> String {
    let (mut base, mut rest) = (module, path);
    if let Some(of_crate) = path.strip_prefix("crate::") {
        return of_crate.to_owned();
    }
    while let Some(above) = rest.strip_prefix("super::") {
        (base, rest) = (parent(base), above);
    }
    let below = join(base, rest);
    let first = join(base, rest.split("::").next().unwrap_or_default());
    if rest != path || files.contains_key(&first) { below } else { format!("foreign::{path}") }
}

fn parent(module: &str) -> &str {
    module.rsplit_once("::").map_or("", |(parent, _)| parent)
}

/// The file that `path` leads into: the longest part of it that is a module.
fn resolve(path: &str, files: &Files) -> Option<String> {
    let mut path = path;
    while !path.is_empty() {
        if files.contains_key(path) {
            return Some(path.to_owned());
        }
        path = parent(path);
    }
    None
}

fn graph() -> BTreeMap<String, BTreeSet<String>> {
    let files = files();
    files.iter().map(|(module, text)| (module.clone(), imports(module, text, &files))).collect()
}

/// A way from `file` back to itself.
fn circle(file: &str, graph: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut reached_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut next = vec![file];
    while let Some(from) = next.pop() {
        for to in &graph[from] {
            if to == file {
                let mut way = vec![file.to_owned(), from.to_owned()];
                while let Some(before) = reached_from.get(way.last()?.as_str()).filter(|_| way.last() != way.first()) {
                    way.push((*before).to_owned());
                }
                way.reverse();
                return Some(way);
            }
            if !reached_from.contains_key(to.as_str()) {
                reached_from.insert(to, from);
                next.push(to);
            }
        }
    }
    None
}

/// The rooms in the order of the list in `lib.rs`: ``- [`a`], `b` — what they are for``.
fn rooms() -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let items = text.lines().filter_map(|line| line.strip_prefix("//! - ")?.split(" — ").next());
    let names = items.flat_map(|item| item.split('`').skip(1).step_by(2));
    names.map(|name| name.trim_start_matches("mod@").to_owned()).collect()
}

#[test]
fn no_file_imports_itself_through_others() {
    let graph = graph();
    let circles: BTreeSet<_> =
        graph.keys().filter_map(|file| circle(file, &graph)).map(|way| way.join(" -> ")).collect();
    assert!(circles.is_empty(), "circles of files:\n{}", circles.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn rooms_import_only_rooms_before_them() {
    let (graph, rooms) = (graph(), rooms());
    let room = |file: &str| file.split("::").next().unwrap_or_default().to_owned();
    let place = |file: &str| {
        let name = room(file);
        rooms
            .iter()
            .position(|room| *room == name)
            .unwrap_or_else(|| panic!("src/lib.rs does not list the room {name}"))
    };
    for (file, imports) in graph.iter().filter(|(file, _)| !["", "main"].contains(&file.as_str())) {
        for import in imports {
            assert!(
                room(file) == room(import) || place(import) < place(file),
                "{file} imports {import}, whose room stands after its own"
            );
        }
    }
    assert!(graph.len() > 100, "the files of src/ are read");
}

#[test]
fn imports_are_read_from_every_form_of_path() {
    let names = ["a", "a::b", "a::b::c", "d", "e", "e::f"];
    let files: Files = names.map(|name| (name.to_owned(), String::new())).into();
    let text = "use crate::{d::Item, e::{self, f::{G, H as I}}};\nfn x() { super::c::y(); crate::a::z() }";
    let found = imports("a::b", text, &files);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a", "d", "e", "e::f"]);
    let found = imports("a", "pub use b::c::Item;\nuse crate::d;", &files);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a::b::c", "d"]);
}
