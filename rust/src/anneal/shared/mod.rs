//! Layers that are joined by shared weights: convolutions, pools and dense blocks, with no couplings of each place.
//!
//! This is the problem that a convolutional network poses. The spins of a layer do not see each other, so layer
//! after layer *is* a sequential sweep, and the order of the updates is that of the spins, as in the sparse kernel. Up to 64
//! runs lie side by side; what 16 spins do to a field is looked up, four bits at a time (`tables.rs`):
//!
//! ```text
//! place of layer 1       steps onto it (walk.rs)               place of layer 2
//! [ 16 channels ]   --   tap 0 .. tap 24 of the filters   --   [ 16 channels | 16 channels ]
//!    a vector of                                                  four channels at a time: sums of 16 runs in a vector,
//!    16 runs each                                                 in registers while the steps go by
//! ```
//!
//! The tables of filters are shared by all places: those of 16 and 32 filters of 5 x 5 take 100 KB each way, where one
//! for each coupling would take 7 MB. All places of four channels are updated before the next four, so that their tables
//! stay in the first-level cache. Any runs lie side by side, so one read of each problem fills the lanes as well as many.
//!
//! Cost of 16 couplings in 16 runs with AVX-512: two look-ups of 64 bytes, one addition of bytes and one of four bytes to a
//! lane. They give the 14 high bits of what four couplings sum to. What the others may add decides in one of forty
//! updates of 64 runs; there, and only there, two more instructions a step add the low 8 bits (`low_sums`). A decision
//! takes about 40 instructions. Of the net above a read and sweep has 225,000 couplings, from both of their ends 28,000 such
//! sixteens, and 2,856 decisions; half of its time goes to either.
//!
//! Tried and slower: an addition of four bytes to a lane after each look-up (a third, of the look-ups); place after place, each
//! with all tables (15 %); two channels at a time (5 %); fields in the order of the updates, whose places take multiplications
//! (15 %); a look whether all runs are frozen, which 64 seldom are. Counted and left out: flips that change the fields of their windows, with
//! spins in the lanes, an addition for 16 couplings of one run: slower as soon as one spin in fifteen flips; a product for
//! each coupling, 16 in an instruction where this has 128; products of bytes, 64, of which the same bits take three.

#![expect(
    clippy::needless_range_loop,
    reason = "with iterators in place of such loops an anneal takes a third longer"
)]

mod fields;
mod mean_field;
mod place;
mod runs;
mod tables;
mod walk;

pub(super) use fields::{STATES, local_fields};
pub(super) use mean_field::Means;

use super::accept::limits;
use super::batch::Fields;
use super::job::Job;
use super::kernel::Kernel;
use super::lanes::vectors_of;
use super::precision::Coldest;
use crate::couplings::Couplings;
use crate::error::Error;
use crate::rng::Keys;
use crate::simd::{LANES, Row, Simd};
use crate::structure::Structure;
use place::Place;
use runs::{Runs, Starts, at_sweep, numbers};
use std::sync::Arc;
use tables::Tables;
use walk::{BLOCK, Walk};

/// Networks of fewer spins are as fast in the sparse kernel.
const SMALLEST: usize = 64;

/// Layers and their steps: what stays the same while a network learns.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) structure: Structure,
    walks: Vec<Walk>,
    /// As many spins without couplings: what the kernel has to add is none of pairs.
    pub(super) unpaired: Couplings,
}

impl Layout {
    pub(super) fn new(structure: Structure) -> Result<Self, Error> {
        let unpaired = Couplings::new(structure.num_spins(), &[], &[], &[])?;
        Ok(Layout { walks: walk::walks(&structure), structure, unpaired })
    }
}

/// The weights of the blocks, and the tables made of them.
#[derive(Debug)]
pub(super) struct Weights {
    pub(super) layout: Arc<Layout>,
    pub(super) values: Vec<f64>,
    tables: Vec<Tables>,
    off: f64,
    total: f64,
}

impl Weights {
    pub(super) fn new(layout: Arc<Layout>, values: &[f64]) -> Result<Self, Error> {
        layout.structure.check_values(values)?;
        let tables: Vec<Tables> = layout.walks.iter().map(|walk| Tables::new(walk, values)).collect();
        let largest = |number: fn(&Tables, &Walk) -> f64| {
            tables.iter().zip(&layout.walks).map(|(tables, walk)| number(tables, walk)).fold(0.0, f64::max)
        };
        let (off, total) = (largest(Tables::off), largest(Tables::total));
        Ok(Weights { layout, values: values.to_vec(), tables, off, total })
    }

