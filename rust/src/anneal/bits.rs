//! Bits on their way to spins: matrices of them mirrored at the diagonal, and what they stand for.

/// 64 x 64 bits, a row in each word, mirrored at the diagonal (Warren, "Hacker's Delight", section 7-3).
#[inline(always)]
pub(super) fn mirror(words: &mut [u64; 64]) {
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
pub(super) fn mirrored(mut x: u64) -> u64 {
    for (shift, mask) in [(7, 0x00AA_00AA_00AA_00AA), (14, 0x0000_CCCC_0000_CCCC), (28, 0x0000_0000_F0F0_F0F0)] {
        let t = (x ^ (x >> shift)) & mask;
        x ^= t ^ (t << shift);
    }
    x
}

/// The eight spins that eight bits stand for, lowest first.
pub(super) static SPINS: [[i8; 8]; 256] = eights(1, -1);

/// For each byte, what its bits stand for, lowest first: `down` where one is set.
pub(super) const fn eights<T: Copy>(up: T, down: T) -> [[T; 8]; 256] {
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
    fn bits_of_spins() {
        for (byte, spins) in SPINS.iter().enumerate() {
            assert_eq!(*spins, std::array::from_fn(|k| if byte >> k & 1 == 1 { -1 } else { 1 }));
        }
    }
}
