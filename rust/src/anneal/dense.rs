//! Dense couplings, such as those of the Sherrington-Kirkpatrick glass: 16 runs side by side for decisions, one by
//! one for sums.
//!
//! ```text
//! sums of run 0   [ spins 0 .. 63 | 64 .. 127 | ... ]    64 spins are a block
//! sums of run 1   [               |           |     ]
//!                    ^ decisions: the block of 16 runs is turned on its side, 16 runs a vector; spin after
//!                      spin, a flip at once changes the sums of the spins after it *in the block*
//!                      ^ afterwards the flips of each run are added to all its sums, in tiles that stay in
//!                        registers while the rows of all its flips go by
//! ```
//!
//! So a block's rows of couplings stay in the first-level cache, 64 of them in tiles of 8 vectors, while all runs of
//! the chunk pass by, and the sums of a run are read and written once for 64 spins rather than once for each flip.
//! Only runs that flip pay for it: `n / 16` additions with AVX-512. Couplings and sums are stored tile by tile, 32 KB
//! each: they are read in order, and share no places of the cache.
//!
//! Tried and slower: the sparse kernel, which sums the couplings of every spin anew; fields maintained flip
//! by flip (4 times, with rows from memory); tiles of 16 vectors, whose 64 rows do not stay in the first-level cache;
//! couplings and sums stored row by row, which lie on 128 pages at once.

use super::accept::{NEVER, limits};
use super::exponents::{Exponents, Short};
use super::fixed::{Fixed, Terms};
use super::job::Job;
use super::kernel::Kernel;
use super::lanes::Lanes;
use super::wide::{Integers, Long};
use crate::bits::mirror;
use crate::couplings::{Couplings, Pattern};
use crate::rng::Keys;
use crate::simd::{LANES, Row, Simd};

/// Spins of a block.
const BLOCK: usize = 64;
/// Vectors of a tile.
const TILE: usize = 8;

/// Whether a spin has so many neighbours that this kernel is the faster one.
pub(super) fn is_dense(pattern: &Pattern) -> bool {
    let n = pattern.num_spins();
    n >= 24 && 8 * pattern.num_pairs() >= n * (n - 1)
}

/// In integers of up to `D` digits. Those that a problem does not have stand first, and are 0.
pub(super) struct Dense<'a, E, const D: usize> {
    job: &'a Job<'a>,
    exponents: E,
    digits: [Digit; D],
    /// Vectors of a row, in whole blocks.
    width: usize,
    /// Vectors of 16 runs in a chunk.
    vectors: usize,
}

/// One digit of all couplings.
struct Digit {
    /// Block by block of 64 spins, tile by tile, row by row, what a flip of a spin adds to each other's sum: twice
    /// the coupling, in units of the other.
    onto: Vec<Row<u32>>,
    /// What each spin's terms sum to where all neighbours are up.
    all_up: Vec<i32>,
}

impl Digit {
    fn new(couplings: &Couplings, terms: &Terms, width: usize) -> Self {
        let mut onto = vec![Row([0; LANES]); LANES * width * width];
        for j in 0..couplings.num_spins() {
            let (neighbours, at) = couplings.pattern().row(j);
            let start = place(width, BLOCK, 0, j / LANES);
            let wide = place(width, BLOCK, 1, j / LANES) - start;
            for (&i, &twice) in neighbours.iter().zip(&terms.twice[at..]) {
                let (block, k) = (i as usize / BLOCK, i as usize % BLOCK);
                onto[BLOCK * width * block + start + wide * k].0[j % LANES] = twice as u32;
            }
        }
        Digit { onto, all_up: terms.all_up.clone() }
    }

    /// The rows of the block from spin `first` on, of `width` vectors.
    fn rows(&self, width: usize, first: usize) -> &[Row<u32>] {
        &self.onto[first * width..][..BLOCK * width]
    }
}

/// Vectors of a row.
fn width_of(couplings: &Couplings) -> usize {
    couplings.num_spins().div_ceil(BLOCK) * BLOCK / LANES
}

impl<'a> Dense<'a, Short<'a>, 1> {
    /// In single precision, for `threads` that share the work.
    pub(super) fn new(job: &'a Job<'a>, fixed: &'a Fixed, threads: usize) -> Self {
        let width = width_of(job.couplings);
        let digits = [Digit::new(job.couplings, &fixed.terms, width)];
        Dense { job, exponents: Short::new(fixed), digits, width, vectors: Lanes::vectors(job, threads) }
    }
}

impl<'a, const D: usize> Dense<'a, Long<'a>, D> {
    /// In integers of up to `D` digits, for `threads` that share the work.
    pub(super) fn wide(job: &'a Job<'a>, integers: &'a Integers, threads: usize) -> Self {
        let (width, nothing) = (width_of(job.couplings), Terms::zeros(job.couplings));
        let first = D - integers.digits.len();
        let digits = std::array::from_fn(|d| {
            let terms = if d < first { &nothing } else { &integers.digits[d - first] };
            Digit::new(job.couplings, terms, width)
        });
        Dense { job, exponents: Long::new(integers), digits, width, vectors: Lanes::vectors(job, threads) }
    }
}

