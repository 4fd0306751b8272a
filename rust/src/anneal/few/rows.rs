//! The rows of couplings, and what a flip of a spin adds to the sums of its neighbours.

use super::super::order::Order;
use super::layout::Block;
use crate::couplings::Pattern;
use crate::simd::{LANES, Row, Simd};

/// Blocks from which on the sign of a flip is a branch.
const MANY_BLOCKS: usize = 16;

/// Twice the couplings of the spin in each place, in units of the neighbour.
#[derive(Debug)]
pub(super) enum Rows<const D: usize> {
    Pairs(Pairs<D>),
    Whole(Whole<D>),
}

/// Neighbour by neighbour.
#[derive(Debug)]
pub(super) struct Pairs<const D: usize> {
    /// The neighbours of place `p` in other blocks: `starts[p] .. starts[p + 1]`.
    starts: Vec<u32>,
    pairs: Vec<Pair<D>>,
    /// Of each block that has joined spins, the couplings within it: of 16 spins to 16.
    own: Vec<[Row<u32>; D]>,
    own_at: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Pair<const D: usize> {
    /// Where the sum of the neighbour's first digit stands.
    at: u32,
    twice: [u32; D],
}

/// Numbers for every place, also where they are 0.
#[derive(Debug)]
pub(super) struct Whole<const D: usize> {
    rows: Vec<[Row<u32>; D]>,
    width: usize,
}

impl Pairs<1> {
    /// Those onto some of the blocks, and all within blocks.
    pub(super) fn onto(&self, is_chosen: impl Fn(usize) -> bool) -> Self {
        let (mut starts, mut pairs) = (vec![0], vec![]);
        for ends in self.starts.windows(2) {
            let row = &self.pairs[ends[0] as usize..ends[1] as usize];
            pairs.extend(row.iter().filter(|pair| is_chosen(pair.at as usize / LANES)));
            starts.push(pairs.len() as u32);
        }
        Pairs { starts, pairs, own: self.own.clone(), own_at: self.own_at.clone() }
    }
}

/// The entries of all rows.
pub(super) struct Entries<'a, const D: usize> {
    pub(super) pattern: &'a Pattern,
    pub(super) order: &'a Order,
    pub(super) onto: &'a [Vec<i32>; D],
}

impl<const D: usize> Entries<'_, D> {
    /// The place of each neighbour of the spin in `place`, and its digits.
    fn of(&self, place: usize) -> impl Iterator<Item = (usize, [u32; D])> {
        let (neighbours, at) = self.pattern.row(self.order.spins[place] as usize);
        let twice = move |k: usize| std::array::from_fn(|d| self.onto[d][at + k] as u32);
        neighbours.iter().enumerate().map(move |(k, &j)| (self.order.places[j as usize] as usize, twice(k)))
    }

    pub(super) fn whole(&self, width: usize) -> Whole<D> {
        let mut rows = vec![[Row([0; LANES]); D]; width * self.order.spins.len()];
        for (place, row) in rows.chunks_mut(width).enumerate() {
            for (other, twice) in self.of(place) {
                add_to_row(&mut row[other / LANES], other, twice);
            }
        }
        Whole { rows, width }
    }

    pub(super) fn pairs(&self, blocks: &[Block]) -> Pairs<D> {
        let (mut starts, mut pairs) = (vec![0], Vec::with_capacity(self.onto[0].len()));
        let (mut own, mut own_at) = (vec![], vec![]);
        for (b, block) in blocks.iter().enumerate() {
            own_at.push(own.len() as u32);
            if block.joined != 0 {
                own.resize(own.len() + LANES, [Row([0; LANES]); D]);
            }
            for place in self.order.block(b) {
                for (other, twice) in self.of(place) {
                    if other / LANES == b {
                        let first = own.len() - LANES;
                        add_to_row(&mut own[first + place % LANES], other, twice);
                    } else {
                        pairs.push(Pair { at: (other / LANES * LANES * D + other % LANES) as u32, twice });
                    }
                }
                starts.push(pairs.len() as u32);
            }
        }
        Pairs { starts, pairs, own, own_at }
    }
}

