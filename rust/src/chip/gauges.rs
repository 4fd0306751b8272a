//! Gauges: a random sign for each spin of each image.
//!
//! The signs are the coins that numpy tosses with `Generator(Philox(key=[seed, image])).integers(0, 2, spins, dtype=int8)`:
//! the highest bits of the bytes of Philox4x64-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
//! easy as 1, 2, 3", SC'11), lowest byte first. So a run has the gauges that it had when numpy tossed them, and its problems
//! on a QPU are those that its journal holds.

use super::Placement;
use crate::error::Error;

/// Spins whose signs come of one block.
const BLOCK: usize = 32;
const ROUNDS: usize = 10;

impl Placement {
    /// The gauges `(problems, qubits)` of images of these numbers: one sign for all qubits of a chain, a function of
    /// `(seed, image, spin)` alone; +1 in copies without an image and on qubits of no chain.
    ///
    /// # Errors
    /// If there is no memory.
    pub fn gauges(&self, seed: u64, images: &[u32]) -> Result<Vec<i8>, Error> {
        let mut out = self.room(images.len().div_ceil(self.copies()), self.num_qubits, 1i8)?;
        for (k, &image) in images.iter().enumerate() {
            let (chains, problem) = self.chains_of_image(k);
            let row = &mut out[problem * self.num_qubits..][..self.num_qubits];
            for (spin, chain) in chains.enumerate().step_by(BLOCK) {
                let ups = ups(seed, image, spin / BLOCK);
                for bit in 0..BLOCK.min(self.num_spins - spin) {
                    let sign = if ups >> bit & 1 == 1 { 1 } else { -1 };
                    self.chain(chain + bit).iter().for_each(|&q| row[q as usize] = sign);
                }
            }
        }
        Ok(out)
    }
}

/// Which of the spins of a block are +1, the first in the lowest bit.
fn ups(seed: u64, image: u32, block: usize) -> u32 {
    // numpy counts up before a block, not after it.
    let words = philox([block as u64 + 1, 0, 0, 0], [rounded(seed), u64::from(image)]);
    let bits = words.iter().flat_map(|word| word.to_le_bytes()).enumerate();
    bits.fold(0, |ups, (spin, byte)| ups | u32::from(byte >> 7) << spin)
}

/// The seed as it is after numpy has made one array of it and a smaller number: from `2^63` on by way of a double, where
/// `2^64` is 0.
fn rounded(seed: u64) -> u64 {
    if seed >> 63 == 0 { seed } else { seed as f64 as u128 as u64 }
}

/// Philox4x64-10.
fn philox(mut counter: [u64; 4], mut key: [u64; 2]) -> [u64; 4] {
    for _ in 0..ROUNDS {
        let [a, b, c, d] = counter;
        let (first, second) = (product(0xD2E7_470E_E14C_6C93, a), product(0xCA5A_8263_9512_1157, c));
        counter = [second[1] ^ b ^ key[0], second[0], first[1] ^ d ^ key[1], first[0]];
        key = [key[0].wrapping_add(0x9E37_79B9_7F4A_7C15), key[1].wrapping_add(0xBB67_AE85_84CA_A73B)];
    }
    counter
}

/// A product's lower and upper half.
fn product(a: u64, b: u64) -> [u64; 2] {
    let product = u128::from(a) * u128::from(b);
    [product as u64, (product >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers of Random123 (`kat_vectors`).
    #[test]
    fn philox_is_philox() {
        let zeros = philox([0; 4], [0; 2]);
        assert_eq!(
            zeros,
            [0x16554d9eca36314c, 0xdb20fe9d672d0fdc, 0xd7e772cee186176b, 0x7e68b68aec7ba23b].map(|word: u64| word)
        );
        let ones = philox([u64::MAX; 4], [u64::MAX; 2]);
        assert_eq!(ones, [0x87b092c3013fe90b, 0x438c3c67be8d0224, 0x9cc7d7c69cd777b6, 0xa09caebf594f0ba0]);
    }

    #[test]
    fn large_seeds_are_rounded() {
        let halves = [1 << 63, (1 << 63) + 1024, (1 << 63) + 1025, u64::MAX - 1024, u64::MAX - 1023, u64::MAX];
        let expected = [1 << 63, 1 << 63, (1 << 63) + 2048, u64::MAX - 2047, 0, 0];
        assert_eq!(halves.map(rounded), expected);
        assert_eq!(rounded(u64::MAX >> 1), u64::MAX >> 1);
    }
}
