//! `[[compare]]`: what `automoe run` trains and tests beside the winner.

use super::baseline::BaselineConfig;
use super::faults::Faults;
use crate::space::architecture::MAX_EXPERTS;
use crate::space::{Architecture, SpaceConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A row of `[[compare]]`. A key that is left out is 0, false or empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompareConfig {
    /// What is trained: `"dense"` and `"moe"`, models made by hand, the second with experts; `"dense-search"`, what the search finds
    /// among the dense architectures of the space; `"random-search"`, what a random search finds in as many trials.
    pub kind: CompareKind,
    /// Its name in tables, and its model's; empty: the kind.
    #[serde(default)]
    pub name: String,
    /// Width of both stacks of a model made by hand; 0 here and in the five keys below: as in `[baseline]`.
    #[serde(default)]
    pub embed_dim: usize,
    /// Feed-forward size, of experts too.
    #[serde(default)]
    pub ffn_embed_dim: usize,
    /// Heads of all attentions.
    #[serde(default)]
    pub heads: usize,
    /// Encoder layers.
    #[serde(default)]
    pub encoder_layers: usize,
    /// Decoder layers.
    #[serde(default)]
    pub decoder_layers: usize,
    /// Features of queries, keys and values.
    #[serde(default)]
    pub qkv_dim: usize,
    /// `"moe"`, which needs it: experts of a layer that has any, 1 at least.
    #[serde(default)]
    pub experts: usize,
    /// `"moe"`: experts that a token is sent to; 0: 1.
    #[serde(default)]
    pub experts_to_route: usize,
    /// `"moe"`: layers `every`, 2 · `every`, … of each stack have experts, the first layer being 1; 0: all.
    #[serde(default)]
    pub every: usize,
    /// `"dense-search"`: the search is with a SuperNet of the dense space alone, trained like the other, instead of with that
    /// of the whole space.
    #[serde(default)]
    pub own_supernet: bool,
}

/// What a row of `[[compare]]` trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CompareKind {
    /// A dense Transformer made by hand.
    Dense,
    /// A Transformer with experts placed by hand, all layers else alike.
    Moe,
    /// What the search finds among the dense architectures of the space.
    DenseSearch,
    /// What a random search finds in as many trials.
    RandomSearch,
}

impl CompareKind {
    /// As in configs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Moe => "moe",
            Self::DenseSearch => "dense-search",
            Self::RandomSearch => "random-search",
        }
    }
}

impl CompareConfig {
    /// The row's name.
    pub fn name(&self) -> &str {
        if self.name.is_empty() { self.kind.as_str() } else { &self.name }
    }

    /// The model made by hand, with the sizes of `baseline` where it has none; `None` where it is searched for.
    pub fn architecture(&self, baseline: &BaselineConfig) -> Option<Architecture> {
        match self.kind {
            CompareKind::Dense => self.sizes(baseline).architecture(),
            CompareKind::Moe => {
                let every = self.every.max(1);
                let mut architecture = self.sizes(baseline).architecture()?;
                for stack in [&mut architecture.encoder, &mut architecture.decoder] {
                    for layer in stack.layers.iter_mut().skip(every - 1).step_by(every) {
                        layer.give_experts(self.experts, self.experts_to_route.max(1));
                    }
                }
                Some(architecture)
            }
            CompareKind::DenseSearch | CompareKind::RandomSearch => None,
        }
    }

    /// The sizes of a model made by hand, those of `baseline` where it has none.
    pub(super) fn sizes(&self, baseline: &BaselineConfig) -> BaselineConfig {
        let or = |given: usize, of_baseline: usize| if given == 0 { of_baseline } else { given };
        BaselineConfig {
            embed_dim: or(self.embed_dim, baseline.embed_dim),
            ffn_embed_dim: or(self.ffn_embed_dim, baseline.ffn_embed_dim),
            heads: or(self.heads, baseline.heads),
            encoder_layers: or(self.encoder_layers, baseline.encoder_layers),
            decoder_layers: or(self.decoder_layers, baseline.decoder_layers),
            qkv_dim: or(self.qkv_dim, baseline.qkv_dim),
        }
    }

