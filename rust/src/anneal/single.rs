//! One run at a time, spin by spin: for a run or two of a problem, and for updates in random order.
//!
//! ```text
//! spin i   [ s_i | sum of J_ij s_j ]      the limits of 16 updates from four AES blocks each
//!                  of each digit, where a problem needs several (`wide.rs`)
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
use super::precision::Digits;
use super::wide::{Integers, Rate};
use crate::rng::{INITIAL, Keys};
use crate::simd::{LANES, Row, Simd};

/// The sums of one run, which flips change, and what they make of a flip: rounding by rounding as `exponents.rs` and
/// `wide.rs` have it.
pub(super) trait Sums: Sync {
    /// What all spins of a sweep share.
    type Rate: Copy;
    /// The numbers of one run.
    type OfRun;

    fn begin(&self, job: &Job, run: usize, spins: &[i8]) -> Self::OfRun;
    fn rate(&self, job: &Job, beta: f64) -> Self::Rate;
    /// `rate f_i`.
    fn exponent(&self, of_run: &Self::OfRun, rate: Self::Rate, i: usize) -> f32;
    /// Spin `i` has turned over from `spin`; its couplings stand from `at` on.
    fn flip(&self, of_run: &mut Self::OfRun, spin: i8, neighbours: &[u32], at: usize);
    /// A limit that no exponent below it is accepted at, whatever is drawn.
    fn raised(rate: Self::Rate, limit: f32) -> f32;
}

/// Couplings to 31 bits of a spin's sum, fields as floats.
pub(super) struct Short {
    fixed: Fixed,
    /// Twice each coupling, in the order of the model's rows, in units of the *neighbour*.
    onto: Vec<i32>,
}

impl Sums for Short {
    type Rate = f32;
    /// Sums and fields.
    type OfRun = (Vec<i32>, Vec<f32>);

    fn begin(&self, job: &Job, run: usize, spins: &[i8]) -> (Vec<i32>, Vec<f32>) {
        (self.fixed.terms.sums(job, spins), job.fields(run).iter().map(|&h| job.scaled(h)).collect())
    }

    fn rate(&self, job: &Job, beta: f64) -> f32 {
        job.rate(beta)
    }

    #[inline(always)]
    fn exponent(&self, (sums, fields): &(Vec<i32>, Vec<f32>), rate: f32, i: usize) -> f32 {
        (sums[i] as f32).mul_add(rate * self.fixed.unit[i], rate * fields[i])
    }

    #[inline(always)]
    fn flip(&self, (sums, _): &mut (Vec<i32>, Vec<f32>), spin: i8, neighbours: &[u32], at: usize) {
        for (&j, &twice) in neighbours.iter().zip(&self.onto[at..]) {
            let sum = &mut sums[j as usize];
            *sum = sum.wrapping_sub(i32::from(spin) * twice);
        }
    }

    #[inline(always)]
    fn raised(_: f32, limit: f32) -> f32 {
        limit
    }
}

/// Integers of up to `N` digits, side by side: a flip changes all digits of a sum in one vector addition. Those that a
/// problem does not have stand first, and are 0.
pub(super) struct Long<const N: usize> {
    integers: Integers,
    /// As `Short` has it.
    onto: Vec<[i32; N]>,
}

impl<const N: usize> Long<N> {
    fn new(job: &Job, integers: Integers) -> Self {
        let onto = integers.digits.iter().map(|terms| terms.onto(job)).collect::<Vec<_>>();
        Long { integers, onto: side_by_side(&onto) }
    }
}

fn side_by_side<const N: usize>(digits: &[Vec<i32>]) -> Vec<[i32; N]> {
    let mut all = vec![[0; N]; digits[0].len()];
    for (k, numbers) in digits.iter().enumerate() {
        all.iter_mut().zip(numbers).for_each(|(all, &number)| all[N - digits.len() + k] = number);
    }
    all
}

impl<const N: usize> Sums for Long<N> {
    type Rate = Rate;
    type OfRun = Vec<[i32; N]>;

    fn begin(&self, job: &Job, _: usize, spins: &[i8]) -> Vec<[i32; N]> {
        side_by_side(&self.integers.digits.iter().map(|terms| terms.sums(job, spins)).collect::<Vec<_>>())
    }

    fn rate(&self, _: &Job, beta: f64) -> Rate {
        Rate::new(beta)
    }

    #[inline(always)]
    fn exponent(&self, sums: &Vec<[i32; N]>, rate: Rate, i: usize) -> f32 {
        let mut field = 0f32;
        for digit in sums[i] {
            field = field.mul_add(self.integers.base, digit as f32);
        }
        field * rate.weight(self.integers.unit[i])
    }

    #[inline(always)]
    fn flip(&self, sums: &mut Vec<[i32; N]>, spin: i8, neighbours: &[u32], at: usize) {
        for (&j, twice) in neighbours.iter().zip(&self.onto[at..]) {
            let sum = &mut sums[j as usize];
            if spin > 0 {
                *sum = std::array::from_fn(|k| sum[k].wrapping_sub(twice[k]));
            } else {
                *sum = std::array::from_fn(|k| sum[k].wrapping_add(twice[k]));
            }
        }
    }

    #[inline(always)]
    fn raised(rate: Rate, limit: f32) -> f32 {
        rate.raised(limit)
    }
}

pub(super) struct Single<'a, T> {
    job: &'a Job<'a>,
    sums: T,
}

impl<'a> Single<'a, Short> {
    pub(super) fn new(job: &'a Job<'a>) -> Self {
        let fixed = Fixed::new(job);
        let onto = fixed.terms.onto(job);
        Single { job, sums: Short { fixed, onto } }
    }
}

/// In integers of up to `N` digits.
pub(super) fn wide<'a, const N: usize>(job: &'a Job<'a>, digits: &Digits) -> Single<'a, Long<N>> {
    Single { job, sums: Long::new(job, Integers::new(job, digits)) }
}

impl<T: Sums> Kernel for Single<'_, T> {
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

impl<T: Sums> Single<'_, T> {
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
        let mut sums = self.sums.begin(job, run, spins);
        for (t, beta) in job.betas() {
            let rate = self.sums.rate(job, beta);
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
                    let spin = spins[i];
                    if f32::from(spin) * self.sums.exponent(&sums, rate, i) >= T::raised(rate, limit) {
                        spins[i] = -spin;
                        let (neighbours, at) = job.model.pattern().row(i);
                        self.sums.flip(&mut sums, spin, neighbours, at);
                    }
                }
            }
        }
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
