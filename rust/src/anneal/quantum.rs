//! Quantum annealing by path integrals: each spin is a ring of copies of itself in imaginary time.
//!
//! At inverse temperature `beta` the quantum machine
//!
//! ```text
//! H(t) = b(t) E(sigma_z) - Gamma(t) sum_i sigma_x_i
//! ```
//!
//! is, by the Suzuki-Trotter formula, nearly the classical one of `P` slices with the action
//!
//! ```text
//! S = beta b / P sum_k E(s_k) - K sum_k sum_i s_ik s_i,k+1 ,   K = 1/2 ln coth(beta Gamma / P) ,   k modulo P
//! ```
//!
//! which is sampled here, sweep by sweep, and measured in slice 0: Santoro, Martonak, Tosatti and Car, Science
//! 295, 2427 (2002); Martonak, Santoro and Tosatti, Phys. Rev. B 66, 094203 (2002). The error of the formula goes
//! with `(beta / P)^2`.
//!
//! ```text
//! slice 0   [ spin 0 | spin 1 | ... ]     a word of 64 bits each, a bit for each run, 1 = down
//! slice 1   [ spin 0 | spin 1 | ... ]
//! ```
//!
//! In its turn a spin is updated in one slice after the other, and then in all of them at once: this last
//! move knows nothing of `K`, and is the only one that flips spins where `Gamma` is small. What it costs is the sum of
//! what the moves before it had to work out anyway.
//!
//! Cost of an update of 16 runs with AVX-512: what the sparse kernel takes, and a dozen instructions for the
//! neighbours in imaginary time and the sum. The move of all slices costs as much as half an update of one.
//!
//! Tried and slower: even slices first and then odd ones, so that no update waits for the one before it (a tenth:
//! they do not wait, the sums and the limits of the next slices are under way meanwhile).
//!
//! Initial states stand in all slices alike; random ones are drawn for each slice.

use super::accept::limits;
use super::exponents::{Exponents, Short};
use super::fixed::Fixed;
use super::job::Job;
use super::kernel::Kernel;
use super::lanes::Lanes;
use super::method::Trotter;
use super::sums::Summed;
use super::wide::{Integers, Long};
use crate::rng::{INITIAL, Keys};
use crate::simd::{LANES, Simd};

pub(super) struct Quantum<'a, E> {
    job: &'a Job<'a>,
    trotter: &'a Trotter,
    exponents: Summed<'a, E>,
    /// Vectors of 16 runs in a chunk.
    vectors: usize,
}

impl<'a> Quantum<'a, Short<'a>> {
    /// In single precision, for `threads` that share the work.
    pub(super) fn new(job: &'a Job<'a>, trotter: &'a Trotter, fixed: &'a Fixed, threads: usize) -> Self {
        let vectors = Lanes::vectors(job, threads);
        Quantum { job, trotter, exponents: Summed::new(job, fixed, vectors), vectors }
    }
}

impl<'a> Quantum<'a, Long<'a>> {
    /// In integers of several digits, for `threads` that share the work.
    pub(super) fn wide(job: &'a Job<'a>, trotter: &'a Trotter, integers: &'a Integers, threads: usize) -> Self {
        let vectors = Lanes::vectors(job, threads);
        Quantum { job, trotter, exponents: Summed::wide(job, integers, vectors), vectors }
    }
}

impl<E: Exponents> Kernel for Quantum<'_, E> {
    fn end(&self, chunk: usize) -> usize {
        Lanes::end(self.job, chunk, self.vectors)
    }

    #[inline(always)]
    fn run<S: Simd>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        match self.vectors {
            1 => self.anneal::<S, 1>(s, chunk, states, energies),
            2 => self.anneal::<S, 2>(s, chunk, states, energies),
            _ => self.anneal::<S, 4>(s, chunk, states, energies),
        }
    }
}