    /// Whether this kernel takes a problem with fields up to `field`: its sums are good enough, and there are enough spins
    /// to fill blocks with.
    pub(super) fn takes(&self, coldest: Coldest, field: f64) -> bool {
        let is_small = self.layout.structure.num_spins() < SMALLEST;
        let off = field * 2f64.powi(-23) + self.off + self.total * 2f64.powi(-23);
        !is_small && coldest.is_finite(self.total + field) && coldest.allows(off)
    }

    /// The blocks of spins of all layers.
    fn num_blocks(&self) -> usize {
        self.layout.walks.iter().map(|walk| walk.layer.places() * walk.blocks_per_place).sum()
    }
}

/// A batch on shared weights.
pub(super) struct Shared<'a> {
    job: &'a Job<'a>,
    weights: &'a Weights,
    /// Vectors of 16 runs in a chunk.
    vectors: usize,
}

impl<'a> Shared<'a> {
    /// For `threads` that share the work.
    pub(super) fn new(job: &'a Job<'a>, weights: &'a Weights, threads: usize) -> Self {
        Shared { job, weights, vectors: vectors_of(job.runs().div_ceil(LANES), threads) }
    }
}

impl Kernel for Shared<'_> {
    fn end(&self, chunk: usize) -> usize {
        LANES * self.vectors * (chunk + 1)
    }

    #[inline(always)]
    fn run<S: Simd>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        let first = LANES * self.vectors * chunk;
        // The last chunk may have fewer.
        let vectors = (self.job.runs() - first).div_ceil(LANES).min(self.vectors);
        match (vectors, self.job.batch.method.is_gibbs()) {
            (1, false) => self.anneal::<S, 1, false>(s, first, states, energies),
            (1, true) => self.anneal::<S, 1, true>(s, first, states, energies),
            (2, false) => self.anneal::<S, 2, false>(s, first, states, energies),
            (2, true) => self.anneal::<S, 2, true>(s, first, states, energies),
            (_, false) => self.anneal::<S, 4, false>(s, first, states, energies),
            (_, true) => self.anneal::<S, 4, true>(s, first, states, energies),
        }
    }
}

/// The spins of a chunk.
struct Spins<const W: usize> {
    /// A word for each spin with a bit for each run, 1 = down.
    words: Vec<u64>,
    /// The same by blocks, `W` vectors each (`tables.rs`).
    blocks: Vec<[Row<u32>; W]>,
}

impl Shared<'_> {
    #[inline(always)]
    fn anneal<S: Simd, const W: usize, const GIBBS: bool>(
        &self,
        s: S,
        first: usize,
        states: &mut [i8],
        energies: &mut [f64],
    ) {
        let (job, keys) = (self.job, Keys::new(s, &self.job.key));
        let (walks, tables) = (&self.weights.layout.walks, &self.weights.tables);
        let runs = Runs::<W>::new(job, first);
        let starts = runs.starts(s, &keys);
        let words = runs.initial_spins(s, &keys, &starts, walks.iter().flat_map(Walk::fours));
        let blocks = blocks_of(s, self.weights, &words);
        let mut spins = Spins { words, blocks };
        for (t, rate) in job.rates() {
            let starts = at_sweep(s, &keys, &starts, t);
            for (walk, tables) in walks.iter().zip(tables) {
                // All places of four channels first, whose tables are in the first-level cache.
                for channel in (0..walk.layer.channels).step_by(4) {
                    if job.stopped() {
                        return;
                    }
                    for place in 0..walk.layer.places() {
                        let onto = Place::new(walk, tables, place);
                        update::<S, W, GIBBS>(s, &keys, &starts, rate, &onto, channel, &runs, &mut spins);
                    }
                }
            }
        }
        runs.write_out(&spins.words, states);
        let n = spins.words.len();
        for (k, (energy, state)) in energies.iter_mut().zip(states.chunks_exact(n)).enumerate() {
            *energy = self.energy(job.fields(first + k), state);
        }
    }

    /// The energy of a state in double precision, from the numbers that were given.
    fn energy(&self, fields: Fields, state: &[i8]) -> f64 {
        let of_fields: f64 = fields.iter().zip(state).map(|(h, &s)| h * f64::from(s)).sum();
        of_fields + self.weights.layout.structure.energy(&self.weights.values, state)
    }
}

