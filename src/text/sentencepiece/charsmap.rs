//! A model's rules of normalization: what stands in place of which characters, as a double-array trie (Darts-clone's).

use crate::error::{Error, Result};

/// The rules: no rule at all by default.
#[derive(Debug, Clone, Default)]
pub struct CharsMap {
    /// Units of the trie, by the bytes of what is replaced.
    units: Vec<u32>,
    /// What replaces it; each ends in a zero byte.
    replacements: String,
}

impl CharsMap {
    /// Reads `precompiled_charsmap`: the trie's size in bytes, the trie, the replacements. Empty: no rules.
    ///
    /// # Errors
    /// Bytes that are cut short or not UTF-8.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let damaged = || Error::input("`precompiled_charsmap` is damaged");
        let (size, rest) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
        let (trie, replacements) = rest.split_at_checked(u32::from_le_bytes(*size) as usize).ok_or_else(damaged)?;
        let (units, []) = trie.as_chunks::<4>() else { return Err(damaged()) };
        Ok(Self {
            units: units.iter().map(|unit| u32::from_le_bytes(*unit)).collect(),
            replacements: std::str::from_utf8(replacements).map_err(|_| damaged())?.to_owned(),
        })
    }

    /// What replaces the longest beginning of `text` that has a rule, and that beginning's length.
    pub fn longest(&self, text: &str) -> Option<(&str, usize)> {
        let mut longest = None;
        let mut unit = *self.units.first()?;
        let mut place = offset(unit);
        for (byte, length) in text.bytes().zip(1..) {
            place ^= usize::from(byte);
            let Some(&next) = self.units.get(place) else { break };
            unit = next;
            if unit & 0x8000_00ff != u32::from(byte) {
                break;
            }
            place ^= offset(unit);
            let has_leaf = unit & 0x100 != 0;
            if let Some(leaf) = self.units.get(place).filter(|_| has_leaf && text.is_char_boundary(length)) {
                longest = Some(((leaf & 0x7fff_ffff) as usize, length));
            }
        }
        let (start, length) = longest?;
        let replacement = self.replacements.get(start..)?;
        Some((replacement.split('\0').next().unwrap_or_default(), length))
    }
}

/// From a unit to its children.
fn offset(unit: u32) -> usize {
    ((unit >> 10) << ((unit & 0x200) >> 6)) as usize
}
