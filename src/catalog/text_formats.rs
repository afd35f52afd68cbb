//! How sentence pairs can lie in files. What each row names is read in `text/formats/`.

/// A text format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextFormatRow {
    /// As messages and help name it.
    pub name: &'static str,
    /// How the names of its files end in a config, before `.gz`; none where a config names a prefix of several files.
    pub endings: &'static [&'static str],
    /// What its files hold, one line.
    pub documentation: &'static str,
}

/// Two files of one sentence a line.
pub static TWO_FILES: TextFormatRow = TextFormatRow {
    name: "two files",
    endings: &[],
    documentation: "<prefix>.<source_lang> and <prefix>.<target_lang>, a sentence a line; named by <prefix>",
};

/// Tab-separated values.
pub static TSV: TextFormatRow = TextFormatRow {
    name: "TSV",
    endings: &[".tsv"],
    documentation: "<file>.tsv, a pair a line: source, tab, target, whatever source_lang and target_lang are",
};

/// fairseq's binarised data.
pub static FAIRSEQ: TextFormatRow = TextFormatRow {
    name: "fairseq",
    endings: &[],
    documentation: "<prefix>.<source_lang>-<target_lang>.<language>.bin and .idx with dict.<language>.txt, as fairseq-preprocess \
                    writes them; named by <prefix>",
};

/// Translation Memory eXchange.
pub static TMX: TextFormatRow = TextFormatRow {
    name: "TMX",
    endings: &[".tmx"],
    documentation: "<file>.tmx, a translation memory; languages by xml:lang, regions of source_lang and target_lang among them",
};

/// Parquet.
pub static PARQUET: TextFormatRow = TextFormatRow {
    name: "Parquet",
    endings: &[".parquet"],
    documentation: "<file>.parquet as Hugging Face has wmt14: a column `translation` with a text for each language",
};

/// All text formats, in the order of help and of messages.
pub static TEXT_FORMATS: [&TextFormatRow; 5] = [&TWO_FILES, &FAIRSEQ, &TSV, &TMX, &PARQUET];