/// Updates up to four channels of a place.
#[inline(always)]
fn update<S: Simd, const W: usize, const GIBBS: bool>(
    s: S,
    keys: &Keys<S>,
    starts: &Starts<S, W>,
    rate: f32,
    onto: &Place,
    channel: usize,
    runs: &Runs<W>,
    spins: &mut Spins<W>,
) {
    let count = (onto.walk.layer.channels - channel).min(4);
    let first_spin = onto.first_spin + channel;
    let exponents: [[S::F; W]; 4] = onto.exponents(s, rate, channel, runs, &spins.blocks);
    let mut random = *starts;
    for random in &mut random {
        *random = numbers(s, keys, random, onto.first_four + channel / 4);
    }
    let mut flips = [0u64; 4];
    for k in 0..count {
        let mut bits = [random[0][k]; W];
        for v in 1..W {
            bits[v] = random[v][k];
        }
        let (limits, exponents) = (limits::<S, W, GIBBS>(s, bits), &exponents[k]);
        let down = s.masks(spins.words[first_spin + k]);
        let mut nearest = s.splat(f32::MAX);
        for v in 0..W {
            let above = s.sub(s.negate(down[v], exponents[v]), limits[v]);
            nearest = s.smaller(nearest, above);
            flips[k] |= u64::from(s.mask_bits(s.at_least(above, s.splat(0.0)))) << (LANES * v);
        }
        let unit = rate * onto.tables.unit[channel + k];
        let off = s.splat(unit * onto.off() * ROUNDED_UP + ROUNDING);
        if s.mask_bits(s.at_least(off, nearest)) != 0 {
            let low: [S::U; W] = onto.low_sums(s, channel + k, &spins.blocks);
            flips[k] = 0;
            for v in 0..W {
                let exponent = s.mul_add(s.to_floats(low[v]), s.splat(unit), exponents[v]);
                let flipped = s.at_least(s.negate(down[v], exponent), limits[v]);
                flips[k] |= u64::from(s.mask_bits(flipped)) << (LANES * v);
            }
        }
        spins.words[first_spin + k] ^= flips[k];
    }
    toggle(s, &mut spins.blocks[onto.first_block + channel / BLOCK], channel, flips);
}

/// An exponent near a limit is rounded by less than this.
const ROUNDING: f32 = 1e-4;
/// Of a product in single precision.
const ROUNDED_UP: f32 = 1.0 + 1e-6;

/// Turns over channels of a block from `channel` on, in the runs whose bits are set.
#[inline(always)]
fn toggle<S: Simd, const W: usize, const N: usize>(
    s: S,
    block: &mut [Row<u32>; W],
    channel: usize,
    flips: [u64; N],
) {
    let mut masks = [s.masks(0); N];
    for k in 0..N {
        masks[k] = s.masks(flips[k]);
    }
    for v in 0..W {
        let mut spins = s.ints(&block[v]);
        for k in 0..N {
            let at = (channel + k) % BLOCK;
            spins = s.toggled(masks[k][v], spins, s.splat_int(1 << (8 * (at / 4) + at % 4)));
        }
        block[v] = Row(s.int_array(spins));
    }
}

/// Spins by blocks, from a word for each.
#[inline(always)]
fn blocks_of<S: Simd, const W: usize>(s: S, weights: &Weights, words: &[u64]) -> Vec<[Row<u32>; W]> {
    // Where the entries of each quarter begin.
    let mut blocks = vec![[Row([0x3020_1000; LANES]); W]; weights.num_blocks()];
    for walk in &weights.layout.walks {
        for place in 0..walk.layer.places() {
            for channel in 0..walk.layer.channels {
                let word = words[walk.layer.start + place * walk.layer.channels + channel];
                let block = walk.first_block + place * walk.blocks_per_place + channel / BLOCK;
                toggle(s, &mut blocks[block], channel, [word]);
            }
        }
    }
    blocks
}
