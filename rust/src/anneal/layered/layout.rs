//! Layered couplings as the kernel has them.

use super::super::fixed::Fixed;
use crate::couplings::{Couplings, Pattern, Sides};
use crate::simd::{LANES, Row};
use std::ops::Range;
use std::sync::OnceLock;

/// A sweep of a smaller network than this takes as long as one of this; the sparse kernel is then faster.
const SMALLEST: usize = 64;

/// The two sides of a pattern, if there is no coupling within them, at least half of the pairs across are coupled,
/// and there are enough spins to fill lanes with.
pub(in crate::anneal) fn sides(pattern: &Pattern) -> Option<&Sides> {
    let (n, pairs) = (pattern.num_spins(), pattern.num_pairs());
    // Cheap no to what cannot be dense enough: sides of a and n - a have at least n - 1 pairs.
    if n < SMALLEST || 2 * pairs < n - 1 {
        return None;
    }
    pattern.sides().filter(|sides| 2 * pairs >= sides.spins[0].len() * sides.spins[1].len())
}

/// What all runs share.
#[derive(Debug)]
pub(in crate::anneal) struct Layout {
    pub(super) sides: [SideOfModel; 2],
    exact: OnceLock<Vec<[f64; LANES]>>,
}

/// What all runs share of one side.
#[derive(Debug)]
pub(super) struct SideOfModel {
    /// For each spin of the *other* side, twice its couplings onto this side, `blocks` vectors.
    pub(super) onto: Vec<Row<u32>>,
    /// The sums where all of the other side is up.
    pub(super) all_up: Vec<[Row<u32>; 4]>,
    pub(super) unit: Vec<[Row<f32>; 4]>,
    /// First words of the counters of random numbers. One AES block is for four spins, and they are counted through
    /// both sides.
    pub(super) counters: Vec<[Row<u32>; 4]>,
    /// Vectors that a row of `onto` takes.
    pub(super) blocks: usize,
    /// For each word of the other side, from which to which vector its rows are not 0; the first is that of a word.
    pub(super) reach: Vec<Range<usize>>,
}

impl Layout {
    pub(in crate::anneal) fn new(couplings: &Couplings, sides: &Sides, fixed: &Fixed) -> Self {
        let sides = [0, 1].map(|k| SideOfModel::new(couplings, sides, fixed, k));
        Layout { sides, exact: OnceLock::new() }
    }

    /// Couplings of each spin of side 0 onto side 1 in full precision, padded to whole vectors.
    pub(super) fn exact(&self, couplings: &Couplings, sides: &Sides) -> &[[f64; LANES]] {
        self.exact.get_or_init(|| {
            let tiles = sides.spins[1].len().div_ceil(LANES);
            let mut exact = vec![[0f64; LANES]; sides.spins[0].len() * tiles];
            for (row, &i) in exact.chunks_exact_mut(tiles).zip(&sides.spins[0]) {
                let (neighbours, values) = couplings.row(i as usize);
                for (&j, &value) in neighbours.iter().zip(values) {
                    row.as_flattened_mut()[sides.place[j as usize] as usize] = value;
                }
            }
            exact
        })
    }
}

impl SideOfModel {
    fn new(couplings: &Couplings, sides: &Sides, fixed: &Fixed, k: usize) -> Self {
        let lens = [0, 1].map(|k| sides.spins[k].len());
        let (index, blocks) = (&*sides.spins[k], lens[k].div_ceil(LANES));
        let mut onto = vec![Row([0; LANES]); lens[1 - k] * blocks];
        let mut reach = vec![blocks..0; lens[1 - k].div_ceil(64)];
        for (at, &i) in index.iter().enumerate() {
            let (neighbours, first) = couplings.pattern().row(i as usize);
            for (&j, &twice) in neighbours.iter().zip(&fixed.terms.twice[first..]) {
                let other = sides.place[j as usize] as usize;
                onto[other * blocks + at / LANES].0[at % LANES] = twice as u32;
                let reach = &mut reach[other / 64];
                *reach = reach.start.min(at / 64 * 4)..reach.end.max(at / LANES + 1);
            }
        }
        let all_up = fours(index, |i| fixed.terms.all_up[i] as u32, 0);
        let unit = fours(index, |i| fixed.unit[i], 0.0);
        let first = if k == 0 { 0 } else { 4 * lens[0].div_ceil(LANES) };
        let counter = |at: usize| if at.is_multiple_of(4) { (first + at / 4) as u32 } else { 0 };
        let of_word =
            |at: usize| [0, 1, 2, 3].map(|v| Row(std::array::from_fn(|lane| counter(at + LANES * v + lane))));
        let counters = (0..index.len()).step_by(4 * LANES).map(of_word).collect();
        SideOfModel { onto, all_up, unit, counters, blocks, reach }
    }
}

/// A number for each spin of a side, `padding` after the last, in whole fours of blocks.
fn fours<T: Copy>(index: &[u32], number: impl Fn(usize) -> T, padding: T) -> Vec<[Row<T>; 4]> {
    let mut rows = vec![[Row([padding; LANES]); 4]; index.len().div_ceil(4 * LANES)];
    for (at, &i) in index.iter().enumerate() {
        rows[at / (4 * LANES)][at / LANES % 4].0[at % LANES] = number(i as usize);
    }
    rows
}
