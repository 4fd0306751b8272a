//! Layered networks: spins in two sides, dense couplings from side to side, none within.
//!
//! This is the problem that training poses: K(120, 40) and its deeper kin, where every other layer
//! makes up one side. Given the other side, the spins of a side do not see each other, so updating
//! them all at once *is* a sequential sweep; the lanes of a vector are 16 spins of one read:
//!
//! ```text
//! side A, 120 spins, padded to 128                 side B, 40 spins, padded to 48
//! spin    a bit, 1 = down, 64 to a word
//! sum     [ f0 .. f15 | .. | .. f119, pads ]       [ f0 .. f15 | .. | .. f39, pads ]
//!           16 decisions a block                     a flip in A adds 2 s_new W[a, :] to B's sums,
//!                                                    3 vectors; one in B adds W^T[b, :], 8
//! ```
//!
//! Cost of a read's sweep over K(120, 40) with AVX-512: 11 blocks of about 30 instructions (8 where all are
//! frozen), and 3 or 8 additions a flip. One read at a time keeps every lane busy whatever the number of reads,
//! and only spins that flip pay for it.
//!
//! Each loop over flips ends in a branch misprediction (20 cycles). The random numbers of the next sweep are started
//! before it to hide that latency.
//!
//! Tried and slower: 16 runs side by side in the lanes (7 times, for it must add a row as soon as *one* of 16 runs
//! flips); rows added as each spin flips (20 %, against the list of flips); the first two flips of a word added without
//! a look whether there are so many (4 %); random bits drawn with the decisions and only their logarithms before the
//! lists (3 %); a vector for each quantity of a side rather than all that belongs to 64 spins together (10 %).

mod layout;
mod side;

pub(super) use layout::{Layout, sides};

use super::accept::{NEVER, limits};
use super::batch::Fields;
use super::job::Job;
use super::kernel::Kernel;
use crate::couplings::Sides;
use crate::rng::{INITIAL, Keys};
use crate::simd::{LANES, Simd};
use side::{Side, Word, read_spins, write_spins};

/// A batch on layered couplings.
pub(super) struct Layered<'a> {
    job: &'a Job<'a>,
    /// Model index of each spin of each side.
    index: [&'a [u32]; 2],
    layout: &'a Layout,
    /// The couplings in full precision, for the energies.
    exact: &'a [[f64; LANES]],
    /// Runs of a chunk, which share the memory that they work in.
    runs: usize,
}

impl<'a> Layered<'a> {
    /// For `threads` that share the work.
    pub(super) fn new(job: &'a Job<'a>, sides: &'a Sides, layout: &'a Layout, threads: usize) -> Self {
        let index = [0, 1].map(|k| &*sides.spins[k]);
        let exact = if job.batch.with_energies { layout.exact(job.couplings, sides) } else { &[] };
        let runs = job.runs() / (8 * threads.max(1));
        Layered { job, index, layout, exact, runs: runs.clamp(1, 16) }
    }
}

impl Kernel for Layered<'_> {
    fn end(&self, chunk: usize) -> usize {
        self.runs * (chunk + 1)
    }

    #[inline(always)]
    fn run<S: Simd>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        let n = self.job.couplings.num_spins();
        let mut sides = [0, 1].map(|k| Side::new(s, &self.layout.sides[k]));
        for (k, state) in states.chunks_exact_mut(n).enumerate() {
            let run = self.runs * chunk + k;
            if self.job.batch.method.is_gibbs() {
                self.anneal::<S, true>(s, run, &mut sides);
            } else {
                self.anneal::<S, false>(s, run, &mut sides);
            }
            for (side, index) in sides.iter().zip(self.index) {
                for (word, index) in side.words.iter().zip(index.chunks(64)) {
                    write_spins(word.spins, index, state);
                }
            }
        }
        // Of none where none are wanted.
        for ((at, states), energies) in (0..).step_by(4).zip(states.chunks(4 * n)).zip(energies.chunks_mut(4)) {
            energies.copy_from_slice(&self.energies(self.runs * chunk + at, states)[..energies.len()]);
        }
    }
}

