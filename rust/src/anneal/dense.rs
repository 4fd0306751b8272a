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

use super::Job;
use super::accept::{NEVER, limits};
use super::bits::mirror;
use super::fixed::Fixed;
use super::isa::Kernel;
use super::lanes::Lanes;
use crate::model::Pattern;
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

pub(super) struct Dense<'a> {
    job: &'a Job<'a>,
    fixed: Fixed,
    /// Block by block of 64 spins, tile by tile, row by row, what a flip of a spin adds to each other's sum: twice
    /// the coupling, in units of the other.
    onto: Vec<Row<u32>>,
    /// Vectors of a row, in whole blocks.
    width: usize,
    /// Vectors of 16 runs in a chunk.
    vectors: usize,
}

impl<'a> Dense<'a> {
    /// For `threads` that share the work.
    pub(super) fn new(job: &'a Job<'a>, threads: usize) -> Self {
        let n = job.model.num_spins();
        let fixed = Fixed::new(job);
        let padded = n.div_ceil(BLOCK) * BLOCK;
        let width = padded / LANES;
        let mut onto = vec![Row([0; LANES]); padded * width];
        for j in 0..n {
            let (neighbours, at) = job.model.pattern().row(j);
            let start = place(width, BLOCK, 0, j / LANES);
            let wide = place(width, BLOCK, 1, j / LANES) - start;
            for (&i, &twice) in neighbours.iter().zip(&fixed.terms.twice[at..]) {
                let (block, k) = (i as usize / BLOCK, i as usize % BLOCK);
                onto[BLOCK * width * block + start + wide * k].0[j % LANES] = twice as u32;
            }
        }
        Dense { job, fixed, onto, width, vectors: Lanes::vectors(job, threads) }
    }

    /// The rows of the block from spin `first` on.
    fn rows(&self, first: usize) -> &[Row<u32>] {
        &self.onto[first * self.width..][..BLOCK * self.width]
    }
}

/// Where vector `at` of row `row` lies among `rows` rows of `width` vectors that are stored tile by tile.
fn place(width: usize, rows: usize, row: usize, at: usize) -> usize {
    let tile = at / TILE * TILE;
    rows * tile + TILE.min(width - tile) * row + (at - tile)
}

impl Kernel for Dense<'_> {
    fn end(&self, chunk: usize) -> usize {
        Lanes::end(self.job, chunk, self.vectors)
    }

    #[inline(always)]
    fn run<S: Simd>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        if self.job.batch.gibbs() {
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

impl Dense<'_> {
    #[inline(always)]
    fn anneal<S: Simd, const GIBBS: bool>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        let job = self.job;
        let n = job.model.num_spins();
        let keys = Keys::new(s, &job.key);
        let lanes = Lanes::new(job, chunk, self.vectors);
        let fields = lanes.fields(job);
        let mut spins = lanes.initial_spins(s, job, &keys);
        let runs = LANES * self.vectors;
        let mut sums = vec![Row([0u32; LANES]); runs * self.width];
        for (i, &all_up) in self.fixed.terms.all_up.iter().enumerate() {
            for run in 0..runs {
                sums[place(self.width, runs, run, i / LANES)].0[i % LANES] = all_up as u32;
            }
        }
        for first in (0..n).step_by(BLOCK) {
            let mut flips = NONE;
            let of_block = &spins[first..n.min(first + BLOCK)];
            flips.downs[..of_block.len()].copy_from_slice(of_block);
            self.add_flips(s, first, &mut flips, &mut sums, runs);
        }
        let mut block = [Row([0u32; LANES]); BLOCK];
        for (t, rate) in job.rates() {
            for first in (0..n).step_by(BLOCK) {
                if job.stopped() {
                    return;
                }
                let mut flips = NONE;
                for v in 0..self.vectors {
                    self.turn(s, &sums, runs, v, first, &mut block);
                    let start = keys.start(s, lanes.counters(v, t));
                    for k in 0..BLOCK.min(n - first) {
                        let i = first + k;
                        let old = (spins[i] >> (LANES * v)) as u16;
                        let [down, ..] = s.masks(u64::from(old));
                        let step = s.splat(rate * self.fixed.unit[i]);
                        let [field] = fields.times(s, rate, i, v);
                        let field = s.mul_add(s.to_floats(s.ints(&block[k])), step, field);
                        let exponent = s.negate(down, field);
                        if s.mask_bits(s.at_least(exponent, s.splat(NEVER))) == 0 {
                            continue;
                        }
                        let place = s.quarters(i as u32);
                        let [limits] = limits::<S, 1, GIBBS>(s, keys.finish(s, [s.xor(start, place)]));
                        let flipped = s.mask_bits(s.at_least(exponent, limits));
                        if flipped != 0 {
                            spins[i] ^= u64::from(flipped) << (LANES * v);
                            let (ups, downs) = (flipped & old, flipped & !old);
                            self.within_block(s, first, k, ups, downs, &mut block);
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
        first: usize,
        k: usize,
        ups: u16,
        downs: u16,
        block: &mut [Row<u32>; BLOCK],
    ) {
        let [ups, downs, ..] = s.masks(u64::from(ups) | u64::from(downs) << LANES);
        let row = &self.rows(first)[place(self.width, BLOCK, k, first / LANES)..][..BLOCK / LANES];
        for j in k + 1..BLOCK {
            let twice = s.splat_int(row[j / LANES].0[j % LANES]);
            let sums = &mut block[j];
            let changed = s.sub_where(downs, s.add_where(ups, s.ints(sums), twice), twice);
            *sums = Row(s.int_array(changed));
        }
    }

    /// Adds the flips in the block from spin `first` on to the sums of all runs.
    #[inline(always)]
    fn add_flips<S: Simd>(&self, s: S, first: usize, flips: &mut Flips, sums: &mut [Row<u32>], runs: usize) {
        mirror(&mut flips.ups);
        mirror(&mut flips.downs);
        let (mut rows, mut sums) = (self.rows(first), sums);
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