/// Where vector `at` of row `row` lies among `rows` rows of `width` vectors that are stored tile by tile.
fn place(width: usize, rows: usize, row: usize, at: usize) -> usize {
    let tile = at / TILE * TILE;
    rows * tile + TILE.min(width - tile) * row + (at - tile)
}

impl<E: Exponents, const D: usize> Kernel for Dense<'_, E, D> {
    fn end(&self, chunk: usize) -> usize {
        Lanes::end(self.job, chunk, self.vectors)
    }

    #[inline(always)]
    fn run<S: Simd>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        if self.job.batch.method.is_gibbs() {
            self.anneal::<S, true>(s, chunk, states, energies);
        } else {
            self.anneal::<S, false>(s, chunk, states, energies);
        }
    }
}

/// Flips in one block: a word for each spin with a bit for each run, or the other way round.
#[derive(Clone, Copy)]
struct Flips {
    ups: [u64; BLOCK],
    downs: [u64; BLOCK],
}

const NONE: Flips = Flips { ups: [0; BLOCK], downs: [0; BLOCK] };

impl<E: Exponents, const D: usize> Dense<'_, E, D> {
    #[inline(always)]
    fn anneal<S: Simd, const GIBBS: bool>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        let job = self.job;
        let n = job.couplings.num_spins();
        let keys = Keys::new(s, &job.key);
        let lanes = Lanes::new(job, chunk, self.vectors);
        let fields = E::fields(job, &lanes);
        let mut spins = lanes.initial_spins(s, job, &keys);
        let runs = LANES * self.vectors;
        let mut sums = self.initial_sums(s, &spins, runs);
        let mut block = [[Row([0u32; LANES]); BLOCK]; D];
        for (t, beta) in job.betas() {
            let rate = self.exponents.rate(job, beta);
            for first in (0..n).step_by(BLOCK) {
                if job.stopped() {
                    return;
                }
                let mut flips = NONE;
                for v in 0..self.vectors {
                    for (sums, block) in sums.iter().zip(&mut block) {
                        self.turn(s, sums, runs, v, first, block);
                    }
                    let start = keys.start(s, lanes.counters(v, t));
                    for k in 0..BLOCK.min(n - first) {
                        let i = first + k;
                        let old = (spins[i] >> (LANES * v)) as u16;
                        let [down, ..] = s.masks(u64::from(old));
                        let [mut exponent] = fields.times(s, E::of_field(rate), i, v);
                        let factor = s.splat(self.exponents.factor(rate, i));
                        for digit in &block {
                            exponent = self.exponents.with_digit(s, exponent, s.ints(&digit[k]), factor);
                        }
                        let exponent = s.negate(down, self.exponents.finished(s, exponent, factor));
                        if s.mask_bits(s.at_least(exponent, s.splat(NEVER))) == 0 {
                            continue;
                        }
                        let place = s.quarters(i as u32);
                        let [limits] = limits::<S, 1, GIBBS>(s, keys.finish(s, [s.xor(start, place)]));
                        let flipped = s.mask_bits(s.at_least(exponent, E::raised(s, limits, rate)));
                        if flipped != 0 {
                            spins[i] ^= u64::from(flipped) << (LANES * v);
                            let (ups, downs) = (flipped & old, flipped & !old);
                            for (digit, block) in self.digits.iter().zip(&mut block) {
                                self.within_block(s, digit, first, k, ups, downs, block);
                            }
                            flips.ups[k] |= u64::from(ups) << (LANES * v);
                            flips.downs[k] |= u64::from(downs) << (LANES * v);
                        }
                    }
                }
                self.add_flips(s, first, &mut flips, &mut sums, runs);
            }
        }
        lanes.write_out(job, &spins, states, energies);
    }

    /// The sums of all runs, a word for each spin.
    #[inline(always)]
    fn initial_sums<S: Simd>(&self, s: S, spins: &[u64], runs: usize) -> [Vec<Row<u32>>; D] {
        let mut sums: [Vec<Row<u32>>; D] = std::array::from_fn(|_| vec![Row([0; LANES]); runs * self.width]);
        for (sums, digit) in sums.iter_mut().zip(&self.digits) {
            for (i, &all_up) in digit.all_up.iter().enumerate() {
                for run in 0..runs {
                    sums[place(self.width, runs, run, i / LANES)].0[i % LANES] = all_up as u32;
                }
            }
        }
        for first in (0..spins.len()).step_by(BLOCK) {
            let mut flips = NONE;
            let of_block = &spins[first..spins.len().min(first + BLOCK)];
            flips.downs[..of_block.len()].copy_from_slice(of_block);
            self.add_flips(s, first, &mut flips, &mut sums, runs);
        }
        sums
    }

    /// Turns the sums of a block, 16 runs of 64 spins, into 64 spins of 16 runs.
    #[inline(always)]
    fn turn<S: Simd>(
        &self,
        s: S,
        sums: &[Row<u32>],
        runs: usize,
        v: usize,
        first: usize,
        block: &mut [Row<u32>; BLOCK],
    ) {
        for (quarter, block) in block.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            let mut rows = [s.splat_int(0); LANES];
            for k in 0..LANES {
                rows[k] = s.ints(&sums[place(self.width, runs, LANES * v + k, first / LANES + quarter)]);
            }
            let rows = turned(s, rows);
            for k in 0..LANES {
                block[k] = Row(s.int_array(rows[k]));
            }
        }
    }

    /// Flips of spin `k` of a block change the sums of the spins after it.
    #[inline(always)]
    fn within_block<S: Simd>(
        &self,
        s: S,
        digit: &Digit,
        first: usize,
        k: usize,
        ups: u16,
        downs: u16,
        block: &mut [Row<u32>; BLOCK],
    ) {
        let [ups, downs, ..] = s.masks(u64::from(ups) | u64::from(downs) << LANES);
        let row = &digit.rows(self.width, first)[place(self.width, BLOCK, k, first / LANES)..][..BLOCK / LANES];
        for j in k + 1..BLOCK {
            let twice = s.splat_int(row[j / LANES].0[j % LANES]);
            let sums = &mut block[j];
            let changed = s.sub_where(downs, s.add_where(ups, s.ints(sums), twice), twice);
            *sums = Row(s.int_array(changed));
        }
    }

    /// Adds the flips in the block from spin `first` on to the sums of all runs.
    #[inline(always)]
    fn add_flips<S: Simd>(
        &self,
        s: S,
        first: usize,
        flips: &mut Flips,
        sums: &mut [Vec<Row<u32>>; D],
        runs: usize,
    ) {
        mirror(&mut flips.ups);
        mirror(&mut flips.downs);
        for (digit, sums) in self.digits.iter().zip(sums) {
            add_to_all(s, digit.rows(self.width, first), flips, sums, runs);
        }
    }
}

