//! Bits on their way to spins and back: matrices of them mirrored at the diagonal, and what they stand for.

use crate::simd::in_vectors;

/// States of some spins, row by row.
#[derive(Debug, Clone, Copy)]
pub enum States<'a> {
    /// -1 and +1.
    Spins(&'a [i8]),
    /// A bit of each, 1 for +1, from the highest of a byte down; a state fills up its last byte with anything.
    Bits(&'a [u8]),
}

impl<'a> States<'a> {
    /// States of `spins` spins, if these are whole ones.
    pub(crate) fn count(self, spins: usize) -> Option<usize> {
        let (len, row) = match self {
            States::Spins(numbers) => (numbers.len(), spins),
            States::Bits(bytes) => (bytes.len(), spins.div_ceil(8)),
        };
        if row == 0 { (len == 0).then_some(0) } else { len.is_multiple_of(row).then_some(len / row) }
    }

    /// The states from number `first` on, `count` of them or what is left.
    pub(crate) fn part(self, spins: usize, first: usize, count: usize) -> States<'a> {
        let range = |len: usize, row: usize| (first * row).min(len)..((first + count) * row).min(len);
        match self {
            States::Spins(numbers) => States::Spins(&numbers[range(numbers.len(), spins)]),
            States::Bits(bytes) => States::Bits(&bytes[range(bytes.len(), spins.div_ceil(8))]),
        }
    }
}

/// 64 x 64 bits, a row in each word, mirrored at the diagonal (Warren, "Hacker's Delight", section 7-3).
#[inline(always)]
pub(crate) fn mirror(words: &mut [u64; 64]) {
    let (mut shift, mut mask) = (32, u64::MAX >> 32);
    while shift > 0 {
        for pair in words.chunks_exact_mut(2 * shift) {
            let (low, high) = pair.split_at_mut(shift);
            for (low, high) in low.iter_mut().zip(high) {
                let swap = (*low >> shift ^ *high) & mask;
                *high ^= swap;
                *low ^= swap << shift;
            }
        }
        shift /= 2;
        mask ^= mask << shift;
    }
}

/// 8 x 8 bits, a row in each byte, mirrored at the diagonal (as above).
pub(crate) fn mirrored(mut x: u64) -> u64 {
    for (shift, mask) in [(7, 0x00AA_00AA_00AA_00AA), (14, 0x0000_CCCC_0000_CCCC), (28, 0x0000_0000_F0F0_F0F0)] {
        let t = (x ^ (x >> shift)) & mask;
        x ^= t ^ (t << shift);
    }
    x
}

/// The eight spins that eight bits stand for, lowest first.
pub(crate) static SPINS: [[i8; 8]; 256] = eights(1, -1);

/// For each byte, what its bits stand for, lowest first: `down` where one is set.
pub(crate) const fn eights<T: Copy>(up: T, down: T) -> [[T; 8]; 256] {
    let mut table = [[up; 8]; 256];
    let mut k = 0;
    while k < 8 * 256 {
        if (k / 8) >> (k % 8) & 1 == 1 {
            table[k / 8][k % 8] = down;
        }
        k += 1;
    }
    table
}

in_vectors!(pub(crate) fn slice(states: &[i8], words: &mut [u64], bytes: &mut [u8], wrong: &mut [u8]) = slice_in_loops);

/// Flips the bits of up to 64 `states` in the words of their spins, set where one is down, and marks in `wrong` who is no
/// spin. A byte collects eight states of its spin, lowest bit first; `bytes` holds anything.
#[inline(always)]
fn slice_in_loops(states: &[i8], words: &mut [u64], bytes: &mut [u8], wrong: &mut [u8]) {
    let n = words.len();
    for (k, eight) in states.chunks(8 * n).enumerate() {
        bytes.fill(0);
        for state in eight.chunks_exact(n) {
            for ((byte, wrong), &s) in bytes.iter_mut().zip(&mut *wrong).zip(state) {
                *byte = *byte >> 1 | (s as u8 & 0x80);
                *wrong |= (s as u8).wrapping_add(1) & !2;
            }
        }
        let missing = 8 - eight.len() / n;
        for (word, &byte) in words.iter_mut().zip(&*bytes) {
            *word ^= u64::from(byte >> missing) << (8 * k);
        }
    }
}