fn add_to_row<const D: usize>(row: &mut [Row<u32>; D], place: usize, twice: [u32; D]) {
    for (row, twice) in row.iter_mut().zip(twice) {
        row.0[place % LANES] = twice;
    }
}

/// Sums after a flip of the spin with this row.
#[inline(always)]
pub(super) fn with_row<S: Simd, const D: usize>(
    s: S,
    sums: [S::U; D],
    row: &[Row<u32>; D],
    from_up: bool,
) -> [S::U; D] {
    let sign = s.splat_int(u32::from(from_up).wrapping_neg());
    let mut after = sums;
    for d in 0..D {
        // The row is waited for, so it comes last.
        after[d] = s.add_int(s.sub_int(sums[d], sign), s.xor(s.ints(&row[d]), sign));
    }
    after
}

/// What a flip changes.
pub(super) trait Add<const D: usize> {
    /// The couplings of spin `k` of block `b` within the block.
    fn own(&self, b: usize, k: usize) -> &[Row<u32>; D];
    /// Spin `k` of block `b` has turned over, from up or from down: changes the sums of other blocks.
    fn add_to_others<S: Simd>(&self, s: S, sums: &mut [[Row<u32>; D]], b: usize, k: usize, from_up: bool);
}

impl<const D: usize> Add<D> for Pairs<D> {
    #[inline(always)]
    fn own(&self, b: usize, k: usize) -> &[Row<u32>; D] {
        &self.own[self.own_at[b] as usize + k]
    }

    #[inline(always)]
    fn add_to_others<S: Simd>(&self, _: S, sums: &mut [[Row<u32>; D]], b: usize, k: usize, from_up: bool) {
        // A factor, not a branch, which would be mispredicted half of the time.
        let sign = 1u32.wrapping_sub(2 * u32::from(from_up));
        let place = LANES * b + k;
        let row = &self.pairs[self.starts[place] as usize..self.starts[place + 1] as usize];
        let sums = sums.as_mut_ptr().cast::<u32>();
        for pair in row {
            for d in 0..D {
                // SAFETY: a layout has `D` times 16 sums, one after the other, for each block, and `at` lies among the first
                // 16 of one. A run makes the sums of its layout.
                let sum = unsafe { &mut *sums.add(pair.at as usize + LANES * d) };
                *sum = sum.wrapping_add(pair.twice[d].wrapping_mul(sign));
            }
        }
    }
}

impl<const D: usize> Add<D> for Whole<D> {
    #[inline(always)]
    fn own(&self, b: usize, k: usize) -> &[Row<u32>; D] {
        &self.rows[(LANES * b + k) * self.width + b]
    }

    #[inline(always)]
    fn add_to_others<S: Simd>(&self, s: S, sums: &mut [[Row<u32>; D]], b: usize, k: usize, from_up: bool) {
        let row = &self.rows[(LANES * b + k) * self.width..][..self.width];
        let (before, after) = sums.split_at_mut(b);
        add_rows(s, before, &row[..b], from_up);
        add_rows(s, &mut after[1..], &row[b + 1..], from_up);
    }
}

#[inline(always)]
fn add_rows<S: Simd, const D: usize>(s: S, sums: &mut [[Row<u32>; D]], rows: &[[Row<u32>; D]], from_up: bool) {
    let (sums, rows) = (sums.as_flattened_mut(), rows.as_flattened());
    if sums.len() < MANY_BLOCKS {
        let sign = s.splat_int(u32::from(from_up).wrapping_neg());
        for (sum, row) in sums.iter_mut().zip(rows) {
            let change = s.sub_int(s.xor(s.ints(row), sign), sign);
            *sum = Row(s.int_array(s.add_int(s.ints(sum), change)));
        }
    } else if from_up {
        for (sum, row) in sums.iter_mut().zip(rows) {
            *sum = Row(s.int_array(s.sub_int(s.ints(sum), s.ints(row))));
        }
    } else {
        for (sum, row) in sums.iter_mut().zip(rows) {
            *sum = Row(s.int_array(s.add_int(s.ints(sum), s.ints(row))));
        }
    }
}
