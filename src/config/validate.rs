//! Whether settings of the right types make sense: each section by itself, and together.

use super::faults::Faults;
use super::settings::Config;
use super::train::TrainConfig;
use crate::error::{Result, refuse_each};

impl Config {
    /// That all values are in range and fit together.
    ///
    /// # Errors
    /// The [`Self::faults`].
    pub fn validate(&self) -> Result<()> {
        refuse_each(&self.faults())
    }

    /// Everything that is wrong, one line for each fault, each beginning with its key.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Faults::default();
        let seed_fits = i64::try_from(self.seed).is_ok();
        faults.need(seed_fits, "seed", format!("{} is more than 63 bits", self.seed));
        self.data.check(&mut faults);
        faults.lines.extend(self.space.faults(self.model.qkv_dim));
        self.model.check(&mut faults);
        self.check_embeddings(&mut faults);
        self.check_training(&mut faults);
        self.adapt.check(&mut faults);
        self.search.check(&mut faults);
        self.rank.check(&mut faults);
        self.translate.check(&mut faults);
        self.cost.check(&mut faults);
        self.baseline.check(self.model.qkv_dim, &mut faults);
        self.check_compare(&mut faults);
        faults.lines
    }

    fn check_embeddings(&self, faults: &mut Faults) {
        if !self.model.share_all_embeddings {
            return;
        }
        let key = "model.share_all_embeddings";
        faults.need(
            self.data.joined_vocabulary,
            key,
            "one table needs one vocabulary: set data.joined_vocabulary = true, or this to false",
        );
        let widest = |gene: &str| self.space[gene].values().max();
        let widths = widest("encoder_embed_dim").zip(widest("decoder_embed_dim"));
        faults.need(
            widths.is_none_or(|(encoder, decoder)| encoder == decoder),
            key,
            "one table needs one largest width: make those of space.encoder_embed_dim and space.decoder_embed_dim equal",
        );
    }

    fn check_compare(&self, faults: &mut Faults) {
        for (place, row) in self.compare.iter().enumerate() {
            let mut of_row = row.faults(&self.baseline, &self.space, self.model.qkv_dim);
            if self.compare[..place].iter().any(|other| other.name() == row.name()) {
                of_row.push("this name is there twice; give each row a name".into());
            }
            for fault in of_row {
                faults.need(false, "compare", format!("row {}, {:?}: {fault}", place + 1, row.name()));
            }
        }
    }

    fn check_training(&self, faults: &mut Faults) {
        let before = faults.lines.len();
        self.train.check("train", faults);
        let architecture = match self.train.with(&self.train_architecture) {
            Ok(architecture) => architecture,
            Err(error) => return faults.lines.push(format!("train: {error}")),
        };
        if faults.lines.len() == before {
            architecture.check("train_architecture", faults);
        }
        let finetuned = match architecture.with(&self.finetune) {
            Ok(finetuned) => finetuned,
            Err(error) => return faults.lines.push(format!("finetune: {error}")),
        };
        if faults.lines.len() == before {
            finetuned.check("finetune", faults);
        }
        let before = faults.lines.len();
        self.check_averaged(&architecture, "train", faults);
        if faults.lines.len() == before {
            self.check_averaged(&finetuned, "finetune", faults);
        }
    }

    /// Adds where a training by `settings`, those of `section`, does not keep the checkpoints that translation averages.
    fn check_averaged(&self, settings: &TrainConfig, section: &str, faults: &mut Faults) {
        let averaged = self.translate.average_checkpoints;
        let kept = settings.keep_checkpoints;
        if averaged > 1 {
            let key = "translate.average_checkpoints";
            let writes = settings.checkpoint_every > 0;
            let message = format!("needs kept checkpoints: set {section}.checkpoint_every, or this to 0");
            faults.need(writes, key, message);
            let message = format!("{averaged} are more than {section}.keep_checkpoints = {kept}");
            faults.need(!writes || averaged <= kept, key, message);
        }
    }
}