in_vectors!(pub(crate) fn gather(states: &[u8], bytes: &mut [u8]) = gather_in_loops);

/// Of up to eight states in bits, a byte of each spin: which are down, lowest bit first.
#[inline(always)]
fn gather_in_loops(states: &[u8], bytes: &mut [u8]) {
    let row = bytes.len().div_ceil(8);
    for (column, bytes) in bytes.chunks_mut(8).enumerate() {
        let mut block = 0;
        for (r, state) in states.chunks_exact(row).enumerate() {
            block |= u64::from(!state[column]) << (8 * r);
        }
        let block = mirrored(block).to_be_bytes();
        bytes.copy_from_slice(&block[..bytes.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_is_mirrored() {
        for k in 0..64 {
            assert_eq!(mirrored(1 << k), 1 << (k % 8 * 8 + k / 8));
            let mut words = [0; 64];
            words[k] = 1 << (7 * k % 64);
            mirror(&mut words);
            assert_eq!(words, std::array::from_fn(|at| u64::from(at == 7 * k % 64) << k));
        }
    }

    #[test]
    fn slices_of_states() {
        for count in [1, 7, 8, 61, 64] {
            let states: Vec<i8> = (0..3 * count).map(|k| if k * k % 7 < 3 { -1 } else { 1 }).collect();
            let (mut words, mut wrong) = ([0u64; 3], [0; 3]);
            slice(&states, &mut words, &mut [9; 3], &mut wrong);
            for (i, word) in words.into_iter().enumerate() {
                assert!((0..64).all(|k| (word >> k & 1 == 1) == (k < count && states[3 * k + i] < 0)));
            }
            assert_eq!(wrong, [0; 3]);
        }
        let mut wrong = [0; 3];
        slice(&[1, 0, -1, 2, 1, -1], &mut [0; 3], &mut [0; 3], &mut wrong);
        assert_eq!(wrong.map(|wrong| wrong != 0), [true, true, false]);
    }

    #[test]
    fn slices_of_bits_are_those_of_states() {
        for (count, spins) in [(1, 1), (7, 8), (8, 9), (61, 3), (64, 20)] {
            let states: Vec<i8> = (0..spins * count).map(|k| if k * k % 7 < 3 { -1 } else { 1 }).collect();
            let packed = states.chunks(spins).flat_map(|state| {
                // What fills up the last byte may be set.
                let byte =
                    |eight: &[i8]| (0..8).fold(0, |byte, k| byte << 1 | u8::from(eight.get(k) != Some(&-1)));
                state.chunks(8).map(byte).collect::<Vec<u8>>()
            });
            let packed: Vec<u8> = packed.collect();
            let (mut words, mut expected) = (vec![0u64; spins], vec![0u64; spins]);
            let mut bytes = vec![9; spins];
            for (k, eight) in packed.chunks(8 * spins.div_ceil(8)).enumerate() {
                gather(eight, &mut bytes);
                words.iter_mut().zip(&bytes).for_each(|(word, &byte)| *word |= u64::from(byte) << (8 * k));
            }
            slice(&states, &mut expected, &mut vec![0; spins], &mut vec![0; spins]);
            assert_eq!(words, expected);
            assert_eq!(States::Bits(&packed).count(spins), Some(count));
            assert_eq!(States::Spins(&states).part(spins, count - 1, 9).count(spins), Some(1));
        }
    }

    #[test]
    fn bits_of_spins() {
        for (byte, spins) in SPINS.iter().enumerate() {
            assert_eq!(*spins, std::array::from_fn(|k| if byte >> k & 1 == 1 { -1 } else { 1 }));
        }
    }
}
