//! Couplings that are made ready for annealing once, for as many batches as there are.

use super::fixed::Fixed;
use super::order::Order;
use super::{few, layered, shared};
use crate::couplings::{Couplings, Pattern, Sides};
use crate::error::Error;
use crate::structure::Structure;
use std::sync::{Arc, OnceLock};

/// Couplings, and what the kernels have made of them so far.
#[derive(Debug)]
pub struct Model {
    num_spins: usize,
    /// Those of layers are made when a kernel asks for them that knows no layers.
    couplings: OnceLock<Couplings>,
    shared: Option<shared::Weights>,
    layouts: Arc<Layouts>,
}

impl Model {
    /// Couplings `values[k]` between spins `rows[k]` and `cols[k]` of `num_spins` spins. A pair given
    /// more than once, in either order, gets the sum.
    ///
    /// # Errors
    /// As [`Couplings::new`].
    pub fn new(num_spins: usize, rows: &[i64], cols: &[i64], values: &[f64]) -> Result<Self, Error> {
        Ok(Self::of(Couplings::new(num_spins, rows, cols, values)?))
    }

    /// Couplings `values[k]` in the order that the pattern was made in.
    ///
    /// # Errors
    /// As [`Couplings::on`].
    pub fn on(pattern: Arc<Pattern>, values: &[f64]) -> Result<Self, Error> {
        Ok(Self::of(Couplings::on(pattern, values)?))
    }

    /// Layers joined by blocks with these weights, block after block: of dense ones and filters row by row, as
    /// [`Structure`] has them.
    ///
    /// # Errors
    /// On another number of weights than the blocks have, or one that is not finite.
    pub fn layers(structure: Structure, values: &[f64]) -> Result<Self, Error> {
        Self::of_layers(Arc::new(shared::Layout::new(structure)?), values)
    }

    /// The same pairs or layers with other values.
    ///
    /// # Errors
    /// As that which made it.
    pub fn with_values(&self, values: &[f64]) -> Result<Self, Error> {
        match &self.shared {
            Some(weights) => Self::of_layers(weights.layout.clone(), values),
            None => Self::on(self.couplings().pattern().clone(), values),
        }
    }

    fn of(couplings: Couplings) -> Self {
        let (num_spins, layouts) = (couplings.num_spins(), Arc::new(Layouts::new(1.0)));
        Model { num_spins, couplings: OnceLock::from(couplings), shared: None, layouts }
    }

    fn of_layers(layout: Arc<shared::Layout>, values: &[f64]) -> Result<Self, Error> {
        let (num_spins, layouts) = (layout.structure.num_spins(), Arc::new(Layouts::new(1.0)));
        let shared = Some(shared::Weights::new(layout, values)?);
        Ok(Model { num_spins, couplings: OnceLock::new(), shared, layouts })
    }

    /// The couplings, each by itself.
    ///
    /// # Panics
    /// Where there are layers, and no memory for all their couplings.
    pub fn couplings(&self) -> &Couplings {
        self.try_couplings().expect("memory for all couplings")
    }

    pub(crate) fn try_couplings(&self) -> Result<&Couplings, Error> {
        if let (None, Some(weights)) = (self.couplings.get(), &self.shared) {
            let couplings = weights.layout.structure.couplings(&weights.values)?;
            // Whoever was first made the same.
            let _ = self.couplings.set(couplings);
        }
        Ok(self.couplings.get().expect("there are pairs where there are no layers"))
    }

    /// The weights of layers.
    pub(super) fn shared(&self) -> Option<&shared::Weights> {
        self.shared.as_ref()
    }

    /// The number of spins.
    pub fn num_spins(&self) -> usize {
        self.num_spins
    }

    /// The layouts after a scale; those of ordinary numbers are kept.
    pub(super) fn layouts(&self, scale: f64) -> Arc<Layouts> {
        if scale == self.layouts.scale { self.layouts.clone() } else { Arc::new(Layouts::new(scale)) }
    }
}

/// What kernels make of couplings alone, times a power of two: each when it is first asked for.
#[derive(Debug)]
pub(super) struct Layouts {
    scale: f64,
    fixed: OnceLock<Fixed>,
    layered: OnceLock<layered::Layout>,
    few: OnceLock<few::Layout<f32, 1>>,
    order: OnceLock<Order>,
}

impl Layouts {
    fn new(scale: f64) -> Self {
        Layouts {
            scale,
            fixed: OnceLock::new(),
            layered: OnceLock::new(),
            few: OnceLock::new(),
            order: OnceLock::new(),
        }
    }

    /// As integers, where single precision is enough.
    pub(super) fn fixed(&self, couplings: &Couplings) -> &Fixed {
        self.fixed.get_or_init(|| Fixed::new(couplings, self.scale))
    }

    /// Of the layered kernel.
    pub(super) fn layered(&self, couplings: &Couplings, sides: &Sides) -> &layered::Layout {
        self.layered.get_or_init(|| layered::Layout::new(couplings, sides, self.fixed(couplings)))
    }

    /// Of the kernel for few runs.
    pub(super) fn few(&self, couplings: &Couplings) -> &few::Layout<f32, 1> {
        self.few.get_or_init(|| few::Layout::new(couplings.pattern(), self.fixed(couplings)))
    }

    /// For threads that share the spins of a sweep.
    pub(super) fn order(&self, pattern: &Pattern) -> &Order {
        self.order.get_or_init(|| Order::of(pattern))
    }
}
