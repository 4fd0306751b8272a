//! A read or two of a problem: 16 spins of a run side by side.
//!
//! ```text
//! place          [ 0 .. 15 | 16 .. 31 | ... ]    spins in an order in which neighbours stand apart (`order.rs`)
//! sum of J s     [ 16 ints |          |     ]    maintained; of each digit, where a problem needs several (`wide.rs`)
//! down           [ 16 bits |          |     ]
//! row of a spin  own block: 16 ints, where one of it is a neighbour
//!                others: (place, 2 J) (place, 2 J) ..., or 16 ints for each block, where neighbours are many
//! ```
//!
//! A block of 16 spins is decided at once: their sums are as they must be, because hardly any spin of it is coupled to
//! another. Then the sums around those that flip are changed, one flip after the other. Where spins of a block *are*
//! coupled (all of a dense problem are), those behind a flip are decided anew. So the flips are those of all other
//! kernels, which update one spin at a time: the same order as far as it matters, and the same random numbers.
//!
//! The limits of a block are drawn one block ahead: the processor works on them while it waits to know how many
//! spins flip, which it mispredicts once in a block and not once a spin. Where no spin of a block can flip, none are drawn.
//!
//! Several threads share the blocks of a large problem (`together.rs`).
//!
//! Cost of an update with AVX-512: four instructions; where it flips, some ten, and five a neighbour or three to five
//! for each block of a whole row.
//!
//! Tried and slower: one spin at a time (half as fast); a branch on the sign of what a flip adds, which is mispredicted half of
//! the time, but for rows of many blocks.

mod layout;
mod rows;
mod together;

pub(super) use layout::{Layout, is_whole};
pub(super) use together::FewTogether;

use super::accept::{NEVER, limits};
use super::exponents::{Exponents, Short};
use super::fixed::{Fixed, Terms};
use super::job::Job;
use super::kernel::Kernel;
use super::order::Order;
use super::wide::{Integers, Long};
use crate::rng::{INITIAL, Keys};
use crate::simd::{LANES, Row, Simd};
use layout::{digits_of, in_blocks};
use rows::{Add, Rows, with_row};

pub(super) struct Few<'a, E, U, const D: usize> {
    job: &'a Job<'a>,
    /// Of places.
    exponents: E,
    digits: Vec<&'a Terms>,
    layout: &'a Layout<U, D>,
}

impl<'a> Few<'a, Short<'a>, f32, 1> {
    /// In single precision.
    pub(super) fn new(job: &'a Job<'a>, fixed: &'a Fixed, layout: &'a Layout<f32, 1>) -> Self {
        Few { job, exponents: Short::of_units(&layout.units), digits: vec![&fixed.terms], layout }
    }
}

impl<'a, const D: usize> Few<'a, Long<'a>, f64, D> {
    /// In integers of up to `D` digits.
    pub(super) fn wide(job: &'a Job<'a>, integers: &'a Integers, layout: &'a Layout<f64, D>) -> Self {
        let exponents = Long::of_units(&layout.units, integers);
        Few { job, exponents, digits: integers.digits.iter().collect(), layout }
    }
}

impl<E: Exponents, U: Sync, const D: usize> Kernel for Few<'_, E, U, D> {
    fn end(&self, chunk: usize) -> usize {
        chunk + 1
    }

    #[inline(always)]
    fn run<S: Simd>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        self.begin(s, chunk, states);
        self.go_on(s, chunk, 0, states);
        if let [energy] = energies {
            *energy = self.job.energy(chunk, states);
        }
    }
}

