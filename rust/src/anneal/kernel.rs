//! What a kernel is: a job in its layout, cut into chunks.

use crate::simd::Simd;
use crate::simd::isa::{self, Isa, OnVectors};

/// A problem in the layout of one kernel.
///
/// The runs of a batch are cut into chunks that a kernel anneals together, and threads take in turn.
pub(super) trait Kernel: Sync {
    /// The run after the last of chunk `chunk`; may be more than there are.
    fn end(&self, chunk: usize) -> usize;

    /// Anneals a chunk: `states` (runs, spins) and `energies` (runs,) are those of its runs. No energies are wanted
    /// where `energies` is empty.
    fn run<S: Simd>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]);
}

/// Anneals a chunk with the instructions of `isa`, which must be among the available ones.
pub(super) fn run(isa: Isa, kernel: &impl Kernel, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
    isa::run(isa, Chunk { kernel, chunk, states, energies });
}

struct Chunk<'a, K> {
    kernel: &'a K,
    chunk: usize,
    states: &'a mut [i8],
    energies: &'a mut [f64],
}

impl<K: Kernel> OnVectors for Chunk<'_, K> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.kernel.run(s, self.chunk, self.states, self.energies);
    }
}
