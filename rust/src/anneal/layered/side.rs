//! One side of one run, and what flips of the other side do to it.

use super::layout::SideOfModel;
use crate::bits::SPINS;
use crate::simd::{LANES, Row, Simd};

/// One side of one run.
pub(super) struct Side<S: Simd> {
    pub(super) words: Vec<Word<S>>,
    /// The problem that the fields are of.
    pub(super) problem: Option<usize>,
    /// The words at the start of all reads of that problem, if they start alike.
    pub(super) start: Vec<Word<S>>,
}

/// 64 spins of a side in one run, side by side in memory.
#[derive(Clone, Copy)]
pub(super) struct Word<S: Simd> {
    /// `sum_j J_ij s_j`.
    pub(super) sums: [S::U; 4],
    pub(super) fields: [Row<f32>; 4],
    /// `s_i f_i`; minus infinity for the padding, which therefore never flips.
    pub(super) aligned: [S::F; 4],
    /// Of the sweep under way, if the spins were not frozen in the sweep before.
    pub(super) limits: [S::F; 4],
    pub(super) warm: bool,
    /// A bit a spin, 1 = down; padding is up.
    pub(super) spins: u64,
    /// Who flipped in the sweep under way.
    pub(super) flips: u64,
}

impl<S: Simd> Side<S> {
    pub(super) fn new(s: S, side: &SideOfModel) -> Self {
        let word = Word {
            sums: [s.splat_int(0); 4],
            fields: [Row([f32::NEG_INFINITY; LANES]); 4],
            aligned: [s.splat(f32::NEG_INFINITY); 4],
            limits: [s.splat(0.0); 4],
            warm: false,
            spins: 0,
            flips: 0,
        };
        Side { words: vec![word; side.unit.len()], problem: None, start: vec![] }
    }
}

impl SideOfModel {
    /// Takes twice the couplings of the spins in `downs`, of word `word` of the other side, off the sums, and adds
    /// those of `ups`.
    ///
    /// Layers that do not meet have nothing but zeros in between, which are passed over. The sums are taken in tiles of up
    /// to 8 vectors that stay in registers while the rows of all changes go by: no addition waits for the one before.
    #[inline(always)]
    pub(super) fn change<S: Simd>(&self, s: S, word: usize, ups: u64, downs: u64, side: &mut Side<S>) {
        if ups | downs == 0 {
            return;
        }
        let (rows, reach) = (&self.onto[64 * word * self.blocks..], &self.reach[word]);
        let words = side.words.get_mut(reach.start / 4..).unwrap_or_default();
        for (at, tile) in reach.clone().step_by(8).zip(words.chunks_mut(2)) {
            let rows = &rows[at..];
            match reach.end - at {
                1 => self.change_tile::<S, 1>(s, rows, ups, downs, tile),
                2 => self.change_tile::<S, 2>(s, rows, ups, downs, tile),
                3 => self.change_tile::<S, 3>(s, rows, ups, downs, tile),
                4 => self.change_tile::<S, 4>(s, rows, ups, downs, tile),
                5 => self.change_tile::<S, 5>(s, rows, ups, downs, tile),
                6 => self.change_tile::<S, 6>(s, rows, ups, downs, tile),
                7 => self.change_tile::<S, 7>(s, rows, ups, downs, tile),
                _ => self.change_tile::<S, 8>(s, rows, ups, downs, tile),
            }
        }
    }

    #[inline(always)]
    fn change_tile<S: Simd, const N: usize>(
        &self,
        s: S,
        rows: &[Row<u32>],
        ups: u64,
        downs: u64,
        tile: &mut [Word<S>],
    ) {
        let tile = &mut tile[..N.div_ceil(4)];
        let mut sum = [s.splat_int(0); N];
        for v in 0..N {
            sum[v] = tile[v / 4].sums[v % 4];
        }
        // Negative is all bits turned over, and one more: one loop for ups and downs, with one misprediction at its end.
        let mut left = ups | downs;
        while left != 0 {
            let bit = left.trailing_zeros();
            left &= left - 1;
            let turn = s.splat_int(((downs >> bit) as u32 & 1).wrapping_neg());
            for (sum, row) in sum.iter_mut().zip(&rows[bit as usize * self.blocks..][..N]) {
                *sum = s.add_int(*sum, s.xor(s.ints(row), turn));
            }
        }
        let turned = s.splat_int(downs.count_ones());
        for v in 0..N {
            tile[v / 4].sums[v % 4] = s.add_int(sum[v], turned);
        }
    }

    /// Works out `s_i f_i` anew, after the sums have changed.
    #[inline(always)]
    pub(super) fn align<S: Simd>(&self, s: S, side: &mut Side<S>) {
        for (word, units) in side.words.iter_mut().zip(&self.unit) {
            let down = s.masks(word.spins);
            for v in 0..4 {
                let field = s.mul_add(s.to_floats(word.sums[v]), s.floats(&units[v]), s.floats(&word.fields[v]));
                word.aligned[v] = s.negate(down[v], field);
            }
        }
    }
}

/// Writes up to 64 spins of a side, a bit each, to their places in a state. Eight neighbours in a side mostly are
/// neighbours in the state.
#[inline(always)]
pub(super) fn write_spins(bits: u64, index: &[u32], state: &mut [i8]) {
    for (byte, eight) in bits.to_le_bytes().into_iter().zip(index.chunks(8)) {
        let spins = &SPINS[byte as usize];
        let first = eight[0] as usize;
        if eight.len() == 8 && eight[7] as usize == first + 7 {
            state[first..first + 8].copy_from_slice(spins);
        } else {
            for (&i, &spin) in eight.iter().zip(spins) {
                state[i as usize] = spin;
            }
        }
    }
}

/// The other way round.
#[inline(always)]
pub(super) fn read_spins(index: &[u32], state: &[i8]) -> u64 {
    let mut bits = 0;
    for (k, &i) in index.iter().enumerate() {
        bits |= u64::from(state[i as usize] < 0) << k;
    }
    bits
}
