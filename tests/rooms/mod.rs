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

/// The modules that `module` imports, or names by a path: from the crate, from the module above, from a module that it
/// imports or from one below it.
fn imports(module: &str, text: &str, files: &Files) -> BTreeSet<String> {
    let (uses, code): (Vec<&str>, Vec<&str>) = text.split_inclusive(';').partition(|part| of_use(part).is_some());
    let trees = uses.into_iter().filter_map(of_use).flat_map(|tree| expand(&without_spaces(tree)));
    let (mut paths, mut modules) = (Vec::new(), BTreeMap::new());
    for path in trees {
        let (path, name) = path.split_once(AS).unwrap_or((&path, path.rsplit("::").next().unwrap_or_default()));
        let path = absolute(module, path.trim_end_matches("::self"), files);
        let name = if name == "self" { path.rsplit("::").next().unwrap_or_default() } else { name };
        if files.contains_key(&path) {
            modules.insert(name.to_owned(), path.clone());
        }
        paths.push(path);
    }
    for path in code.iter().flat_map(|part| paths_within(part)) {
        let (first, rest) = path.split_once("::").unwrap_or((&path, ""));
        paths.push(match modules.get(first) {
            Some(imported) => join(imported, rest),
            None => absolute(module, &path, files),
        });
    }
    paths.iter().filter_map(|path| resolve(path, files)).filter(|found| found != module).collect()
}

/// Stands for ` as ` in a tree without spaces.
const AS: char = '=';

fn without_spaces(tree: &str) -> String {
    tree.replace(" as ", &AS.to_string()).replace(char::is_whitespace, "")
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

/// All paths of more than one name in `code`.
fn paths_within(code: &str) -> Vec<String> {
    let words = code.split(|c: char| !(c.is_alphanumeric() || "_:".contains(c)));
    words.filter(|word| word.contains("::") && !word.starts_with(':')).map(str::to_owned).collect()
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

/// What each file imports.
type Graph = BTreeMap<String, BTreeSet<String>>;

fn graph(files: &Files) -> Graph {
    files.iter().map(|(module, text)| (module.clone(), imports(module, text, files))).collect()
}

/// Every way from a file back to itself.
fn circles(graph: &Graph) -> BTreeSet<String> {
    graph.keys().filter_map(|file| circle(file, graph)).map(|way| way.join(" -> ")).collect()
}

/// A way from `file` back to itself.
fn circle(file: &str, graph: &Graph) -> Option<Vec<String>> {
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

/// Every import from a room that does not stand before the importing file's in the list `rooms`. The crate's roots, `lib.rs`
/// and `main.rs`, are in none.
fn out_of_order(graph: &Graph, rooms: &[String]) -> Vec<String> {
    let place = |file: &str| rooms.iter().position(|known| known == room(file));
    let edges = graph.iter().flat_map(|(file, imports)| imports.iter().map(move |import| (file, import)));
    let edges = edges.filter(|(file, import)| !ROOTS.contains(&file.as_str()) && room(file) != room(import));
    let wrong = edges.filter(|(file, import)| place(import).is_none() || place(import) >= place(file));
    wrong.map(|(file, import)| format!("{file} imports {import}, whose room stands after its own")).collect()
}

/// The files of the crate's roots, and what only `main.rs` declares.
const ROOTS: [&str; 3] = ["", "main", "allocator"];

fn room(file: &str) -> &str {
    file.split("::").next().unwrap_or_default()
}

fn lib() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap()
}

/// The rooms in the order of the list in `lib.rs`: ``- [`a`], `b` — what they are for``.
fn listed(lib: &str) -> Vec<String> {
    let items = lib.lines().filter_map(|line| line.strip_prefix("//! - ")?.split(" — ").next());
    let names = items.flat_map(|item| item.split('`').skip(1).step_by(2));
    names.map(|name| name.trim_start_matches("mod@").to_owned()).collect()
}

/// The rooms in the order in which `lib.rs` declares them.
fn declared(lib: &str) -> Vec<String> {
    let names = lib.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'));
    names.filter(|name| !name.starts_with("test_")).map(str::to_owned).collect()
}

/// Whether `text` has `word`, not as a part of another.
fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|found| found == word)
}

