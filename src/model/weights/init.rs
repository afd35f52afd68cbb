//! Initial values, as the reference draws them on the supernet's full shapes.

use super::declare::{Declare, Init};
use super::layout::{Shapes, group};
use super::leading_slice::LeadingSlice;
use super::named::{Path, filled, shapes_of, track_path};
use super::sharing::WeightSharing;
use super::supernet::Supernet;
use super::value::{Value, Values, lookup};
use crate::kernels::capabilities::groups_experts;
use crate::model::config::TransformerConfig;
use crate::model::embedding::Positions;
use crate::model::transformer::Transformer;
use crate::seed;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Supernet {
    /// A supernet by the rule `sharing` with fresh weights. Each parameter draws from its own stream, named by its path.
    pub fn init(config: TransformerConfig, sharing: Arc<dyn WeightSharing>, seed: u64, device: &Device) -> Self {
        Self::completed(config, sharing, Values::new(), seed, device)
    }

    /// This supernet by the rule `sharing`, which has more parameters: those are fresh. `config` is its own but for dropout.
    pub fn extended(&self, config: TransformerConfig, sharing: Arc<dyn WeightSharing>, seed: u64) -> Self {
        Self::completed(config, sharing, self.named(), seed, &self.device)
    }

    /// A supernet with these parameters, experts one by one; those that are missing are fresh.
    fn completed(
        config: TransformerConfig,
        sharing: Arc<dyn WeightSharing>,
        mut named: Values,
        seed: u64,
        device: &Device,
    ) -> Self {
        let declared = config.declared();
        let begins = |name: &str, shape: &[usize]| sharing.initial(name, shape, &declared);
        let mut missing = sharing.parameters(&config);
        missing.retain(|name, _| !named.contains_key(name));
        named.extend(draw(missing, begins, seed, device));
        Self::new(config, sharing, named, device)
    }
}

impl TransformerConfig {
    /// How the parameters of its modules begin, by name.
    fn declared(&self) -> BTreeMap<String, Init> {
        let declare = Declare::on(&Device::flex());
        declared(&self.skeleton(&Positions::absent(declare.device()), &declare), &declare)
    }

    /// A Transformer of its own with fresh weights that follow from `seed`.
    pub fn init(&self, seed: u64, device: &Device) -> Transformer {
        let supernet = Supernet::init(self.clone(), Arc::new(LeadingSlice), seed, device);
        supernet.cut(&self.architecture, false).expect("it is the whole of itself")
    }
}

/// The module that `build` declares, with fresh weights that follow from `seed`: for one that stands alone.
pub fn init<M: Module>(seed: u64, device: &Device, build: impl Fn(&Declare) -> M) -> M {
    let declare = Declare::on(&Device::flex());
    let named = build(&declare);
    let declared = declared(&named, &declare);
    let named = draw(shapes_of(&named), |name, _| declared[name], seed, device);
    let skeleton = build(&Declare::on(device));
    let values = match groups_experts(device) {
        true => group(named, &shapes_of(&skeleton), device),
        false => named,
    };
    let value = |name: &str, shape: &[usize]| lookup(&values, name, shape);
    filled(skeleton, false, value).expect("it has the parameters that it declared")
}

fn draw(shapes: Shapes, begins: impl Fn(&str, &[usize]) -> Init + Sync, seed: u64, device: &Device) -> Values {
    let drawn: Vec<(String, Vec<usize>, Vec<f32>)> = shapes
        .into_par_iter()
        .map(|(name, shape)| {
            let elements = begins(&name, &shape).draw(&shape, &mut seed::stream(seed, &format!("init {name}"), 0));
            (name, shape, elements)
        })
        .collect();
    drawn.into_iter().map(|(name, shape, elements)| (name, Value::from_vec(elements, &shape, device))).collect()
}

/// How the parameters of `module` begin, by name.
fn declared(module: &impl Module, declare: &Declare) -> BTreeMap<String, Init> {
    let mut visitor = Declared { path: Path::default(), declare, found: BTreeMap::new() };
    module.visit(&mut visitor);
    visitor.found
}

struct Declared<'a> {
    path: Path,
    declare: &'a Declare,
    found: BTreeMap<String, Init>,
}

impl ModuleVisitor for Declared<'_> {
    track_path!();

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let init = self.declare.begins(param.id).expect("modules declare their parameters");
        self.found.insert(self.path.name(), init);
    }
}