    /// What is wrong with the row beside `baseline`, for `space` and attentions of `qkv_dim` features.
    pub(super) fn faults(&self, baseline: &BaselineConfig, space: &SpaceConfig, qkv_dim: usize) -> Vec<String> {
        let mut faults = Vec::new();
        let name = self.name();
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
            faults.push("its name has other characters than letters, digits, `-` and `_`".into());
        }
        if ["supernet", "adapted", "baseline"].contains(&name)
            || name.starts_with("winner")
            || name.ends_with("-supernet")
        {
            faults.push("this name is another model's".into());
        }
        let [by_hand, moe] = [&[CompareKind::Dense, CompareKind::Moe][..], &[CompareKind::Moe][..]];
        for (key, is_given, kinds) in [
            ("embed_dim", self.embed_dim > 0, by_hand),
            ("ffn_embed_dim", self.ffn_embed_dim > 0, by_hand),
            ("heads", self.heads > 0, by_hand),
            ("encoder_layers", self.encoder_layers > 0, by_hand),
            ("decoder_layers", self.decoder_layers > 0, by_hand),
            ("qkv_dim", self.qkv_dim > 0, by_hand),
            ("experts", self.experts > 0, moe),
            ("experts_to_route", self.experts_to_route > 0, moe),
            ("every", self.every > 0, moe),
            ("own_supernet", self.own_supernet, &[CompareKind::DenseSearch]),
        ] {
            if is_given && !kinds.contains(&self.kind) {
                faults.push(format!("\"{}\" has no {key}", self.kind.as_str()));
            }
        }
        match self.kind {
            CompareKind::Dense => self.check_sizes(baseline, qkv_dim, &mut faults),
            CompareKind::Moe => {
                self.check_sizes(baseline, qkv_dim, &mut faults);
                self.check_experts(baseline, &mut faults);
            }
            CompareKind::DenseSearch => faults.extend(space.dense_part().err()),
            CompareKind::RandomSearch => {}
        }
        faults
    }

    fn check_sizes(&self, baseline: &BaselineConfig, qkv_dim: usize, faults: &mut Vec<String>) {
        let sizes = self.sizes(baseline);
        if sizes.embed_dim == 0 {
            return faults.push("needs embed_dim, ffn_embed_dim, heads, encoder_layers and decoder_layers".into());
        }
        let mut of_sizes = Faults::default();
        sizes.check(qkv_dim, &mut of_sizes);
        faults.extend(of_sizes.lines.iter().map(|fault| fault.replace("baseline.", "")));
    }

    fn check_experts(&self, baseline: &BaselineConfig, faults: &mut Vec<String>) {
        let (experts, routed) = (self.experts, self.experts_to_route.max(1));
        if !(1..=MAX_EXPERTS).contains(&experts) {
            return faults.push(format!("experts: {experts} is not between 1 and {MAX_EXPERTS}"));
        }
        if routed > experts {
            faults.push(format!("experts_to_route: {routed} is more than experts = {experts}"));
        }
        let sizes = self.sizes(baseline);
        if self.every > sizes.encoder_layers.max(sizes.decoder_layers) {
            faults.push(format!("every: {} is more than there are layers, and none has experts", self.every));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn row(text: &str) -> CompareConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn experts_are_in_every_layer_or_in_every_other() {
        let baseline = BaselineConfig {
            embed_dim: 8,
            ffn_embed_dim: 32,
            heads: 2,
            encoder_layers: 4,
            decoder_layers: 3,
            qkv_dim: 8,
        };
        let experts = |text: &str| {
            let architecture = row(text).architecture(&baseline).unwrap();
            assert_eq!(architecture.validate(), [""; 0]);
            let count = |stack: &crate::space::Stack| stack.layers.iter().map(|layer| layer.expert_count()).collect();
            let counts: [Vec<usize>; 2] = [count(&architecture.encoder), count(&architecture.decoder)];
            counts
        };
        assert_eq!(experts("kind = \"moe\"\nexperts = 4\n"), [vec![4; 4], vec![4; 3]]);
        assert_eq!(experts("kind = \"moe\"\nexperts = 2\nevery = 2\n"), [vec![0, 2, 0, 2], vec![0, 2, 0]]);
        assert_eq!(experts("kind = \"dense\"\n"), [vec![0; 4], vec![0; 3]]);
        let smaller = row("kind = \"dense\"\nembed_dim = 4\n").architecture(&baseline).unwrap();
        assert_eq!(smaller, Architecture::dense(4, 32, 2, 4, 3));
        let sent_to_two = row("kind = \"moe\"\nexperts = 4\nexperts_to_route = 2\n").architecture(&baseline).unwrap();
        let experts = sent_to_two.encoder.layers[0].experts.as_ref().unwrap();
        assert_eq!((experts.top_k, experts.ffn_dims.as_slice()), (2, &[32; 4][..]));
        assert_eq!(row("kind = \"dense-search\"\n").architecture(&baseline), None);
    }

    #[test]
    fn what_does_not_fit_is_told_with_the_row() {
        let mut config = Config::load("toy").unwrap();
        for (text, fault) in [
            ("kind = \"moe\"", "row 1, \"moe\": experts: 0 is not between 1 and 1024"),
            (
                "kind = \"moe\"\nexperts = 2\nexperts_to_route = 3",
                "row 1, \"moe\": experts_to_route: 3 is more than experts = 2",
            ),
            (
                "kind = \"moe\"\nexperts = 2\nevery = 3",
                "row 1, \"moe\": every: 3 is more than there are layers, and none has experts",
            ),
            ("kind = \"dense\"\nexperts = 2", "row 1, \"dense\": \"dense\" has no experts"),
            (
                "kind = \"random-search\"\nown_supernet = true",
                "row 1, \"random-search\": \"random-search\" has no own_supernet",
            ),
            ("kind = \"dense\"\nheads = 5", "row 1, \"dense\": heads: 5 do not divide model.qkv_dim = 64"),
            (
                "kind = \"dense\"\nname = \"../x\"",
                "row 1, \"../x\": its name has other characters than letters, digits, `-` and `_`",
            ),
            ("kind = \"dense\"\nname = \"winner-2\"", "row 1, \"winner-2\": this name is another model's"),
        ] {
            config.compare = vec![row(text)];
            assert_eq!(config.faults(), [format!("compare: {fault}")]);
        }
        config.compare = vec![row("kind = \"dense-search\""); 2];
        assert_eq!(
            config.faults(),
            ["compare: row 2, \"dense-search\": this name is there twice; give each row a name"]
        );
        config.space["decoder_n_experts"] = crate::space::Choices::Every(vec![2, 4]);
        config.compare.truncate(1);
        let fault = "row 1, \"dense-search\": space.decoder_n_experts has neither 0 nor 1 in each layer: no architecture is dense";
        assert_eq!(config.faults(), [format!("compare: {fault}")]);
        config.baseline.embed_dim = 0;
        config.compare = vec![row("kind = \"dense\"\nheads = 2")];
        let fault = "row 1, \"dense\": needs embed_dim, ffn_embed_dim, heads, encoder_layers and decoder_layers";
        assert_eq!(config.faults(), [format!("compare: {fault}")]);
    }
}