impl<E: Exponents, U, const D: usize> Few<'_, E, U, D> {
    /// Anneals from a state, after so many sweeps.
    #[inline(always)]
    fn go_on<S: Simd>(&self, s: S, run: usize, done: usize, state: &mut [i8]) {
        match (&self.layout.rows, self.job.batch.method.is_gibbs()) {
            (Rows::Pairs(rows), false) => self.anneal::<S, _, false>(s, rows, run, done, state),
            (Rows::Pairs(rows), true) => self.anneal::<S, _, true>(s, rows, run, done, state),
            (Rows::Whole(rows), false) => self.anneal::<S, _, false>(s, rows, run, done, state),
            (Rows::Whole(rows), true) => self.anneal::<S, _, true>(s, rows, run, done, state),
        }
    }

    #[inline(always)]
    fn anneal<S: Simd, A: Add<D>, const GIBBS: bool>(
        &self,
        s: S,
        rows: &A,
        run: usize,
        done: usize,
        state: &mut [i8],
    ) {
        let (job, layout) = (self.job, self.layout);
        let blocks = layout.blocks.len();
        let draws = Draws::new(s, job, run);
        let mut sums = self.sums(state);
        let mut down = self.down(state);
        let fields = self.fields(run);
        // What could flip when it was last looked at.
        let mut is_awake = vec![true; blocks];
        let mut factors = vec![Row([0.0; LANES]); blocks];
        let (mut ahead, mut is_drawn) = (s.splat(0.0), false);
        for (t, beta) in job.betas().skip(done) {
            if job.stopped() {
                return;
            }
            let rate = self.exponents.rate(job, beta);
            self.set_factors(rate, &mut factors);
            let of_field = s.splat(E::of_field(rate));
            for b in 0..blocks {
                let block = layout.blocks[b];
                let (mut limits, was_drawn) = (ahead, is_drawn);
                let (next, sweep) = if b + 1 < blocks { (b + 1, t) } else { (0, t + 1) };
                is_drawn = is_awake[next];
                if is_drawn {
                    ahead = draws.limits::<GIBBS>(s, &layout.numbers[next], sweep);
                }
                let mut own = [s.splat_int(0); D];
                for d in 0..D {
                    own[d] = s.ints(&sums[b][d]);
                }
                let (factor, field) = (s.floats(&factors[b]), s.mul(of_field, s.floats(&fields[b])));
                let [is_down, ..] = s.masks(u64::from(down[b]));
                let mut exponents = Exponent { is_down, factor, field, least: s.splat(NEVER) };
                is_awake[b] = self.reached(s, own, &exponents) & block.all != 0;
                if is_awake[b] {
                    if !was_drawn {
                        limits = draws.limits::<GIBBS>(s, &layout.numbers[b], t);
                    }
                    exponents.least = E::raised(s, limits, rate);
                    down[b] ^= self.flips(s, rows, b, down[b], own, &exponents, &mut sums);
                }
            }
        }
        layout.write_state(&down, state);
    }

    /// The state given, or a random one.
    #[inline(always)]
    fn begin<S: Simd>(&self, s: S, run: usize, state: &mut [i8]) {
        let draws = Draws::new(s, self.job, run);
        match self.job.initial_state(run) {
            Some(given) => state.copy_from_slice(given),
            None => draws.initial_state(s, &self.layout.order, &self.layout.numbers, state),
        }
    }

    /// The spins of a block that flip, whose own sums are given; changes those of all.
    #[inline(always)]
    fn flips<S: Simd, A: Add<D>>(
        &self,
        s: S,
        rows: &A,
        b: usize,
        down: u16,
        mut own: [S::U; D],
        exponents: &Exponent<S>,
        sums: &mut [[Row<u32>; D]],
    ) -> u16 {
        let block = self.layout.blocks[b];
        let mut left = self.reached(s, own, exponents) & block.all;
        let mut flipped = 0;
        while left != 0 {
            let k = left.trailing_zeros() as usize;
            let bit = 1 << k;
            left ^= bit;
            flipped |= bit;
            let from_up = down & bit == 0;
            if block.joined & bit != 0 {
                own = with_row(s, own, rows.own(b, k), from_up);
                if block.tied & bit != 0 {
                    left = self.reached(s, own, exponents) & block.all & !(bit | (bit - 1));
                }
            }
            rows.add_to_others(s, sums, b, k, from_up);
        }
        if block.joined & flipped != 0 {
            for d in 0..D {
                sums[b][d] = Row(s.int_array(own[d]));
            }
        }
        flipped
    }

    /// Where spins with these sums have exponents that are not below the least.
    #[inline(always)]
    fn reached<S: Simd>(&self, s: S, sums: [S::U; D], of: &Exponent<S>) -> u16 {
        let mut exponents = of.field;
        for sum in sums {
            exponents = self.exponents.with_digit(s, exponents, sum, of.factor);
        }
        let exponents = self.exponents.finished(s, exponents, of.factor);
        s.mask_bits(s.at_least(s.negate(of.is_down, exponents), of.least))
    }

    #[inline(always)]
    fn set_factors(&self, rate: E::Rate, factors: &mut [Row<f32>]) {
        for (b, row) in factors.iter_mut().enumerate() {
            for k in 0..LANES {
                row.0[k] = self.exponents.factor(rate, LANES * b + k);
            }
        }
    }

    fn sums(&self, state: &[i8]) -> Vec<[Row<u32>; D]> {
        let pattern = self.job.couplings.pattern();
        let none = || vec![0; state.len()];
        let sums: [Vec<i32>; D] = digits_of(&self.digits, |terms| terms.sums(pattern, state), none);
        let digits: [Vec<Row<u32>>; D] =
            std::array::from_fn(|d| in_blocks(&self.layout.order, |i| sums[d][i] as u32));
        (0..self.layout.blocks.len()).map(|b| std::array::from_fn(|d| digits[d][b])).collect()
    }

    fn down(&self, state: &[i8]) -> Vec<u16> {
        let rows = in_blocks(&self.layout.order, |i| u16::from(state[i] < 0));
        rows.iter().map(|row| (0..LANES).fold(0, |bits, k| bits | row.0[k] << k)).collect()
    }

    /// The fields of a run, as far as they are beside the sums.
    fn fields(&self, run: usize) -> Vec<Row<f32>> {
        let fields = self.job.fields(run);
        in_blocks(&self.layout.order, |i| if E::FIELDS { self.job.scaled(fields.at(i)) } else { 0.0 })
    }
}

