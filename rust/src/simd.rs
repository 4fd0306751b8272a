//! What the kernels need of an instruction set beyond plain arithmetic, which the compiler vectorises
//! by itself: AES rounds for the random numbers, and the sign bits of a vector.

use crate::rng::{Key, ars};

/// The few operations that compilers do not find by themselves.
pub(crate) trait Simd {
    /// Four consecutive blocks: the numbers of 16 consecutive spins of one read.
    ///
    /// # Safety
    /// The instruction set must be there.
    unsafe fn sixteen_spins(key: &Key, block: u32, sweep: u32, read: u32, problem: u32) -> [u32; 16];

    /// One block for each of 16 reads, turned around: `[spin of the block][read]`.
    ///
    /// # Safety
    /// The instruction set must be there.
    unsafe fn sixteen_reads(key: &Key, block: u32, sweep: u32, reads: &[[u32; 2]; 16]) -> [[u32; 16]; 4];

    /// The sign bits of 16 lanes, lane 0 lowest.
    ///
    /// # Safety
    /// The instruction set must be there.
    unsafe fn signs(lanes: &[i32; 16]) -> u16;
}

/// Plain Rust, for every processor; the reference for the others.
pub(crate) struct Portable;

impl Simd for Portable {
    #[inline(always)]
    unsafe fn sixteen_spins(key: &Key, block: u32, sweep: u32, read: u32, problem: u32) -> [u32; 16] {
        let mut out = [0; 16];
        for (b, four) in out.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            *four = ars(key, [block + b as u32, sweep, read, problem]);
        }
        out
    }

    #[inline(always)]
    unsafe fn sixteen_reads(key: &Key, block: u32, sweep: u32, reads: &[[u32; 2]; 16]) -> [[u32; 16]; 4] {
        let mut out = [[0; 16]; 4];
        for (lane, &[read, problem]) in reads.iter().enumerate() {
            let four = ars(key, [block, sweep, read, problem]);
            for (row, word) in out.iter_mut().zip(four) {
                row[lane] = word;
            }
        }
        out
    }

    #[inline(always)]
    unsafe fn signs(lanes: &[i32; 16]) -> u16 {
        lanes.iter().rev().fold(0, |bits, &lane| bits << 1 | u16::from(lane < 0))
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) mod x86 {
    //! AES by instruction: 128-bit AES-NI, or VAES on 256-bit vectors.
    use super::Simd;
    use crate::rng::{Key, ROUNDS};
    use std::arch::x86_64::*;
    use std::mem::transmute;

    /// AES-NI with AVX2.
    pub(crate) struct AesNi;
    /// VAES with AVX2.
    pub(crate) struct Vaes;

    impl Simd for AesNi {
        #[inline(always)]
        unsafe fn sixteen_spins(key: &Key, block: u32, sweep: u32, read: u32, problem: u32) -> [u32; 16] {
            // SAFETY: the caller vouches for AES-NI; [u32; 4] and __m128i are both 16 plain bytes.
            unsafe {
                let state = std::array::from_fn(|b| transmute([block + b as u32, sweep, read, problem]));
                transmute(rounds::<4>(key, state))
            }
        }

        #[inline(always)]
        unsafe fn sixteen_reads(key: &Key, block: u32, sweep: u32, reads: &[[u32; 2]; 16]) -> [[u32; 16]; 4] {
            let mut out = [[0u32; 16]; 4];
            for quad in 0..4 {
                // SAFETY: the caller vouches for AES-NI; the types are plain bytes of equal size.
                let words: [[u32; 4]; 4] = unsafe {
                    let state = std::array::from_fn(|k| {
                        let [read, problem] = reads[4 * quad + k];
                        transmute([block, sweep, read, problem])
                    });
                    transmute(transpose(rounds::<4>(key, state)))
                };
                for (row, four) in out.iter_mut().zip(words) {
                    row[4 * quad..4 * quad + 4].copy_from_slice(&four);
                }
            }
            out
        }

        #[inline(always)]
        unsafe fn signs(lanes: &[i32; 16]) -> u16 {
            // SAFETY: the caller vouches for AVX2.
            unsafe { wide_signs(lanes) }
        }
    }

    #[inline(always)]
    unsafe fn rounds<const N: usize>(key: &Key, mut state: [__m128i; N]) -> [__m128i; N] {
        // SAFETY: the caller vouches for AES-NI; the types are plain bytes of equal size.
        unsafe {
            for s in &mut state {
                *s = _mm_xor_si128(*s, transmute::<[u32; 4], __m128i>(key.0[0]));
            }
            for r in 1..=ROUNDS {
                let k: __m128i = transmute(key.0[r]);
                for s in &mut state {
                    *s = _mm_aesenc_si128(*s, k);
                }
            }
        }
        state
    }

    #[inline(always)]
    unsafe fn transpose(m: [__m128i; 4]) -> [__m128i; 4] {
        // SAFETY: SSE2 is part of x86-64.
        unsafe {
            let (a, b) = (_mm_unpacklo_epi32(m[0], m[1]), _mm_unpackhi_epi32(m[0], m[1]));
            let (c, d) = (_mm_unpacklo_epi32(m[2], m[3]), _mm_unpackhi_epi32(m[2], m[3]));
            [
                _mm_unpacklo_epi64(a, c),
                _mm_unpackhi_epi64(a, c),
                _mm_unpacklo_epi64(b, d),
                _mm_unpackhi_epi64(b, d),
            ]
        }
    }

    impl Simd for Vaes {
        #[inline(always)]
        unsafe fn sixteen_spins(key: &Key, block: u32, sweep: u32, read: u32, problem: u32) -> [u32; 16] {
            // SAFETY: the caller vouches for VAES and AVX2; the types are plain bytes of equal size.
            unsafe {
                let state = std::array::from_fn(|b| {
                    let b = block + 2 * b as u32;
                    transmute([b, sweep, read, problem, b + 1, sweep, read, problem])
                });
                transmute(wide_rounds::<2>(key, state))
            }
        }

        #[inline(always)]
        unsafe fn sixteen_reads(key: &Key, block: u32, sweep: u32, reads: &[[u32; 2]; 16]) -> [[u32; 16]; 4] {
            // SAFETY: the caller vouches for VAES and AVX2; the types are plain bytes of equal size.
            unsafe {
                // Vector k of half h holds reads 8h + k and 8h + k + 4, so that turning 4 x 4 words around
                // within 128-bit lanes leaves the eight reads of a half side by side.
                let half = |h: usize| {
                    let state = std::array::from_fn(|k| {
                        let ([r0, p0], [r1, p1]) = (reads[8 * h + k], reads[8 * h + k + 4]);
                        transmute([block, sweep, r0, p0, block, sweep, r1, p1])
                    });
                    wide_transpose(wide_rounds::<4>(key, state))
                };
                let (low, high) = (half(0), half(1));
                std::array::from_fn(|w| transmute([low[w], high[w]]))
            }
        }

        #[inline(always)]
        unsafe fn signs(lanes: &[i32; 16]) -> u16 {
            // SAFETY: the caller vouches for AVX2.
            unsafe { wide_signs(lanes) }
        }
    }

    #[inline(always)]
    unsafe fn wide_rounds<const N: usize>(key: &Key, mut state: [__m256i; N]) -> [__m256i; N] {
        // SAFETY: the caller vouches for VAES and AVX2; the types are plain bytes of equal size.
        unsafe {
            let both = |k: [u32; 4]| _mm256_broadcastsi128_si256(transmute::<[u32; 4], __m128i>(k));
            for s in &mut state {
                *s = _mm256_xor_si256(*s, both(key.0[0]));
            }
            for r in 1..=ROUNDS {
                let k = both(key.0[r]);
                for s in &mut state {
                    *s = _mm256_aesenc_epi128(*s, k);
                }
            }
        }
        state
    }

    #[inline(always)]
    unsafe fn wide_transpose(m: [__m256i; 4]) -> [__m256i; 4] {
        // SAFETY: the caller vouches for AVX2.
        unsafe {
            let (a, b) = (_mm256_unpacklo_epi32(m[0], m[1]), _mm256_unpackhi_epi32(m[0], m[1]));
            let (c, d) = (_mm256_unpacklo_epi32(m[2], m[3]), _mm256_unpackhi_epi32(m[2], m[3]));
            [
                _mm256_unpacklo_epi64(a, c),
                _mm256_unpackhi_epi64(a, c),
                _mm256_unpacklo_epi64(b, d),
                _mm256_unpackhi_epi64(b, d),
            ]
        }
    }

    #[inline(always)]
    unsafe fn wide_signs(lanes: &[i32; 16]) -> u16 {
        let [low, high] = [0, 8].map(|k| {
            // SAFETY: the caller vouches for AVX2; eight lanes from k on are within the sixteen.
            unsafe { _mm256_movemask_ps(_mm256_loadu_ps(lanes.as_ptr().add(k).cast())) as u16 }
        });
        low | high << 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn instructions_and_table_give_the_same_numbers() {
        let key = Key::new(0x0123_4567_89AB_CDEF);
        let reads: [[u32; 2]; 16] = std::array::from_fn(|k| [k as u32 * 77, 9 - k as u32 % 9]);
        // SAFETY: each is called only where its instructions were found.
        unsafe {
            let spins = Portable::sixteen_spins(&key, 5, 6, 7, u32::MAX);
            let lanes = std::array::from_fn(|k| if k % 3 == 0 { -1 - k as i32 } else { k as i32 });
            assert_eq!(Portable::signs(&lanes), 0b1001_0010_0100_1001);
            let turned = Portable::sixteen_reads(&key, 5, 6, &reads);
            if is_x86_feature_detected!("aes") && is_x86_feature_detected!("avx2") {
                assert_eq!(x86::AesNi::sixteen_spins(&key, 5, 6, 7, u32::MAX), spins);
                assert_eq!(x86::AesNi::sixteen_reads(&key, 5, 6, &reads), turned);
                assert_eq!(x86::AesNi::signs(&lanes), Portable::signs(&lanes));
            }
            if is_x86_feature_detected!("vaes") && is_x86_feature_detected!("avx2") {
                assert_eq!(x86::Vaes::sixteen_spins(&key, 5, 6, 7, u32::MAX), spins);
                assert_eq!(x86::Vaes::sixteen_reads(&key, 5, 6, &reads), turned);
            }
        }
    }
}