impl Layered<'_> {
    #[inline(always)]
    fn anneal<S: Simd, const GIBBS: bool>(&self, s: S, run: usize, sides: &mut [Side<S>; 2]) {
        let job = self.job;
        let keys = Keys::new(s, &job.key);
        let (problem, read) = job.problem_and_read(run);
        let start = keys.start(s, [[0, 0, read, job.batch.problem_ids[problem]]; 4]);
        let alike = job.batch.reads_start_alike();
        if alike && sides[0].problem == Some(problem) {
            sides.iter_mut().for_each(|side| side.words.copy_from_slice(&side.start));
        } else {
            self.set_up(s, &keys, start, run, sides);
            if alike {
                sides.iter_mut().for_each(|side| side.start.clone_from(&side.words));
            }
        }
        for (t, rate) in job.rates() {
            if job.stopped() {
                break;
            }
            let starts = [keys.at_sweep(s, start, t), keys.at_sweep(s, start, t + 1)];
            for k in [0, 1] {
                let (side, other) = of_two(k, sides);
                self.sweep::<S, GIBBS>(s, &keys, starts, rate, k, side, other);
            }
        }
    }

    /// Sets up both sides for a run.
    #[inline(always)]
    fn set_up<S: Simd>(&self, s: S, keys: &Keys<S>, start: S::U, run: usize, sides: &mut [Side<S>; 2]) {
        for k in [0, 1] {
            self.begin(s, keys, start, run, k, &mut sides[k]);
        }
        for k in [0, 1] {
            let (side, other) = of_two(k, sides);
            for (word, of_word) in other.words.iter().enumerate() {
                self.layout.sides[k].change(s, word, 0, of_word.spins, side);
            }
            self.layout.sides[k].align(s, side);
        }
    }

    /// Sets up side `k` for a run; the sums are those where all of the other side is up.
    #[inline(always)]
    fn begin<S: Simd>(&self, s: S, keys: &Keys<S>, start: S::U, run: usize, k: usize, side: &mut Side<S>) {
        let (model, index, h) = (&self.layout.sides[k], self.index[k], self.job.fields(run));
        for (word, all_up) in side.words.iter_mut().zip(&model.all_up) {
            for (sum, all_up) in word.sums.iter_mut().zip(all_up) {
                *sum = s.ints(all_up);
            }
            (word.warm, word.spins) = (false, 0);
        }
        let problem = Some(self.job.problem_and_read(run).0);
        if side.problem != problem {
            side.problem = problem;
            for (at, &i) in index.iter().enumerate() {
                side.words[at / 64].fields[at / LANES % 4].0[at % LANES] = self.job.scaled(h.at(i as usize));
            }
        }
        if let Some(state) = self.job.initial_state(run) {
            for (word, index) in side.words.iter_mut().zip(index.chunks(64)) {
                word.spins = read_spins(index, state);
            }
            return;
        }
        let start = keys.at_sweep(s, start, INITIAL);
        for (at, word) in side.words.iter_mut().enumerate() {
            let numbers: [S::U; 4] = self.numbers(s, keys, start, k, at);
            for (v, numbers) in numbers.into_iter().enumerate() {
                word.spins |= u64::from(s.mask_bits(s.top_bits(numbers))) << (LANES * v);
            }
        }
        if let (Some(last), rest @ 1..) = (side.words.last_mut(), index.len() % 64) {
            last.spins &= (1 << rest) - 1;
        }
    }

    /// The limits of 64 spins of side `k` in the next sweep.
    #[inline(always)]
    fn draw<S: Simd, const GIBBS: bool>(
        &self,
        s: S,
        keys: &Keys<S>,
        start: S::U,
        k: usize,
        word: usize,
        of_word: &mut Word<S>,
    ) {
        if of_word.warm {
            let out = &mut of_word.limits;
            match self.layout.sides[k].blocks - 4 * word {
                1 => self.draw_some::<S, 1, GIBBS>(s, keys, start, k, word, out),
                2 => self.draw_some::<S, 2, GIBBS>(s, keys, start, k, word, out),
                3 => self.draw_some::<S, 3, GIBBS>(s, keys, start, k, word, out),
                _ => self.draw_some::<S, 4, GIBBS>(s, keys, start, k, word, out),
            }
        }
    }

    #[inline(always)]
    fn draw_some<S: Simd, const W: usize, const GIBBS: bool>(
        &self,
        s: S,
        keys: &Keys<S>,
        start: S::U,
        k: usize,
        word: usize,
        out: &mut [S::F; 4],
    ) {
        out[..W].copy_from_slice(&limits::<S, W, GIBBS>(s, self.numbers(s, keys, start, k, word)));
    }

    /// Updates all spins of side `k`; flips change the sums of the other side.
    ///
    /// All decisions come first, 64 at a time; the only branch skips frozen spins. Then come the flips, in
    /// loops that each end in a branch misprediction. The limits of 64 spins for the next sweep are drawn
    /// before each loop, and the processor works on them until the misprediction is resolved.
    #[inline(always)]
    fn sweep<S: Simd, const GIBBS: bool>(
        &self,
        s: S,
        keys: &Keys<S>,
        [start, next]: [S::U; 2],
        rate: f32,
        k: usize,
        side: &mut Side<S>,
        other: &mut Side<S>,
    ) {
        let rate = s.splat(rate);
        let mut any = 0;
        for (at, word) in side.words.iter_mut().enumerate() {
            let mut exponent = [rate; 4];
            for (exponent, aligned) in exponent.iter_mut().zip(word.aligned) {
                *exponent = s.mul(rate, aligned);
            }
            let warmest = s.max(s.max(exponent[0], exponent[1]), s.max(exponent[2], exponent[3]));
            let drawn = word.warm;
            word.warm = s.mask_bits(s.at_least(warmest, s.splat(NEVER))) != 0;
            word.flips = 0;
            if word.warm {
                if !drawn {
                    word.limits = limits::<S, 4, GIBBS>(s, self.numbers(s, keys, start, k, at));
                }
                let mut flips = 0;
                for (v, exponent) in exponent.into_iter().enumerate() {
                    let flipped = s.at_least(exponent, word.limits[v]);
                    word.aligned[v] = s.negate(flipped, word.aligned[v]);
                    flips |= u64::from(s.mask_bits(flipped)) << (LANES * v);
                }
                word.flips = flips;
                word.spins ^= flips;
                any |= flips;
            }
        }
        for (at, word) in side.words.iter_mut().enumerate() {
            self.draw::<S, GIBBS>(s, keys, next, k, at, word);
            self.layout.sides[1 - k].change(s, at, word.flips & !word.spins, word.flips & word.spins, other);
        }
        if any != 0 {
            self.layout.sides[1 - k].align(s, other);
        }
    }

    /// The random numbers of 64 spins of side `k`.
    #[inline(always)]
    fn numbers<S: Simd, const W: usize>(
        &self,
        s: S,
        keys: &Keys<S>,
        start: S::U,
        k: usize,
        word: usize,
    ) -> [S::U; W] {
        let counters = &self.layout.sides[k].counters[word];
        let mut numbers = [start; W];
        for v in 0..W {
            numbers[v] = s.xor(start, s.ints(&counters[v]));
        }
        keys.finish(s, numbers)
    }

    /// The energies of up to four states in double precision, from the numbers that were given: the couplings, which
    /// the first-level cache does not hold, are read once for four.
    #[inline(always)]
    fn energies(&self, first_run: usize, states: &[i8]) -> [f64; 4] {
        let n = self.job.couplings.num_spins();
        let [a, b] = self.index;
        // The first once more where there are fewer.
        let states: [&[i8]; 4] = std::array::from_fn(|k| states.chunks_exact(n).nth(k).unwrap_or(&states[..n]));
        let fields: [Fields; 4] =
            std::array::from_fn(|k| self.job.fields((first_run + k).min(self.job.runs() - 1)));
        let spins: Vec<[f64; 4]> = a.iter().map(|&i| states.map(|state| f64::from(state[i as usize]))).collect();
        let mut energies = [0.0; 4];
        for (&i, spins) in a.iter().zip(&spins) {
            for k in 0..4 {
                energies[k] += spins[k] * fields[k].at(i as usize);
            }
        }
        for (tile, of_tile) in b.chunks(LANES).enumerate() {
            let mut sums = [[0.0; LANES]; 4];
            for (row, spins) in self.exact.chunks_exact(b.len().div_ceil(LANES)).zip(&spins) {
                for lane in 0..LANES {
                    for k in 0..4 {
                        sums[k][lane] += spins[k] * row[tile][lane];
                    }
                }
            }
            for (lane, &j) in of_tile.iter().enumerate() {
                for k in 0..4 {
                    let field = fields[k].at(j as usize) + sums[k][lane];
                    energies[k] += f64::from(states[k][j as usize]) * field;
                }
            }
        }
        energies
    }
}

/// One side, and the other.
fn of_two<T>(k: usize, [a, b]: &mut [T; 2]) -> (&mut T, &mut T) {
    if k == 0 { (a, b) } else { (b, a) }
}
