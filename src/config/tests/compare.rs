//! Rows of `[[compare]]` in configs.

use super::*;

#[test]
fn rows_that_are_compared_come_back_and_are_told_with_their_line() {
    let text = "seed = 1\n[[compare]]\nkind = \"moe\"\nexperts = 4\nevery = 2\n[[compare]]\nkind = \"dense-search\"\n\
                name = \"nas\"\nown_supernet = true\n";
    let (_folder, path) = file(text);
    let config = Config::load(&path).unwrap();
    assert_eq!(config.compare.iter().map(CompareConfig::name).collect::<Vec<_>>(), ["moe", "nas"]);
    for written in [config.to_toml().unwrap(), config.fingerprinted().unwrap()] {
        let (_folder, path) = file(&written);
        assert_eq!(Config::load(&path).unwrap(), config);
    }
    let option = "compare=[{kind = \"moe\", experts = 4, every = 2}]".to_owned();
    assert_eq!(Config::load_with("toy", &[option]).unwrap().compare, config.compare[..1]);
    for (wrong, message) in [
        (
            "[[compare]]\nkind = \"sparse\"",
            "x.toml:2: compare: unknown variant `sparse`, expected one of `dense`, `moe`, \
                                            `dense-search`, `random-search`",
        ),
        (
            "[[compare]]\nkind = \"moe\"\nexpert = 4",
            "x.toml:3: compare: unknown field `expert`, expected one of `kind`, `name`, ",
        ),
        ("[[compare]]\nexperts = 4", "x.toml:1: compare: missing field `kind`"),
        ("[[compare]]\nkind = \"moe\"", "x.toml:1: compare: row 1, \"moe\": experts: 0 is not between"),
        ("[compare]\nkind = \"moe\"", "x.toml:1: compare: expected a list, found a table"),
    ] {
        let message_found = mistake(wrong, &[]);
        assert!(message_found.starts_with(message), "{message_found}");
    }
}
