//! Sparse couplings of any size: up to 64 runs side by side, spin after spin.
//!
//! ```text
//! spin i    a bit for each run, 1 = down             one word of 64 bits
//! field     16 integers a vector, W vectors, in registers: summed anew for each update (`sums.rs`)
//! limit     16 floats a vector, drawn before the field is looked at (`accept.rs`)
//! ```
//!
//! Cost of an update of 16 runs with AVX-512: 22 instructions for the decision, 6 of them for random numbers, and one to
//! two a neighbour; there is no branch in it. With 64 runs, what is done once a spin or a coupling (indices,
//! broadcasts) is shared by four vectors, and the spins of a Pegasus chip lie in 45 KB.
//!
//! Tried and slower: fields maintained flip by flip, 256 bytes a spin (half as fast on a lattice: spins
//! with a field of 0 flip at any temperature, and one of 16 runs nearly always does); spins as 16 floats; a look
//! whether all are frozen before the limits are drawn (they then wait for the field).

use super::accept::limits;
use super::exponents::{Exponents, Short};
use super::fixed::Fixed;
use super::job::Job;
use super::kernel::Kernel;
use super::lanes::Lanes;
use super::sums::Summed;
use super::wide::{Integers, Long};
use crate::rng::Keys;
use crate::simd::{LANES, Simd};

pub(super) struct Sparse<'a, E> {
    job: &'a Job<'a>,
    exponents: Summed<'a, E>,
    /// Vectors of 16 runs in a chunk.
    vectors: usize,
}

impl<'a> Sparse<'a, Short<'a>> {
    /// In single precision, for `threads` that share the work.
    pub(super) fn new(job: &'a Job<'a>, fixed: &'a Fixed, threads: usize) -> Self {
        let vectors = Lanes::vectors(job, threads);
        Sparse { job, exponents: Summed::new(job, fixed, vectors), vectors }
    }
}

impl<'a> Sparse<'a, Long<'a>> {
    /// In integers of several digits, for `threads` that share the work.
    pub(super) fn wide(job: &'a Job<'a>, integers: &'a Integers, threads: usize) -> Self {
        let vectors = Lanes::vectors(job, threads);
        Sparse { job, exponents: Summed::wide(job, integers, vectors), vectors }
    }
}

impl<E: Exponents> Kernel for Sparse<'_, E> {
    fn end(&self, chunk: usize) -> usize {
        Lanes::end(self.job, chunk, self.vectors)
    }

    #[inline(always)]
    fn run<S: Simd>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        match (self.vectors, self.job.batch.method.is_gibbs()) {
            (1, false) => self.anneal::<S, 1, false>(s, chunk, states, energies),
            (1, true) => self.anneal::<S, 1, true>(s, chunk, states, energies),
            (2, false) => self.anneal::<S, 2, false>(s, chunk, states, energies),
            (2, true) => self.anneal::<S, 2, true>(s, chunk, states, energies),
            (_, false) => self.anneal::<S, 4, false>(s, chunk, states, energies),
            (_, true) => self.anneal::<S, 4, true>(s, chunk, states, energies),
        }
    }
}

impl<E: Exponents> Sparse<'_, E> {
    #[inline(always)]
    fn anneal<S: Simd, const W: usize, const GIBBS: bool>(
        &self,
        s: S,
        chunk: usize,
        states: &mut [i8],
        energies: &mut [f64],
    ) {
        let job = self.job;
        let n = job.couplings.num_spins();
        let keys = Keys::new(s, &job.key);
        let lanes = Lanes::new(job, chunk, self.vectors);
        let mut spins = lanes.initial_spins(s, job, &keys);
        let fields = self.exponents.fields(job, &lanes);
        for (t, beta) in job.betas() {
            let rate = self.exponents.rate(job, beta);
            let starts: [S::U; W] = std::array::from_fn(|v| keys.start(s, lanes.counters(v, t)));
            // One spin ahead, and their random bits two: three chains that do not wait for each other.
            let mut ahead = limits::<S, W, GIBBS>(s, bits(s, &keys, &starts, 0));
            let mut further = bits(s, &keys, &starts, 1);
            for i in 0..n {
                if i % 4096 == 0 && job.stopped() {
                    return;
                }
                let limit = self.exponents.raised(s, ahead, rate);
                ahead = limits::<S, W, GIBBS>(s, further);
                further = bits(s, &keys, &starts, i + 2);
                let exponents: [S::F; W] = self.exponents.of(s, &fields, rate, i, &spins);
                let down = s.masks(spins[i]);
                let mut flips = 0;
                for v in 0..W {
                    let accepted = s.at_least(s.negate(down[v], exponents[v]), limit[v]);
                    flips |= u64::from(s.mask_bits(accepted)) << (LANES * v);
                }
                spins[i] ^= flips;
            }
        }
        lanes.write_out(job, &spins, states, energies);
    }
}

/// The random bits of spin `i`, from the counters of the sweep.
#[inline(always)]
fn bits<S: Simd, const W: usize>(s: S, keys: &Keys<S>, starts: &[S::U; W], i: usize) -> [S::U; W] {
    let place = s.quarters(i as u32);
    let mut bits = *starts;
    for bits in &mut bits {
        *bits = s.xor(*bits, place);
    }
    keys.finish(s, bits)
}
