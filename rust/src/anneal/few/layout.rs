//! What the kernel makes of couplings alone: blocks of 16 places, and the rows of their spins.

use super::super::fixed::{Fixed, Terms};
use super::super::order::Order;
use super::super::wide::Integers;
use super::rows::{Entries, Rows};
use crate::couplings::Pattern;
use crate::simd::{LANES, Row};

/// What the kernel makes of couplings alone, in `D` digits with units `U`.
#[derive(Debug)]
pub(in crate::anneal) struct Layout<U, const D: usize> {
    pub(super) order: Order,
    /// The numbers of the spins of each block.
    pub(super) numbers: Vec<Row<u32>>,
    /// The unit of the spin in each place.
    pub(super) units: Vec<U>,
    pub(super) blocks: Vec<Block>,
    pub(super) rows: Rows<D>,
}

/// Which spins of a block...
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// there are,
    pub(super) all: u16,
    /// are coupled to others of the block,
    pub(super) joined: u16,
    /// are coupled to others behind them.
    pub(super) tied: u16,
}

impl Layout<f32, 1> {
    pub(in crate::anneal) fn new(pattern: &Pattern, fixed: &Fixed) -> Self {
        Self::of_digits(pattern, &[&fixed.terms], &fixed.unit)
    }
}

impl<const D: usize> Layout<f64, D> {
    pub(in crate::anneal) fn wide(pattern: &Pattern, integers: &Integers) -> Self {
        Self::of_digits(pattern, &integers.digits.iter().collect::<Vec<_>>(), &integers.unit)
    }
}

impl<U: Copy + Default, const D: usize> Layout<U, D> {
    fn of_digits(pattern: &Pattern, digits: &[&Terms], units: &[U]) -> Self {
        let (n, width) = (pattern.num_spins(), pattern.num_spins().div_ceil(LANES));
        let is_whole = is_whole(pattern);
        let order = if is_whole { Order::of_numbers(n) } else { Order::of(pattern) };
        let onto: [Vec<i32>; D] =
            digits_of(digits, |terms| terms.onto(pattern), || vec![0; 2 * pattern.num_pairs()]);
        let blocks: Vec<Block> = (0..width).map(|b| Block::new(pattern, &order, b)).collect();
        let entries = Entries { pattern, order: &order, onto: &onto };
        let rows = if is_whole { Rows::Whole(entries.whole(width)) } else { Rows::Pairs(entries.pairs(&blocks)) };
        let numbers = in_blocks(&order, |i| i as u32);
        let units = in_blocks(&order, |i| units[i]).iter().flat_map(|row| row.0).collect();
        Layout { order, numbers, units, blocks, rows }
    }
}

impl<U, const D: usize> Layout<U, D> {
    /// The state in which these spins of each block are down.
    pub(super) fn write_state(&self, down: &[u16], state: &mut [i8]) {
        for (place, &i) in self.order.spins.iter().enumerate() {
            state[i as usize] = if down[place / LANES] >> (place % LANES) & 1 == 0 { 1 } else { -1 };
        }
    }
}

/// Spins whose whole rows are read from the processor's cache; rows of more come from memory.
const CACHED: usize = 512;
/// Where they do, one pair in so many is coupled if whole rows are as fast as neighbours.
const PART: usize = 5;

/// Whether additions of vectors to all sums take no longer than those of a spin's neighbours one by one.
pub(in crate::anneal) fn is_whole(pattern: &Pattern) -> bool {
    let n = pattern.num_spins();
    let part = if n > CACHED { PART } else { LANES };
    n.div_ceil(part) * n <= 2 * pattern.num_pairs()
}

/// Something for each of `D` digits. Those that a problem does not have stand first.
pub(super) fn digits_of<T, const D: usize>(
    digits: &[&Terms],
    of: impl Fn(&Terms) -> T,
    none: impl Fn() -> T,
) -> [T; D] {
    let missing = D - digits.len();
    std::array::from_fn(|d| if d < missing { none() } else { of(digits[d - missing]) })
}

/// A number of each spin, block by block; 0 in places that are not there.
pub(super) fn in_blocks<T: Copy + Default>(order: &Order, of: impl Fn(usize) -> T) -> Vec<Row<T>> {
    let lane = |place: usize| order.spins.get(place).map_or(T::default(), |&i| of(i as usize));
    let row = |b: usize| Row(std::array::from_fn(|k| lane(LANES * b + k)));
    (0..order.spins.len().div_ceil(LANES)).map(row).collect()
}

impl Block {
    fn new(pattern: &Pattern, order: &Order, b: usize) -> Self {
        let mut block = Block { all: 0, joined: 0, tied: 0 };
        for place in order.block(b) {
            let bit = 1 << (place % LANES);
            block.all |= bit;
            for &j in pattern.neighbours(order.spins[place] as usize) {
                let other = order.places[j as usize] as usize;
                if other / LANES == b {
                    block.joined |= bit;
                    block.tied |= if other > place { bit } else { 0 };
                }
            }
        }
        block
    }
}
