use super::super::weights::{Weights, average_weights, load_weights};
use super::*;
use crate::config::{Tables, TrainConfig};
use crate::model::weights::leading_slice::LeadingSlice;
use crate::model::weights::{Shapes, Shared};
use crate::run::checkpoints::LAST;
use crate::space::Architecture;

/// A tiny model's trainer, all of whose weights are `weight`.
fn trainer(weight: f32) -> Trainer {
    let device = Device::flex();
    let config = TransformerConfig {
        architecture: Architecture::dense(4, 6, 1, 1, 1),
        qkv_dim: 4,
        source_vocab: 5,
        target_vocab: 5,
        tables: Tables::Shared,
        encoder_supernet_dim: 4,
        decoder_supernet_dim: 4,
        dropout: 0.0,
        attention_dropout: 0.0,
        activation_dropout: 0.0,
        expert_dropout_ratio: 1.0,
        capacity_factor: 0.0,
    };
    let constant = |shape: &[usize]| Value::from_vec(vec![weight; shape.iter().product()], shape, &device);
    let supernet =
        Supernet::from_source(config, Arc::new(LeadingSlice), &device, |_, shape| Ok(constant(shape))).unwrap();
    Trainer::new(supernet, &TrainConfig::default(), 1)
}

/// The reference's rule under another name.
#[derive(Debug)]
struct Renamed;

impl WeightSharing for Renamed {
    fn rule(&self) -> Rule {
        Rule::named("renamed")
    }

    fn weight(&self, shared: Shared<'_>, architecture: &Architecture, name: &str, shape: &[usize]) -> Result<Value> {
        LeadingSlice.weight(shared, architecture, name, shape)
    }

    fn parts(&self, config: &TransformerConfig, architecture: &Architecture) -> Shapes {
        LeadingSlice.parts(config, architecture)
    }

    fn gradients(&self, shared: Shared<'_>, architecture: &Architecture, of_subnet: Values) -> Values {
        LeadingSlice.gradients(shared, architecture, of_subnet)
    }
}

/// That every weight of the average of the newest `count` checkpoints is `want`.
fn assert_average(folder: &Path, count: usize, want: f32) {
    let weights = average_weights(folder, count, &Device::flex()).unwrap();
    for (name, value) in weights.supernet.values {
        assert!(value.to_vec().iter().all(|&x| x == want), "{name}: {:?}, expected {want}", value.to_vec());
    }
}

#[test]
fn the_newest_checkpoints_are_averaged() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path());
    let save = |name, update, weight| {
        let position = Position { update, ..Position::start() };
        save(&checkpoints, name, &trainer(weight), &position, Origin { data: "data", alone: false }, Content::Weights)
            .unwrap()
    };
    assert_eq!(save(Name::Fixed(BEST), 7, 50.0), None);
    // Never in place of good ones.
    let broken = save(Name::Fixed(BEST), 8, f32::NAN).unwrap();
    assert!(broken.starts_with("decoder."), "{broken}");
    assert_average(folder.path(), 3, 50.0);
    // By number and not by name: 10 is newer than 9.
    for (update, weight) in [(8, 1.0), (10, 6.0), (9, 2.0)] {
        save(Name::Step(10), update, weight);
    }
    for (count, want) in [(1, 6.0), (2, 4.0), (3, 3.0), (9, 3.0)] {
        assert_average(folder.path(), count, want);
    }
    // The final weights are among them, also where the training ended between two steps.
    save(Name::Fixed(LAST), 10, 6.0);
    assert_average(folder.path(), 2, 4.0);
    save(Name::Fixed(LAST), 12, 12.0);
    for (count, want) in [(1, 12.0), (2, 9.0), (4, 5.25), (9, 5.25)] {
        assert_average(folder.path(), count, want);
    }
    assert_eq!(average_weights(folder.path(), 2, &Device::flex()).unwrap().update, 12);
}

#[test]
fn imported_weights_come_back_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let supernet = trainer(0.1).supernet;
    let tensors: Vec<_> = supernet.values.iter().map(|(name, value)| tensor(name.clone(), value)).collect();
    let origin = Origin { data: "subwords-x", alone: false };
    save_weights(folder.path(), &tensors, &supernet.config, origin).unwrap();
    let stored = read_weights(folder.path()).unwrap();
    assert_eq!((stored.tensors, stored.config), (tensors, supernet.config));
    assert_eq!(load_weights(folder.path(), &Device::flex()).unwrap().data, "subwords-x");
}