impl<E: Exponents> Quantum<'_, E> {
    #[inline(always)]
    fn anneal<S: Simd, const W: usize>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        let (job, slices) = (self.job, self.trotter.slices);
        let n = job.couplings.num_spins();
        let lanes = Lanes::new(job, chunk, self.vectors);
        let numbers = Numbers { keys: Keys::new(s, &job.key), lanes: &lanes };
        let mut spins = self.initial_spins::<S, W>(s, &numbers);
        let fields = self.exponents.fields(job, &lanes);
        let often = (4096 / slices).max(1);
        for ((t, beta), tie) in job.betas().zip(self.trotter.steps()) {
            let rate = self.exponents.rate(job, beta);
            let starts = numbers.starts::<W>(s, t);
            let bound = s.splat(-tie);
            for i in 0..n {
                if i % often == 0 && job.stopped() {
                    return;
                }
                let block = i * (slices + 1);
                // What a flip in all slices has for an exponent.
                let mut whole = [s.splat(0.0); W];
                let mut before = spins[(slices - 1) * n + i];
                for k in 0..slices {
                    let limits = numbers.limits(s, &starts, block + k);
                    let exponents: [S::F; W] = self.exponents.of(s, &fields, rate, i, &spins[k * n..(k + 1) * n]);
                    let here = spins[k * n + i];
                    let after = spins[if k + 1 < slices { (k + 1) * n + i } else { i }];
                    let (down, unlike) = (s.masks(here), [s.masks(here ^ before), s.masks(here ^ after)]);
                    let mut flips = 0;
                    for v in 0..W {
                        let problem = s.negate(down[v], exponents[v]);
                        let ties = s.add(s.negate(unlike[0][v], bound), s.negate(unlike[1][v], bound));
                        let accepted = s.at_least(s.add(problem, ties), limits[v]);
                        whole[v] = s.add(whole[v], s.negate(accepted, problem));
                        flips |= u64::from(s.mask_bits(accepted)) << (LANES * v);
                    }
                    before = here ^ flips;
                    spins[k * n + i] = before;
                }
                let limits = numbers.limits(s, &starts, block + slices);
                let mut flips = 0;
                for v in 0..W {
                    flips |= u64::from(s.mask_bits(s.at_least(whole[v], limits[v]))) << (LANES * v);
                }
                for word in spins[i..].iter_mut().step_by(n) {
                    *word ^= flips;
                }
            }
        }
        lanes.write_out(job, &spins[..n], states, energies);
    }

    /// Words of all spins in all slices.
    #[inline(always)]
    fn initial_spins<S: Simd, const W: usize>(&self, s: S, numbers: &Numbers<S>) -> Vec<u64> {
        let (job, slices) = (self.job, self.trotter.slices);
        let n = job.couplings.num_spins();
        if job.batch.has_initial_states() {
            return numbers.lanes.initial_spins(s, job, &numbers.keys).repeat(slices);
        }
        let starts = numbers.starts::<W>(s, INITIAL);
        let mut spins = vec![0; n * slices];
        for (at, word) in spins.iter_mut().enumerate() {
            let bits = numbers.bits(s, &starts, at % n * (slices + 1) + at / n);
            for (v, &bits) in bits.iter().enumerate() {
                *word |= u64::from(s.mask_bits(s.top_bits(bits))) << (LANES * v);
            }
        }
        spins
    }
}

/// The random numbers of the runs of a chunk: those of move `m` of spin `i` have block `i (P + 1) + m`.
struct Numbers<'a, S: Simd> {
    keys: Keys<S>,
    lanes: &'a Lanes,
}

impl<S: Simd> Numbers<'_, S> {
    #[inline(always)]
    fn starts<const W: usize>(&self, s: S, sweep: u32) -> [S::U; W] {
        std::array::from_fn(|v| self.keys.start(s, self.lanes.counters(v, sweep)))
    }

    #[inline(always)]
    fn bits<const W: usize>(&self, s: S, starts: &[S::U; W], block: usize) -> [S::U; W] {
        let place = s.quarters(block as u32);
        // A loop, not `map`: what a closure does is not compiled for the instruction set of its caller.
        let mut bits = *starts;
        for bits in &mut bits {
            *bits = s.xor(*bits, place);
        }
        self.keys.finish(s, bits)
    }

    #[inline(always)]
    fn limits<const W: usize>(&self, s: S, starts: &[S::U; W], block: usize) -> [S::F; W] {
        limits::<S, W, false>(s, self.bits(s, starts, block))
    }
}
