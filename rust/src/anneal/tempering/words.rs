//! Words with a bit for each lane, of 512 lanes or of 64, and counts of their bits lane by lane.

use crate::simd::{LANES, Row, Simd};

/// Bits of the largest count.
const PLANES: usize = 32;
/// Words of 64 lanes at most.
pub(super) const PARTS: usize = 8;

/// A set of lanes, whatever their number: lane `l` is bit `l % 64` of number `l / 64`.
pub(super) type Set = [u64; PARTS];

/// Bitwise operations on words.
pub(super) trait Word: Copy {
    type W: Copy;
    const LANES: usize;

    fn splat(self, bit: bool) -> Self::W;
    fn of(self, lanes: &Set) -> Self::W;
    fn set(self, a: Self::W) -> Set;
    fn and(self, a: Self::W, b: Self::W) -> Self::W;
    fn or(self, a: Self::W, b: Self::W) -> Self::W;
    fn xor(self, a: Self::W, b: Self::W) -> Self::W;
    /// `a & !b`.
    fn and_not(self, a: Self::W, b: Self::W) -> Self::W;
    fn xor3(self, a: Self::W, b: Self::W, c: Self::W) -> Self::W;
    fn majority(self, a: Self::W, b: Self::W, c: Self::W) -> Self::W;
    fn no_bits(self, a: Self::W) -> bool;
    /// What stands in lane `l + BY` comes to lane `l`.
    fn down<const BY: usize>(self, a: Self::W) -> Self::W;
    /// What stands in lane `l` comes to lane `l + BY`.
    fn up<const BY: usize>(self, a: Self::W) -> Self::W;
    /// Adds `amount` to the numbers of the lanes set.
    fn add_to(self, numbers: &mut [u32], a: Self::W, amount: u32);
}

/// 512 lanes: a vector.
#[derive(Clone, Copy)]
pub(super) struct Wide<S>(pub(super) S);

impl<S: Simd> Word for Wide<S> {
    type W = S::U;
    const LANES: usize = 32 * LANES;

    #[inline(always)]
    fn splat(self, bit: bool) -> S::U {
        self.0.splat_int(if bit { u32::MAX } else { 0 })
    }
    #[inline(always)]
    fn of(self, lanes: &Set) -> S::U {
        self.0.ints(&Row(std::array::from_fn(|k| (lanes[k / 2] >> (32 * (k % 2))) as u32)))
    }
    #[inline(always)]
    fn set(self, a: S::U) -> Set {
        let a = self.0.int_array(a);
        std::array::from_fn(|k| u64::from(a[2 * k]) | u64::from(a[2 * k + 1]) << 32)
    }
    #[inline(always)]
    fn and(self, a: S::U, b: S::U) -> S::U {
        self.0.and(a, b)
    }
    #[inline(always)]
    fn or(self, a: S::U, b: S::U) -> S::U {
        self.0.or(a, b)
    }
    #[inline(always)]
    fn xor(self, a: S::U, b: S::U) -> S::U {
        self.0.xor(a, b)
    }
    #[inline(always)]
    fn and_not(self, a: S::U, b: S::U) -> S::U {
        self.0.and_not(a, b)
    }
    #[inline(always)]
    fn xor3(self, a: S::U, b: S::U, c: S::U) -> S::U {
        self.0.xor3(a, b, c)
    }
    #[inline(always)]
    fn majority(self, a: S::U, b: S::U, c: S::U) -> S::U {
        self.0.majority(a, b, c)
    }
    #[inline(always)]
    fn no_bits(self, a: S::U) -> bool {
        self.0.no_bits(a)
    }
    #[inline(always)]
    fn down<const BY: usize>(self, a: S::U) -> S::U {
        let a = self.0.int_array(a);
        // Whole numbers of a vector, or, of a power of two below 32, parts of one.
        let (whole, part) = (BY / 32, BY % 32);
        let mut moved = Row([0; LANES]);
        for k in 0..LANES - whole {
            moved.0[k] = a[k + whole] >> part;
        }
        if part > 0 {
            for k in 0..LANES - 1 {
                moved.0[k] |= a[k + 1] << (32 - part);
            }
        }
        self.0.ints(&moved)
    }
    #[inline(always)]
    fn up<const BY: usize>(self, a: S::U) -> S::U {
        let a = self.0.int_array(a);
        // Whole numbers of a vector, or, of a power of two below 32, parts of one.
        let (whole, part) = (BY / 32, BY % 32);
        let mut moved = Row([0; LANES]);
        for k in whole..LANES {
            moved.0[k] = a[k - whole] << part;
        }
        if part > 0 {
            for k in 1..LANES {
                moved.0[k] |= a[k - 1] >> (32 - part);
            }
        }
        self.0.ints(&moved)
    }
    #[inline(always)]
    fn add_to(self, numbers: &mut [u32], a: S::U, amount: u32) {
        let s = self.0;
        let amount = s.splat_int(amount);
        let (rows, _) = numbers.as_chunks_mut::<LANES>();
        for (rows, bits) in rows.chunks_exact_mut(4).zip(self.set(a)) {
            for (row, lanes) in rows.iter_mut().zip(s.masks(bits)) {
                *row = s.int_array(s.add_where(lanes, s.ints(&Row(*row)), amount));
            }
        }
    }
}

