//! One run at a time, spin by spin, in random order: a run or two of a problem, or any number where couplings are dense.
//!
//! ```text
//! spin i   [ s_i | sum of J_ij s_j ]      the limits of 16 updates from four AES blocks each
//!                  of each digit, where a problem needs several (`wide.rs`)
//! row i    2 J of each neighbour; where they are many, of every spin, also where it is 0
//! ```
//!
//! The lanes of a vector hold nothing but random numbers, the same that the run has among others in the sparse
//! kernel: so the answers agree to the last bit. Cost of an update: about 15 instructions, and 3 a neighbour
//! where it flips, on sums that are maintained. In turn, `few.rs` has the same answers in less time; this kernel is
//! what the tests hold it against.

use super::accept::limits;
use super::exponents::{Exponents, Scalar, Short};
use super::few::is_whole;
use super::fixed::{Fixed, Terms};
use super::job::Job;
use super::kernel::Kernel;
use super::picks::Picks;
use super::wide::{Integers, Long};
use crate::rng::{INITIAL, Keys};
use crate::simd::{LANES, Row, Simd};

/// Integers of up to `D` digits, side by side: a flip changes all digits of a sum in one vector addition. Those that a
/// problem does not have stand first, and are 0.
pub(super) struct Single<'a, E, const D: usize> {
    job: &'a Job<'a>,
    exponents: E,
    digits: Vec<&'a Terms>,
    /// Twice each coupling, in the order of the model's rows or, `whole`, of all spins; in units of the *neighbour*.
    onto: Vec<[i32; D]>,
    whole: bool,
}

impl<'a> Single<'a, Short<'a>, 1> {
    /// In single precision.
    pub(super) fn new(job: &'a Job<'a>, fixed: &'a Fixed) -> Self {
        Self::of_digits(job, Short::new(fixed), vec![&fixed.terms])
    }
}

impl<'a, const D: usize> Single<'a, Long<'a>, D> {
    /// In integers of up to `D` digits.
    pub(super) fn wide(job: &'a Job<'a>, integers: &'a Integers) -> Self {
        Self::of_digits(job, Long::new(integers), integers.digits.iter().collect())
    }
}

impl<'a, E, const D: usize> Single<'a, E, D> {
    fn of_digits(job: &'a Job<'a>, exponents: E, digits: Vec<&'a Terms>) -> Self {
        let pattern = job.couplings.pattern();
        let (whole, n) = (is_whole(pattern), pattern.num_spins());
        let mut onto = side_by_side(digits.iter().map(|terms| terms.onto(pattern)));
        if whole {
            let mut rows = vec![[0; D]; n * n];
            for i in 0..n {
                let (neighbours, at) = pattern.row(i);
                neighbours.iter().zip(&onto[at..]).for_each(|(&j, &twice)| rows[n * i + j as usize] = twice);
            }
            onto = rows;
        }
        Single { job, exponents, digits, onto, whole }
    }
}

fn side_by_side<const D: usize>(digits: impl ExactSizeIterator<Item = Vec<i32>>) -> Vec<[i32; D]> {
    let mut all = vec![];
    let first = D - digits.len();
    for (k, numbers) in digits.enumerate() {
        all.resize(numbers.len(), [0; D]);
        all.iter_mut().zip(numbers).for_each(|(all, number)| all[first + k] = number);
    }
    all
}

impl<E: Exponents, const D: usize> Kernel for Single<'_, E, D> {
    fn end(&self, chunk: usize) -> usize {
        chunk + 1
    }

    #[inline(always)]
    fn run<S: Simd>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        let method = &self.job.batch.method;
        match (method.is_in_random_order(), method.is_gibbs()) {
            (false, false) => self.anneal::<S, false, false>(s, chunk, states),
            (false, true) => self.anneal::<S, false, true>(s, chunk, states),
            (true, false) => self.anneal::<S, true, false>(s, chunk, states),
            (true, true) => self.anneal::<S, true, true>(s, chunk, states),
        }
        if let [energy] = energies {
            *energy = self.job.energy(chunk, states);
        }
    }
}

impl<E: Exponents, const D: usize> Single<'_, E, D> {
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
        let pattern = job.couplings.pattern();
        let mut sums = side_by_side(self.digits.iter().map(|terms| terms.sums(pattern, spins)));
        let fields = self.fields(run);
        let mut picks = Picks::of(job, run);
        for (t, beta) in job.betas() {
            let rate = self.exponents.rate(job, beta);
            let picks = if RANDOM_ORDER { picks.draw(s, &numbers.keys, t) } else { &[] };
            for first in (0..n).step_by(LANES) {
                if first % 4096 == 0 && job.stopped() {
                    return;
                }
                let bits = numbers.sixteen(s, first as u32, t);
                let [limits] = limits::<S, 1, GIBBS>(s, [s.ints(&bits)]);
                let limits = s.float_array(limits);
                for (k, limit) in limits.into_iter().take(n - first).enumerate() {
                    let i = if RANDOM_ORDER { picks[first + k] as usize } else { first + k };
                    let spin = spins[i];
                    let exponent = self.exponent(fields[i], &sums[i], rate, i);
                    if f32::from(spin) * exponent >= E::raised(Scalar, limit, rate) {
                        spins[i] = -spin;
                        self.flip(&mut sums, spin, i);
                    }
                }
            }
        }
    }

    /// The fields of a run, as far as they are beside the sums.
    fn fields(&self, run: usize) -> Vec<f32> {
        let fields = self.job.fields(run).iter();
        fields.map(|h| if E::FIELDS { self.job.scaled(h) } else { 0.0 }).collect()
    }

    #[inline(always)]
    fn exponent(&self, field: f32, sums: &[i32; D], rate: E::Rate, i: usize) -> f32 {
        let (mut exponent, factor) = (E::of_field(rate) * field, self.exponents.factor(rate, i));
        for &sum in sums {
            exponent = self.exponents.with_digit(Scalar, exponent, sum, factor);
        }
        self.exponents.finished(Scalar, exponent, factor)
    }

    /// Spin `i` has turned over from `spin`.
    #[inline(always)]
    fn flip(&self, sums: &mut [[i32; D]], spin: i8, i: usize) {
        if self.whole {
            let row = self.onto[i * sums.len()..][..sums.len()].as_flattened();
            if spin > 0 {
                sums.as_flattened_mut()
                    .iter_mut()
                    .zip(row)
                    .for_each(|(sum, twice)| *sum = sum.wrapping_sub(*twice));
            } else {
                sums.as_flattened_mut()
                    .iter_mut()
                    .zip(row)
                    .for_each(|(sum, twice)| *sum = sum.wrapping_add(*twice));
            }
            return;
        }
        let (neighbours, at) = self.job.couplings.pattern().row(i);
        for (&j, twice) in neighbours.iter().zip(&self.onto[at..]) {
            let sum = &mut sums[j as usize];
            for k in 0..D {
                sum[k] = if spin > 0 { sum[k].wrapping_sub(twice[k]) } else { sum[k].wrapping_add(twice[k]) };
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
