//! One run at a time, spin by spin: for a run or two of a problem, and for updates in random order.
//!
//! ```text
//! spin i   [ s_i | sum of J_ij s_j ]      the limits of 16 updates from four AES blocks each
//! ```
//!
//! The lanes of a vector hold nothing but random numbers, the same that the run has among others in the sparse
//! kernel: so the answers agree to the last bit. Cost of an update: about 15 instructions, and 3 a neighbour
//! where it flips, on sums that are maintained. With three runs of a problem the kernels that fill lanes with runs
//! are as fast, though they idle the others.
//!
//! In random order each update picks its spin anew, with replacement, as dwave-samplers does; the runs
//! then have no common order that could fill lanes.

use super::Job;
use super::accept::limits;
use super::fixed::Fixed;
use super::isa::Kernel;
use crate::rng::{INITIAL, Keys};
use crate::simd::{LANES, Row, Simd};

pub(super) struct Single<'a> {
    job: &'a Job<'a>,
    fixed: Fixed,
    /// Twice each coupling, in the order of the model's rows, in units of the *neighbour*.
    onto: Vec<i32>,
}

impl<'a> Single<'a> {
    pub(super) fn new(job: &'a Job<'a>) -> Self {
        let fixed = Fixed::new(job);
        let onto = fixed.onto(job);
        Single { job, fixed, onto }
    }
}

impl Kernel for Single<'_> {
    fn end(&self, chunk: usize) -> usize {
        chunk + 1
    }

    #[inline(always)]
    fn run<S: Simd>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        match (self.job.batch.random_order, self.job.batch.gibbs()) {
            (false, false) => self.anneal::<S, false, false>(s, chunk, states),
            (false, true) => self.anneal::<S, false, true>(s, chunk, states),
            (true, false) => self.anneal::<S, true, false>(s, chunk, states),
            (true, true) => self.anneal::<S, true, true>(s, chunk, states),
        }
        energies[0] = self.job.energy(chunk, states);
    }
}

/// Marks the counters of numbers that pick spins.
const ORDER: u32 = 1 << 31;

impl Single<'_> {
    #[inline(always)]
    fn anneal<S: Simd, const RANDOM_ORDER: bool, const GIBBS: bool>(&self, s: S, run: usize, spins: &mut [i8]) {
        let job = self.job;
        let n = spins.len();
        let numbers = Numbers::new(s, job, run);
        match job.initial_state(run) {
            Some(state) => spins.copy_from_slice(state),
            None => {
                for (b, some) in spins.chunks_mut(LANES).enumerate() {
                    for (spin, bits) in some.iter_mut().zip(numbers.sixteen(s, (LANES * b) as u32, INITIAL).0) {
                        *spin = if bits >> 31 == 0 { 1 } else { -1 };
                    }
                }
            }
        }
        let mut sums = self.sums(spins);
        let fields: Vec<f32> = job.fields(run).iter().map(|&h| job.scaled(h)).collect();
        for (t, rate) in job.rates() {
            for first in (0..n).step_by(LANES) {
                if first % 4096 == 0 && job.stopped() {
                    return;
                }
                let bits = numbers.sixteen(s, first as u32, t);
                let [limits] = limits::<S, 1, GIBBS>(s, [s.ints(&bits)]);
                let limits = s.float_array(limits);
                let picks = if RANDOM_ORDER { numbers.sixteen(s, first as u32 | ORDER, t).0 } else { [0; LANES] };
                for (k, (limit, pick)) in limits.into_iter().zip(picks).take(n - first).enumerate() {
                    let i = if RANDOM_ORDER { (pick as usize * n) >> 32 } else { first + k };
                    // As the sparse kernel has it, rounding by rounding.
                    let field = (sums[i] as f32).mul_add(rate * self.fixed.unit[i], rate * fields[i]);
                    let spin = spins[i];
                    if f32::from(spin) * field >= limit {
                        spins[i] = -spin;
                        let (neighbours, at) = job.model.pattern().row(i);
                        for (&j, &twice) in neighbours.iter().zip(&self.onto[at..]) {
                            let sum = &mut sums[j as usize];
                            *sum = sum.wrapping_sub(i32::from(spin) * twice);
                        }
                    }
                }
            }
        }
    }

    /// `sum_j J_ij s_j` of each spin, in its unit.
    fn sums(&self, spins: &[i8]) -> Vec<i32> {
        let sum = |i: usize| {
            let (neighbours, at) = self.job.model.pattern().row(i);
            let couplings = neighbours.iter().zip(&self.fixed.twice[at..]);
            couplings.map(|(&j, twice)| twice / 2 * i32::from(spins[j as usize])).sum()
        };
        (0..spins.len()).map(sum).collect()
    }
}

/// The random numbers of one run.
struct Numbers<S: Simd> {
    keys: Keys<S>,
    quad: u32,
    /// Which of the four numbers of a block is the read's.
    word: usize,
    id: u32,
}

impl<S: Simd> Numbers<S> {
    #[inline(always)]
    fn new(s: S, job: &Job, run: usize) -> Self {
        let (problem, read) = job.problem_and_read(run);
        let id = job.batch.problem_ids[problem];
        Numbers { keys: Keys::new(s, &job.key), quad: read / 4, word: read as usize % 4, id }
    }

    /// Those of counters `first .. first + 16`.
    #[inline(always)]
    fn sixteen(&self, s: S, first: u32, sweep: u32) -> Row<u32> {
        let blocks: [S::U; 4] = std::array::from_fn(|quarter| {
            let block = first + 4 * quarter as u32;
            self.keys.start(s, std::array::from_fn(|k| [block + k as u32, sweep, self.quad, self.id]))
        });
        let words = self.keys.finish(s, blocks).map(|words| s.int_array(words));
        Row(std::array::from_fn(|k| words[k / 4][4 * (k % 4) + self.word]))
    }
}
