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
//! So a block's rows of couplings (64 x 64 at first, then 64 x 16 N a tile) stay in the first-level cache while all
//! runs of the chunk pass by, and the sums of a run are read and written once for 64 spins rather than once for
//! each flip. Only runs that flip pay for it: `n / 16` additions with AVX-512.
//!
//! Tried and slower: the sparse kernel, which sums the couplings of every spin anew; fields maintained flip
//! by flip (4 times, with rows from memory); tiles of 16 vectors, whose 64 rows do not stay in the first-level cache;
//! rows a multiple of 4 KB long, which share the few places there that their address allows.

use super::Job;
use super::accept::{NEVER, limits};
use super::fixed::Fixed;
use super::isa::Kernel;
use super::lanes::Lanes;
use crate::model::Pattern;
use crate::rng::Keys;
use crate::simd::{LANES, Row, Simd};

/// Spins of a block.
const BLOCK: usize = 64;

/// Whether a spin has so many neighbours that this kernel is the faster one.
pub(super) fn is_dense(pattern: &Pattern) -> bool {
    let n = pattern.num_spins();
    n >= 24 && 8 * pattern.num_pairs() >= n * (n - 1)
}

pub(super) struct Dense<'a> {
    job: &'a Job<'a>,
    fixed: Fixed,
    /// Row by row, what a flip of spin `i` adds to each other's sum: twice the coupling, in units of the other.
    onto: Vec<Row<u32>>,
    /// Vectors of a row: whole blocks, and one more.
    stride: usize,
    /// Vectors of 16 runs in a chunk.
    vectors: usize,
}

impl<'a> Dense<'a> {
    /// For `threads` that share the work.
    pub(super) fn new(job: &'a Job<'a>, threads: usize) -> Self {
        let n = job.model.num_spins();
        // Odd, or rows that are worked on together would share the few places of a cache that their address allows.
        let stride = (n.div_ceil(BLOCK) * BLOCK / LANES) | 1;
        let fixed = Fixed::new(job);
        let mut onto = vec![Row([0; LANES]); n * stride];
        let twice = fixed.onto(job);
        for (i, row) in onto.chunks_exact_mut(stride).enumerate() {
            let (neighbours, at) = job.model.pattern().row(i);
            for (&j, &twice) in neighbours.iter().zip(&twice[at..]) {
                row[j as usize / LANES].0[j as usize % LANES] = twice as u32;
            }
        }
        Dense { job, fixed, onto, stride, vectors: Lanes::vectors(job, threads) }
    }

