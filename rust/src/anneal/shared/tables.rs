//! Sums of 16 couplings by looking four numbers up.
//!
//! Four spins have 16 cases. A table holds what their couplings to a spin sum to in each of them, four such quarters
//! to a block of 16 spins:
//!
//! ```text
//! spins of a block    lane of a run    [ 0x30 + four bits | 0x20 + four bits | 0x10 + four bits | four bits ]   1 = down
//! table               64 bytes         entries 0x00 .. 0x0F of the first quarter, 0x10 .. 0x1F of the second, ..
//! ```
//!
//! An entry has 22 bits, in units of the spin that the sum is of: a power of two so small that no quarter sums to 2^21 of them.
//! Its bits lie in three tables: twice 7 bits, of which two add up within a byte, and the low 8. All are counted from the least entry of the
//! quarter, so none is negative; the least ones of all quarters are the base of a sum.
//!
//! Sums are integers: the same in any order, in any vector, and by any instructions.

use super::super::fixed::{floor_log2, nearest};
use super::walk::{BLOCK, Key, Walk};
use crate::simd::{LANES, Row, in_vectors};

/// Bits of the low part of an entry.
const LOW: u32 = 8;
/// The middle of what the low parts of a step add up to, of which no four are more than 255.
pub(super) const MIDDLE: i32 = 510;
/// Quarters of a block sum to less than two to this, in units.
const BITS: i32 = 21;
/// Entries of a quarter.
const CASES: usize = 16;

/// The couplings onto one layer.
#[derive(Debug)]
pub(super) struct Tables {
    /// For each four channels, each key and each of the four: the tables of the first 7 and of the next 7 bits.
    pub(super) high: Vec<[[Row<u32>; 2]; 4]>,
    /// For each channel and each key: the table of the low bits.
    pub(super) low: Vec<Row<u32>>,
    /// The unit of each channel.
    pub(super) unit: Vec<f32>,
    /// For each place and channel, what a sum begins at: its high part and its low part.
    pub(super) base: Vec<[i32; 2]>,
}

impl Tables {
    pub(super) fn new(walk: &Walk, values: &[f64]) -> Self {
        let (keys, channels) = (walk.keys.len(), walk.layer.channels);
        let mut tables = Tables {
            high: vec![[[Row([0; LANES]); 2]; 4]; keys * channels.div_ceil(4)],
            low: vec![Row([0; LANES]); keys * channels],
            unit: vec![1.0; channels],
            base: Vec::with_capacity(walk.layer.places() * channels),
        };
        let mut floors = vec![0; keys * channels];
        let mut weights = vec![[0.0; BLOCK]; keys];
        for channel in 0..channels {
            let mut largest = 0f64;
            for (weights, key) in weights.iter_mut().zip(&walk.keys) {
                *weights = weights_of(key, channel, values);
                let quarters = weights.as_chunks::<4>().0.iter();
                largest = quarters.map(|four| four.iter().map(|w| w.abs()).sum()).fold(largest, f64::max);
            }
            let exponent = exponent_of(largest);
            tables.unit[channel] = 2f32.powi(exponent);
            let per_unit = 2f64.powi(-exponent);
            for (key, weights) in weights.iter_mut().enumerate() {
                weights.iter_mut().for_each(|weight| *weight *= per_unit);
                let [high, middle, low] = &mut [[0; 4 * CASES]; 3];
                floors[key * channels + channel] = fill(weights, high, middle, low);
                tables.high[channel / 4 * keys + key][channel % 4] = [row_of(high), row_of(middle)];
                tables.low[channel * keys + key] = row_of(low);
            }
        }
        for &[start, _, end] in &walk.of_place {
            let steps = &walk.steps[start as usize..end as usize];
            let mut sums = vec![0i64; channels];
            for step in steps {
                let floors = &floors[step.key as usize * channels..][..channels];
                sums.iter_mut().zip(floors).for_each(|(sum, floor)| *sum += i64::from(*floor));
            }
            tables.base.extend(sums.iter().map(|sum| [(sum >> LOW) as i32, (sum & 255) as i32]));
        }
        tables
    }

    /// What a field is off by, at most.
    pub(super) fn off(&self, walk: &Walk) -> f64 {
        let steps = walk.of_place.iter().map(|[start, _, end]| end - start).max().unwrap_or(0);
        let unit = self.unit.iter().copied().fold(0.0, f32::max);
        0.5 * 4.0 * f64::from(steps) * f64::from(unit)
    }

    /// What the couplings of a spin sum to at most.
    pub(super) fn total(&self, walk: &Walk) -> f64 {
        self.off(walk) * 2f64.powi(BITS + 1)
    }
}

/// The weights between the spins of a block and a channel.
fn weights_of(key: &Key, channel: usize, values: &[f64]) -> [f64; BLOCK] {
    let mut weights = [0.0; BLOCK];
    if key.is_pool {
        weights[channel % BLOCK] = values[key.first];
    } else {
        let first = key.first + channel * key.of_target;
        for (k, weight) in weights[..key.count].iter_mut().enumerate() {
            *weight = values[first + k * key.of_source];
        }
    }
    weights
}

/// The exponent of the unit of a spin whose quarters sum to so much at most.
fn exponent_of(largest: f64) -> i32 {
    // A little more, for what rounding adds. What is too small for this is nothing beside the fields.
    let largest = largest * (1.0 + 2f64.powi(-18));
    if largest > 0.0 { floor_log2(largest).max(-90) + 1 - BITS } else { 0 }
}

in_vectors!(fn fill(weights: &[f64; BLOCK], high: &mut [u8; 4 * CASES], middle: &mut [u8; 4 * CASES], low: &mut [u8; 4 * CASES]) -> i32 = fill_in_loops);

/// Fills in the entries of a block from its weights in units, and returns the least ones of all four quarters together.
#[inline(always)]
fn fill_in_loops(
    weights: &[f64; BLOCK],
    high: &mut [u8; 4 * CASES],
    middle: &mut [u8; 4 * CASES],
    low: &mut [u8; 4 * CASES],
) -> i32 {
    let mut floors = 0;
    for (quarter, four) in weights.as_chunks::<4>().0.iter().enumerate() {
        // One less, as sums in another order may be rounded to another integer.
        let floor = -nearest(four.iter().map(|w| w.abs()).sum()) - 1;
        floors += floor;
        for (case, signs) in SIGNS.iter().enumerate() {
            let sum = signs[0] * four[0] + signs[1] * four[1] + signs[2] * four[2] + signs[3] * four[3];
            let entry = (nearest(sum) - floor) as u32;
            let at = CASES * quarter + case;
            high[at] = (entry >> (LOW + 7)) as u8;
            middle[at] = (entry >> LOW & 127) as u8;
            low[at] = entry as u8;
        }
    }
    floors
}

/// The signs of four spins in each case.
static SIGNS: [[f64; 4]; CASES] = {
    let mut signs = [[1.0; 4]; CASES];
    let mut at = 0;
    while at < 4 * CASES {
        if (at / 4) >> (at % 4) & 1 == 1 {
            signs[at / 4][at % 4] = -1.0;
        }
        at += 1;
    }
    signs
};

fn row_of(bytes: &[u8; 4 * CASES]) -> Row<u32> {
    let (words, _) = bytes.as_chunks::<4>();
    Row(std::array::from_fn(|k| u32::from_le_bytes(words[k])))
}