#[test]
fn weights_that_are_shared_by_another_rule_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (checkpoints, device) = (Checkpoints::new(folder.path()), Device::flex());
    let mut trainer = trainer(0.1);
    let config = trainer.supernet.config.clone();
    let save = |trainer: &Trainer| {
        let origin = Origin { data: "data", alone: false };
        let name = Name::Fixed(LAST);
        save(&checkpoints, name, trainer, &Position::start(), origin, Content::Everything).unwrap();
        checkpoints.path(LAST)
    };
    let refusal = |path: &Path, result: Result<()>| {
        let error = result.unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string().replace(&format!("{}: ", path.display()), "")
    };

    // A checkpoint of the first rule does not say so: nor do those that were made before there were others.
    let path = save(&trainer);
    assert!(Checkpoint::load(&path).unwrap().state.get("weights").is_none());
    let weights = load_weights(&path, &device).unwrap();
    weights.check_rule("shared").unwrap();
    assert_eq!(
        refusal(&path, weights.check_rule("renamed")),
        "a SuperNet trained with train.weights = \"shared\", and this config's is \"renamed\"; give the config it was trained \
         with"
    );
    let renamed: Arc<dyn WeightSharing> = Arc::new(Renamed);
    assert_eq!(
        refusal(
            &path,
            restore(Checkpoint::load(&path).unwrap(), &path, &config, &renamed, &device, "data").map(|_| ())
        ),
        format!(
            "its weights are shared as \"shared\", not as \"renamed\"; use another run_dir, or remove {}",
            folder.path().display()
        )
    );

    trainer.supernet.sharing = renamed.clone();
    let path = save(&trainer);
    restore(Checkpoint::load(&path).unwrap(), &path, &config, &renamed, &device, "data").map(|_| ()).unwrap();
    assert_eq!(
        refusal(&path, load_weights(&path, &device).map(|_| ())),
        "\"renamed\" is no rule of weight sharing of this version, which knows: shared, mixture"
    );
    // One architecture alone shares nothing.
    Weights { supernet: trainer.supernet, data: String::new(), update: 1, alone: true }.check_rule("shared").unwrap();
}

/// As earlier versions saved it between the step that broke the weights and the loss that showed it.
#[test]
fn a_training_does_not_go_on_from_broken_weights() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path());
    assert!(load_last(folder.path()).unwrap().is_none());
    let position = Position { update: 3, ..Position::start() };
    let origin = Origin { data: "data", alone: false };
    save(&checkpoints, Name::Fixed(LAST), &trainer(0.1), &position, origin, Content::Everything).unwrap();
    let mut last = load_last(folder.path()).unwrap().unwrap();
    last.tensors[0].data[0] = f32::INFINITY;
    checkpoints.save(LAST, last.tensors.iter().map(NamedTensor::view), &last.state).unwrap();
    let message = cannot_go_on(load_last(folder.path()).unwrap_err(), folder.path()).to_string();
    let fault = format!("last.safetensors: {} is not finite: its training diverged; ", last.tensors[0].name);
    assert!(message.contains(&fault), "{message}");
    assert!(message.contains("(the 3 updates so far are lost then, "), "{message}");
}

#[test]
fn what_is_later_than_where_a_training_goes_on_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(folder.path());
    let at = |update| Position { update, best: Some(1.0), ..Position::start() };
    for (name, update) in [(Name::Step(9), 8), (Name::Step(9), 16), (Name::Fixed(BEST), 12)] {
        let origin = Origin { data: "data", alone: false };
        save(&checkpoints, name, &trainer(0.1), &at(update), origin, Content::Weights).unwrap();
    }
    for (update, best, steps) in
        [(16, Some(1.0), &[16, 8][..]), (12, Some(1.0), &[8]), (11, None, &[8]), (7, None, &[])]
    {
        let mut position = at(update);
        forget_later(&checkpoints, &mut position).unwrap();
        assert_eq!(position.best, best, "{update}");
        let left: Vec<_> = checkpoints.steps().unwrap().into_iter().map(|(step, _)| step).collect();
        assert_eq!(left, steps, "{update}");
    }
    assert!(checkpoints.path(BEST).is_file());
}

#[test]
fn sizes_that_no_model_has_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let supernet = trainer(0.1).supernet;
    let tensors: Vec<_> = supernet.values.iter().map(|(name, value)| tensor(name.clone(), value)).collect();
    save_weights(folder.path(), &tensors, &supernet.config, Origin { data: "data", alone: false }).unwrap();
    let good = Checkpoint::load(&folder.path().join("best.safetensors")).unwrap();
    for (key, value) in [("encoder_supernet_dim", 1u64 << 40), ("decoder_supernet_dim", 2), ("qkv_dim", 0)] {
        let mut state = good.state.clone();
        state["model"][key] = value.into();
        Checkpoints::new(folder.path()).save(BEST, good.tensors.iter().map(NamedTensor::view), &state).unwrap();
        let error = load_weights(folder.path(), &Device::flex()).map(|_| ()).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(&format!("its model's {key} of {value} is not between")), "{error}");
    }
}