/// Adds flips, a word for each run, to the sums of all runs, tile by tile.
#[inline(always)]
fn add_to_all<S: Simd>(s: S, rows: &[Row<u32>], flips: &Flips, sums: &mut [Row<u32>], runs: usize) {
    let (mut rows, mut sums) = (rows, sums);
    while !rows.is_empty() {
        let wide = TILE.min(rows.len() / BLOCK);
        let (of_tile, rest) = rows.split_at(BLOCK * wide);
        let (tile, later) = sums.split_at_mut(runs * wide);
        if wide == TILE {
            add_to_tile::<S, TILE>(s, of_tile, flips, tile);
        } else {
            add_to_tile::<S, { TILE / 2 }>(s, of_tile, flips, tile);
        }
        (rows, sums) = (rest, later);
    }
}

/// Adds flips, a word for each run, to a tile of `N` vectors of each run's sums.
#[inline(always)]
fn add_to_tile<S: Simd, const N: usize>(s: S, rows: &[Row<u32>], flips: &Flips, sums: &mut [Row<u32>]) {
    let (rows, _) = rows.as_chunks::<N>();
    let rows: &[[Row<u32>; N]; BLOCK] = rows.try_into().expect("a row for each spin of a block");
    for (tile, (&ups, &downs)) in sums.as_chunks_mut::<N>().0.iter_mut().zip(flips.ups.iter().zip(&flips.downs)) {
        let (mut ups, mut downs) = (ups, downs);
        if ups | downs == 0 {
            continue;
        }
        let mut sum = [s.splat_int(0); N];
        for v in 0..N {
            sum[v] = s.ints(&tile[v]);
        }
        while ups != 0 {
            let row = &rows[ups.trailing_zeros() as usize % BLOCK];
            ups &= ups - 1;
            for v in 0..N {
                sum[v] = s.add_int(sum[v], s.ints(&row[v]));
            }
        }
        while downs != 0 {
            let row = &rows[downs.trailing_zeros() as usize % BLOCK];
            downs &= downs - 1;
            for v in 0..N {
                sum[v] = s.sub_int(sum[v], s.ints(&row[v]));
            }
        }
        for v in 0..N {
            tile[v] = Row(s.int_array(sum[v]));
        }
    }
}

/// 16 x 16 numbers mirrored at the diagonal. Taken as one number of 8 binary digits, the place of each, row and column, is
/// turned by one digit in each of four rounds.
#[inline(always)]
fn turned<S: Simd>(s: S, mut rows: [S::U; LANES]) -> [S::U; LANES] {
    for _ in 0..4 {
        let before = rows;
        for k in 0..LANES / 2 {
            [rows[2 * k], rows[2 * k + 1]] = s.interleaved(before[k], before[k + LANES / 2]);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Portable;

    #[test]
    fn rows_become_columns() {
        let row = |k: usize| Row(std::array::from_fn(|lane| (LANES * k + lane) as u32));
        let found = turned(Portable, std::array::from_fn(row));
        for (k, found) in found.iter().enumerate() {
            assert_eq!(found.0, std::array::from_fn(|lane| (LANES * lane + k) as u32));
        }
    }
}