/// What the exponents of a block are made of beside the sums, and the least that are accepted.
struct Exponent<S: Simd> {
    is_down: S::M,
    factor: S::F,
    field: S::F,
    least: S::F,
}

/// The random numbers of one run: as in every kernel, those of a spin's number, a sweep, a read and a problem.
struct Draws<S: Simd> {
    keys: Keys<S>,
    quad: S::U,
    id: S::U,
    /// Which of the four numbers of a counter is the read's.
    word: usize,
}

impl<S: Simd> Draws<S> {
    #[inline(always)]
    fn new(s: S, job: &Job, run: usize) -> Self {
        let (problem, read) = job.problem_and_read(run);
        let (quad, id) = (s.splat_int(read / 4), s.splat_int(job.batch.problem_ids[problem]));
        Draws { keys: Keys::new(s, &job.key), quad, id, word: read as usize % 4 }
    }

    /// Those of 16 spins.
    #[inline(always)]
    fn bits(&self, s: S, numbers: &Row<u32>, sweep: u32) -> S::U {
        let counters = s.mirrored_quarters([s.ints(numbers), s.splat_int(sweep), self.quad, self.id]);
        s.mirrored_quarters(self.keys.of_counters(s, counters))[self.word]
    }

    #[inline(always)]
    fn limits<const GIBBS: bool>(&self, s: S, numbers: &Row<u32>, sweep: u32) -> S::F {
        let [limits] = limits::<S, 1, GIBBS>(s, [self.bits(s, numbers, sweep)]);
        limits
    }

    #[inline(always)]
    fn initial_state(&self, s: S, order: &Order, numbers: &[Row<u32>], state: &mut [i8]) {
        for (b, numbers) in numbers.iter().enumerate() {
            let bits = s.int_array(self.bits(s, numbers, INITIAL));
            for (&i, bits) in order.spins[order.block(b)].iter().zip(bits) {
                state[i as usize] = if bits >> 31 == 0 { 1 } else { -1 };
            }
        }
    }
}
