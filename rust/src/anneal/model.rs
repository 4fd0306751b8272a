//! Couplings that are made ready for annealing once, for as many batches as there are.

use super::fixed::Fixed;
use super::layered;
use crate::couplings::{Couplings, Pattern, Sides};
use crate::error::Error;
use std::sync::{Arc, OnceLock};

/// Couplings, and what the kernels have made of them so far.
#[derive(Debug)]
pub struct Model {
    couplings: Couplings,
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

    fn of(couplings: Couplings) -> Self {
        Model { couplings, layouts: Arc::new(Layouts::new(1.0)) }
    }

    /// The couplings.
    pub fn couplings(&self) -> &Couplings {
        &self.couplings
    }

    /// The number of spins.
    pub fn num_spins(&self) -> usize {
        self.couplings.num_spins()
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
}

impl Layouts {
    fn new(scale: f64) -> Self {
        Layouts { scale, fixed: OnceLock::new(), layered: OnceLock::new() }
    }

    /// As integers, where single precision is enough.
    pub(super) fn fixed(&self, couplings: &Couplings) -> &Fixed {
        self.fixed.get_or_init(|| Fixed::new(couplings, self.scale))
    }

    /// Of the layered kernel.
    pub(super) fn layered(&self, couplings: &Couplings, sides: &Sides) -> &layered::Layout {
        self.layered.get_or_init(|| layered::Layout::new(couplings, sides, self.fixed(couplings)))
    }
}