/// 64 lanes: a number.
#[derive(Clone, Copy)]
pub(super) struct Narrow;

impl Word for Narrow {
    type W = u64;
    const LANES: usize = 64;

    #[inline(always)]
    fn splat(self, bit: bool) -> u64 {
        if bit { u64::MAX } else { 0 }
    }
    #[inline(always)]
    fn of(self, lanes: &Set) -> u64 {
        lanes[0]
    }
    #[inline(always)]
    fn set(self, a: u64) -> Set {
        let mut set = [0; PARTS];
        set[0] = a;
        set
    }
    #[inline(always)]
    fn and(self, a: u64, b: u64) -> u64 {
        a & b
    }
    #[inline(always)]
    fn or(self, a: u64, b: u64) -> u64 {
        a | b
    }
    #[inline(always)]
    fn xor(self, a: u64, b: u64) -> u64 {
        a ^ b
    }
    #[inline(always)]
    fn and_not(self, a: u64, b: u64) -> u64 {
        a & !b
    }
    #[inline(always)]
    fn xor3(self, a: u64, b: u64, c: u64) -> u64 {
        a ^ b ^ c
    }
    #[inline(always)]
    fn majority(self, a: u64, b: u64, c: u64) -> u64 {
        a & b | c & (a | b)
    }
    #[inline(always)]
    fn no_bits(self, a: u64) -> bool {
        a == 0
    }
    #[inline(always)]
    fn down<const BY: usize>(self, a: u64) -> u64 {
        a.checked_shr(BY as u32).unwrap_or(0)
    }
    #[inline(always)]
    fn up<const BY: usize>(self, a: u64) -> u64 {
        a.checked_shl(BY as u32).unwrap_or(0)
    }
    #[inline(always)]
    fn add_to(self, numbers: &mut [u32], a: u64, amount: u32) {
        for (lane, number) in numbers.iter_mut().enumerate() {
            *number += amount & ((a >> lane & 1) as u32).wrapping_neg();
        }
    }
}

/// Does `$call::<BY>` with the power of two `$by` in place of `BY`.
macro_rules! by_power_of_two {
    ($by:expr, $call:ident, ($($arg:expr),*)) => {
        match $by {
            1 => $call::<_, 1>($($arg),*),
            2 => $call::<_, 2>($($arg),*),
            4 => $call::<_, 4>($($arg),*),
            8 => $call::<_, 8>($($arg),*),
            16 => $call::<_, 16>($($arg),*),
            32 => $call::<_, 32>($($arg),*),
            64 => $call::<_, 64>($($arg),*),
            128 => $call::<_, 128>($($arg),*),
            _ => $call::<_, 256>($($arg),*),
        }
    };
}
pub(super) use by_power_of_two;