    fn coupling(&self, i: usize, j: usize) -> u32 {
        self.onto[i * self.stride + j / LANES].0[j % LANES]
    }
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

/// The flips of one run in one block, a bit a spin.
#[derive(Clone, Copy, Default)]
struct Flips {
    ups: u64,
    downs: u64,
}

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
        let mut sums = vec![Row([0u32; LANES]); runs * self.stride];
        for (run, sums) in sums.chunks_exact_mut(self.stride).enumerate() {
            for (i, sum) in sums.iter_mut().flat_map(|row| &mut row.0).take(n).enumerate() {
                *sum = self.fixed.all_up[i] as u32;
            }
            for first in (0..n).step_by(BLOCK) {
                let down = |(k, word): (usize, &u64)| (word >> run & 1) << k;
                let downs = spins[first..n.min(first + BLOCK)].iter().enumerate().map(down).sum();
                self.add_flips(s, first, &[Flips { ups: 0, downs }], sums);
            }
        }
        let mut block = vec![Row([0u32; LANES]); BLOCK];
        let mut flips = vec![Flips::default(); runs];
        for (t, rate) in job.rates() {
            for first in (0..n).step_by(BLOCK) {
                if job.stopped() {
                    return;
                }
                flips.fill(Flips::default());
                for v in 0..self.vectors {
                    let of_vector = LANES * v..LANES * (v + 1);
                    turn(&sums[of_vector.start * self.stride..], self.stride, first, &mut block);
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
                            self.within_block(s, i, ups, downs, &mut block[k + 1..]);
                            note(ups, &mut flips[of_vector.clone()], |flips| flips.ups |= 1 << k);
                            note(downs, &mut flips[of_vector.clone()], |flips| flips.downs |= 1 << k);
                        }
                    }
                }
                self.add_flips(s, first, &flips, &mut sums);
            }
        }
        lanes.write_out(job, &spins, states, energies);
    }

    /// Flips of spin `i` change the sums of the spins after it in its block.
    #[inline(always)]
    fn within_block<S: Simd>(&self, s: S, i: usize, ups: u16, downs: u16, later: &mut [Row<u32>]) {
        let [ups, downs, ..] = s.masks(u64::from(ups) | u64::from(downs) << LANES);
        for (sums, j) in later.iter_mut().zip(i + 1..) {
            let twice = s.splat_int(self.coupling(i, j));
            let changed = s.sub_where(downs, s.add_where(ups, s.ints(sums), twice), twice);
            *sums = Row(s.int_array(changed));
        }
    }

    /// Adds the flips of each run, in the block from spin `first` on, to the run's sums.
    #[inline(always)]
    fn add_flips<S: Simd>(&self, s: S, first: usize, flips: &[Flips], sums: &mut [Row<u32>]) {
        let mut at = 0;
        while at < self.stride - 1 {
            at += match self.stride - 1 - at {
                8.. => self.add_to_tile::<S, 8>(s, first, at, flips, sums),
                _ => self.add_to_tile::<S, 4>(s, first, at, flips, sums),
            };
        }
    }

    /// The same for `N` vectors of sums from vector `at` on; returns `N`.
    #[inline(always)]
    fn add_to_tile<S: Simd, const N: usize>(
        &self,
        s: S,
        first: usize,
        at: usize,
        flips: &[Flips],
        sums: &mut [Row<u32>],
    ) -> usize {
        let row = |k: u32| &self.onto[(first + k as usize) * self.stride + at..][..N];
        for (flips, sums) in flips.iter().zip(sums.chunks_exact_mut(self.stride)) {
            let Flips { mut ups, mut downs } = *flips;
            if ups | downs == 0 {
                continue;
            }
            let tile = &mut sums[at..at + N];
            let mut sum = [s.splat_int(0); N];
            for v in 0..N {
                sum[v] = s.ints(&tile[v]);
            }
            while ups != 0 {
                let row = row(ups.trailing_zeros());
                ups &= ups - 1;
                for v in 0..N {
                    sum[v] = s.add_int(sum[v], s.ints(&row[v]));
                }
            }
            while downs != 0 {
                let row = row(downs.trailing_zeros());
                downs &= downs - 1;
                for v in 0..N {
                    sum[v] = s.sub_int(sum[v], s.ints(&row[v]));
                }
            }
            for v in 0..N {
                tile[v] = Row(s.int_array(sum[v]));
            }
        }
        N
    }
}

/// Turns the sums of a block, 16 runs of 64 spins, into 64 spins of 16 runs.
#[inline(always)]
fn turn(sums: &[Row<u32>], stride: usize, first: usize, block: &mut [Row<u32>]) {
    for (run, sums) in sums.chunks_exact(stride).take(LANES).enumerate() {
        let of_block = &sums[first / LANES..][..BLOCK / LANES];
        for (to, sum) in block.iter_mut().zip(of_block.iter().flat_map(|row| row.0)) {
            to.0[run] = sum;
        }
    }
}

/// Calls `with` for each run that flipped.
#[inline(always)]
fn note(flipped: u16, flips: &mut [Flips], with: impl Fn(&mut Flips)) {
    let mut left = flipped;
    while left != 0 {
        with(&mut flips[left.trailing_zeros() as usize]);
        left &= left - 1;
    }
}
