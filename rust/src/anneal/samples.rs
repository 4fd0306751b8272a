//! What an anneal gives back.

use crate::error::{Error, filled};

/// The reads of a batch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples {
    /// `(problems, reads, spins)`, -1 or +1.
    pub states: Vec<i8>,
    /// `(problems, reads)`, or none if they were not asked for.
    pub energies: Vec<f64>,
    /// How the sums of each problem were kept. A problem's own numbers and the coldest temperature decide.
    pub arithmetic: Vec<Arithmetic>,
}

impl Samples {
    pub(super) fn zeros(runs: usize, spins: usize, energies: bool) -> Result<Self, Error> {
        let no_memory = |_| Error::Memory { runs, spins };
        Ok(Samples {
            states: filled(runs.saturating_mul(spins), 0).map_err(no_memory)?,
            energies: filled(if energies { runs } else { 0 }, 0.0).map_err(no_memory)?,
            arithmetic: vec![],
        })
    }
}

/// How the sums of a problem were kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// Small integers, in single bits.
    Integer,
    /// Couplings to 31 bits of a spin's sum, fields in single precision.
    Single,
    /// Integers as long as the numbers and the coldest temperature ask for.
    Wide,
    /// The longest integers there are, where longer ones are asked for.
    Rounded,
}

impl Arithmetic {
    /// Its name in small letters.
    pub fn name(self) -> &'static str {
        match self {
            Arithmetic::Integer => "integer",
            Arithmetic::Single => "single",
            Arithmetic::Wide => "wide",
            Arithmetic::Rounded => "rounded",
        }
    }
}