/// Counts set bits lane by lane: a binary counter whose digits are words.
///
/// ```text
/// plane k     digit k of each lane's count
/// pending k   a word of weight 2^k that waits for the next one: two of them and the plane make one full addition
/// ```
///
/// A word costs one full addition, amortised over many (Harley and Seal); to let each carry ripple through the planes costs
/// three times that.
pub(super) struct Counter<X: Word> {
    planes: [X::W; PLANES],
    pending: [X::W; PLANES],
    is_pending: u32,
}

impl<X: Word> Counter<X> {
    #[inline(always)]
    pub(super) fn new(x: X) -> Self {
        Counter { planes: [x.splat(false); PLANES], pending: [x.splat(false); PLANES], is_pending: 0 }
    }

    /// Adds `2^digit` in the lanes of `word`.
    #[inline(always)]
    pub(super) fn add(&mut self, x: X, digit: usize, word: X::W) {
        let (mut at, mut carry) = (digit, word);
        while self.is_pending >> at & 1 == 1 {
            self.is_pending ^= 1 << at;
            let (plane, other) = (self.planes[at], self.pending[at]);
            self.planes[at] = x.xor3(plane, other, carry);
            carry = x.majority(plane, other, carry);
            at += 1;
        }
        self.pending[at] = carry;
        self.is_pending |= 1 << at;
    }

    /// The count of each lane, which must be less than `2^31`.
    #[inline(always)]
    pub(super) fn counts(mut self, x: X) -> Vec<u32> {
        for at in 0..PLANES {
            if self.is_pending >> at & 1 == 0 {
                continue;
            }
            let mut carry = self.pending[at];
            for plane in &mut self.planes[at..] {
                let sum = x.xor(*plane, carry);
                carry = x.and(*plane, carry);
                *plane = sum;
            }
        }
        let mut counts = vec![0; X::LANES];
        for (k, &plane) in self.planes.iter().enumerate() {
            if !x.no_bits(plane) {
                x.add_to(&mut counts, plane, 1 << k);
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Portable;

    /// Sets that look random.
    fn sets(count: usize) -> Vec<Set> {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state ^ state >> 29
        };
        (0..count).map(|_| std::array::from_fn(|_| next())).collect()
    }

    fn has(set: &Set, lane: usize) -> bool {
        set[lane / 64] >> (lane % 64) & 1 == 1
    }

    fn counts_are_those_of<X: Word>(x: X) {
        let mut counter = Counter::new(x);
        let mut wanted = vec![0u32; X::LANES];
        for (k, set) in sets(300).iter().enumerate() {
            let digit = k % 3;
            counter.add(x, digit, x.of(set));
            for (lane, count) in wanted.iter_mut().enumerate() {
                *count += u32::from(has(set, lane)) << digit;
            }
        }
        assert_eq!(counter.counts(x), wanted);
    }

    fn lanes_move<X: Word, const BY: usize>(x: X) {
        for set in sets(5) {
            let (down, up) = (x.set(x.down::<BY>(x.of(&set))), x.set(x.up::<BY>(x.of(&set))));
            for lane in 0..X::LANES {
                assert_eq!(has(&down, lane), lane + BY < X::LANES && has(&set, lane + BY), "{lane} {BY}");
                assert_eq!(has(&up, lane), lane >= BY && has(&set, lane - BY), "{lane} {BY}");
            }
        }
    }

    #[test]
    fn counts() {
        counts_are_those_of(Wide(Portable));
        counts_are_those_of(Narrow);
    }

    #[test]
    fn shifts() {
        for k in 0..9 {
            by_power_of_two!(1 << k, lanes_move, (Wide(Portable)));
            by_power_of_two!(1 << k, lanes_move, (Narrow));
        }
    }
}