#[test]
fn no_file_imports_itself_through_others() {
    let circles = circles(&graph(&files()));
    assert!(circles.is_empty(), "circles of files:\n{}", circles.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn rooms_import_only_rooms_before_them() {
    let graph = graph(&files());
    assert_eq!(out_of_order(&graph, &listed(&lib())), [""; 0]);
    assert!(graph.len() > 100, "the files of src/ are read");
}

#[test]
fn rooms_are_declared_in_the_order_of_their_list() {
    assert_eq!(declared(&lib()), listed(&lib()));
}

/// What the order of the rooms does not tell.
#[test]
fn some_rooms_know_nothing_of_some_things() {
    let files = files();
    let knowing = |word: &str| -> BTreeSet<&str> {
        files.iter().filter(|(_, text)| has_word(text, word)).map(|(file, _)| room(file)).collect()
    };
    assert_eq!(knowing("is_cpu").into_iter().collect::<Vec<_>>(), ["device", "kernels"], "who asks for the device");
    let with_tensors = knowing("burn");
    assert!(with_tensors.contains("kernels") && with_tensors.contains("model"));
    for room in ["space", "plan", "config", "cost", "search", "report"] {
        assert!(!with_tensors.contains(room), "{room} knows tensors");
    }
}

#[test]
fn a_circle_and_a_room_out_of_order_are_found() {
    let files: Files = [
        ("", "pub mod low;\npub mod high;\n"),
        ("low", "pub mod part;"),
        ("low::part", "use crate::high::{self, Thing};"),
        ("high", "mod first;\nmod second;"),
        ("high::first", "use super::second;\nfn x() { second::y() }"),
        ("high::second", "pub fn y() { super::first::x() }"),
    ]
    .map(|(file, text)| (file.to_owned(), text.to_owned()))
    .into();
    let graph = graph(&files);
    let found: Vec<_> = circles(&graph).into_iter().collect();
    assert_eq!(found, ["high::first -> high::second -> high::first", "high::second -> high::first -> high::second"]);
    let rooms = ["low", "high"].map(String::from);
    assert_eq!(out_of_order(&graph, &rooms), ["low::part imports high, whose room stands after its own"]);
    let unknown = ["low"].map(String::from);
    assert_eq!(out_of_order(&graph, &unknown).len(), 1);
    assert!(out_of_order(&graph, &["high", "low"].map(String::from)).is_empty());
}

#[test]
fn imports_are_read_from_every_form_of_path() {
    let names = ["a", "a::b", "a::b::c", "d", "e", "e::f"];
    let files: Files = names.map(|name| (name.to_owned(), String::new())).into();
    for (module, text, expected) in [
        (
            "a::b",
            "use crate::{d::Item, e::{self, f::{G, H as I}}};\nfn x() { super::c::y(); crate::a::z() }",
            &["a", "d", "e", "e::f"][..],
        ),
        ("a", "pub use b::c::Item;\nuse crate::d;", &["a::b::c", "d"]),
        // From a module that is imported, under its own or another name, and from one below.
        ("d", "use crate::e;\nfn x() { e::f::y() }", &["e", "e::f"]),
        ("d", "use crate::e::{self as low};\nfn x() -> low::f::Y { other::f::y() }", &["e", "e::f"]),
        ("d", "use crate::a::b as e;\nfn x() { e::c::y(); Vec::<u8>::new() }", &["a::b", "a::b::c"]),
        ("a", "mod b;\nfn x() { b::c::y() }", &["a::b::c"]),
    ] {
        assert_eq!(imports(module, text, &files).into_iter().collect::<Vec<_>>(), expected, "{text}");
    }
}
