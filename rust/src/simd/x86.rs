//! AVX-512; and AVX2 with FMA, with AES in halves of 128 bits or, where there is VAES, at once.

use super::isa::Isa;
use super::{LANES, Row, Simd, ops};
use std::arch::x86_64::*;
use std::array::from_fn;
use std::mem::transmute;

pub(crate) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("aes")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt")
}

pub(crate) fn has_vaes() -> bool {
    has_avx2() && is_x86_feature_detected!("vaes")
}

/// What Ice Lake, Zen 4 and their successors have.
pub(crate) fn has_avx512() -> bool {
    has_vaes()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("avx512vnni")
        && is_x86_feature_detected!("gfni")
}

/// Sixteen lanes in one register.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// # Safety
    /// The processor must have what [`has_avx512`] asks for.
    #[inline(always)]
    pub(crate) unsafe fn new() -> Self {
        Avx512(())
    }
}

impl Simd for Avx512 {
    type F = __m512;
    type U = __m512i;
    type M = __mmask16;

    const ISA: Isa = Isa::Avx512;
    const LOOKUP: bool = true;

    #[inline(always)]
    unsafe fn transposed(self, words: &[u64], at: &[u32]) -> __m512i {
        // Byte `m` of group `g` of eight runs is byte `g` of word `7 - m`; a product of matrices turns the
        // 8 x 8 bits of each group over; then byte `b` of lane `l` is that of run `16 b + l`.
        let groups: [u8; 64] = from_fn(|at| (8 * (7 - at % 8) + at / 8) as u8);
        let lanes: [u8; 64] = from_fn(|at| (16 * (at % 4) + at / 4) as u8);
        let some = if at.len() < 8 { (1u8 << at.len()) - 1 } else { u8::MAX };
        // SAFETY: who made this value vouched for the instructions; the mask keeps the first load within `at`,
        // and the caller vouched for the places that the second goes to.
        unsafe {
            let at = _mm256_maskz_loadu_epi32(some, at.as_ptr().cast());
            let words = _mm512_mask_i32gather_epi64::<8>(_mm512_setzero_si512(), some, at, words.as_ptr().cast());
            let groups = _mm512_permutexvar_epi8(transmute::<[u8; 64], __m512i>(groups), words);
            let one_bit = _mm512_set1_epi64(0x8040_2010_0804_0201_u64 as i64);
            let runs = _mm512_gf2p8affine_epi64_epi8::<0>(one_bit, groups);
            _mm512_permutexvar_epi8(transmute::<[u8; 64], __m512i>(lanes), runs)
        }
    }

    #[inline(always)]
    fn add_entries<const WEIGHT: i8>(self, sums: __m512i, table: &Row<u32>, places: __m512i) -> __m512i {
        // SAFETY: who made this value vouched for the instructions.
        unsafe {
            let entries = _mm512_permutexvar_epi8(places, transmute::<Row<u32>, __m512i>(*table));
            _mm512_dpbusd_epi32(sums, entries, _mm512_set1_epi8(WEIGHT))
        }
    }

    #[inline(always)]
    fn add_two_entries<const WEIGHT: i8>(
        self,
        sums: __m512i,
        tables: [&Row<u32>; 2],
        places: [__m512i; 2],
    ) -> __m512i {
        // SAFETY: as above.
        unsafe {
            let one = _mm512_permutexvar_epi8(places[0], transmute::<Row<u32>, __m512i>(*tables[0]));
            let other = _mm512_permutexvar_epi8(places[1], transmute::<Row<u32>, __m512i>(*tables[1]));
            _mm512_dpbusd_epi32(sums, _mm512_add_epi8(one, other), _mm512_set1_epi8(WEIGHT))
        }
    }

    #[inline(always)]
    fn mask_bits(self, lanes: __mmask16) -> u16 {
        lanes
    }

    ops! {
        splat(x: f32) -> __m512 = _mm512_set1_ps(x);
        add(a: __m512, b: __m512) -> __m512 = _mm512_add_ps(a, b);
        sub(a: __m512, b: __m512) -> __m512 = _mm512_sub_ps(a, b);
        div(a: __m512, b: __m512) -> __m512 = _mm512_div_ps(a, b);
        mul(a: __m512, b: __m512) -> __m512 = _mm512_mul_ps(a, b);
        max(a: __m512, b: __m512) -> __m512 = _mm512_max_ps(a, b);
        // Of the smallest size, without its sign.
        smaller(a: __m512, b: __m512) -> __m512 = _mm512_range_ps::<0b1010>(a, b);
        mul_add(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fmadd_ps(a, b, c);
        negate(lanes: __mmask16, a: __m512) -> __m512 = _mm512_mask_xor_ps(a, lanes, a, _mm512_set1_ps(-0.0));
        at_least(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(a, b);
        exponent_and_mantissa(a: __m512) -> (__m512, __m512) =
            (_mm512_getexp_ps(a), _mm512_getmant_ps::<_MM_MANT_NORM_1_2, _MM_MANT_SIGN_SRC>(a));
        to_floats(a: __m512i) -> __m512 = _mm512_cvtepi32_ps(a);
        floats(lanes: &Row<f32>) -> __m512 = transmute(*lanes);
        float_array(a: __m512) -> [f32; LANES] = transmute(a);
        ints(lanes: &Row<u32>) -> __m512i = transmute(*lanes);
        int_array(a: __m512i) -> [u32; LANES] = transmute(a);
        splat_int(x: u32) -> __m512i = _mm512_set1_epi32(x as i32);
        add_int(a: __m512i, b: __m512i) -> __m512i = _mm512_add_epi32(a, b);
        sub_int(a: __m512i, b: __m512i) -> __m512i = _mm512_sub_epi32(a, b);
        add_where(lanes: __mmask16, a: __m512i, b: __m512i) -> __m512i = _mm512_mask_add_epi32(a, lanes, a, b);
        sub_where(lanes: __mmask16, a: __m512i, b: __m512i) -> __m512i = _mm512_mask_sub_epi32(a, lanes, a, b);
        xor(a: __m512i, b: __m512i) -> __m512i = _mm512_xor_si512(a, b);
        and_or(a: __m512i, b: __m512i, c: __m512i) -> __m512i = _mm512_ternarylogic_epi32::<0xEA>(a, b, c);
        interleaved(a: __m512i, b: __m512i) -> [__m512i; 2] = {
            // 16 and more name lanes of `b`.
            let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            let high = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
            [_mm512_permutex2var_epi32(a, low, b), _mm512_permutex2var_epi32(a, high, b)]
        };
        quarters(x: u32) -> __m512i = _mm512_maskz_set1_epi32(0x1111, x as i32);
        toggled(lanes: __mmask16, a: __m512i, bit: __m512i) -> __m512i = _mm512_mask_xor_epi32(a, lanes, a, bit);
        picked(from: &[f32; LANES], lanes: __m512i) -> __m512 =
            _mm512_permutexvar_ps(lanes, _mm512_loadu_ps(from.as_ptr()));
        mirrored_quarters(rows: [__m512i; 4]) -> [__m512i; 4] = {
            let two = |a: __m512i, b: __m512i| [_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b)];
            let ([a, b], [c, d]) = (two(rows[0], rows[1]), two(rows[2], rows[3]));
            [_mm512_unpacklo_epi64(a, c), _mm512_unpackhi_epi64(a, c), _mm512_unpacklo_epi64(b, d),
             _mm512_unpackhi_epi64(b, d)]
        };
        looked_up(table: &Row<u32>, lanes: __m512i) -> __m512i =
            _mm512_permutexvar_epi32(lanes, transmute::<Row<u32>, __m512i>(*table));
        shr<const N: u32>(a: __m512i) -> __m512i = _mm512_srli_epi32::<N>(a);
        aes(a: __m512i, key: __m512i) -> __m512i = _mm512_aesenc_epi128(a, key);
        masks(bits: u64) -> [__mmask16; 4] = transmute(bits);
        top_bits(a: __m512i) -> __mmask16 = _mm512_movepi32_mask(a);
        and(a: __m512i, b: __m512i) -> __m512i = _mm512_and_si512(a, b);
        or(a: __m512i, b: __m512i) -> __m512i = _mm512_or_si512(a, b);
        and_not(a: __m512i, b: __m512i) -> __m512i = _mm512_andnot_si512(b, a);
        xor3(a: __m512i, b: __m512i, c: __m512i) -> __m512i = _mm512_ternarylogic_epi32::<0x96>(a, b, c);
        majority(a: __m512i, b: __m512i, c: __m512i) -> __m512i = _mm512_ternarylogic_epi32::<0xE8>(a, b, c);
        choose(which: __m512i, a: __m512i, b: __m512i) -> __m512i =
            _mm512_ternarylogic_epi32::<0xCA>(which, a, b);
        no_bits(a: __m512i) -> bool = _mm512_test_epi32_mask(a, a) == 0;
    }
}

/// Sixteen lanes in two registers. With VAES or without.
#[derive(Clone, Copy)]
pub(crate) struct Avx2<const VAES: bool>(());

impl<const VAES: bool> Avx2<VAES> {
    /// # Safety
    /// The processor must have what [`has_avx2`] asks for, or [`has_vaes`] where that is named.
    #[inline(always)]
    pub(crate) unsafe fn new() -> Self {
        Avx2(())
    }
}

type F2 = [__m256; 2];
type U2 = [__m256i; 2];

/// # Safety
/// The processor must have AVX2.
#[inline(always)]
unsafe fn bit_lanes(shift: u32) -> __m256i {
    // SAFETY: eight numbers as a vector; the caller vouches for the instructions.
    unsafe { transmute::<[u32; 8], __m256i>(from_fn(|k| 1 << (k as u32 + shift))) }
}

impl<const VAES: bool> Simd for Avx2<VAES> {
    type F = F2;
    type U = U2;
    type M = U2;

    const ISA: Isa = if VAES { Isa::Avx2Vaes } else { Isa::Avx2 };

    #[inline(always)]
    fn add_entries<const WEIGHT: i8>(self, sums: U2, table: &Row<u32>, places: U2) -> U2 {
        // SAFETY: who made this value vouched for the instructions; 64 bytes are four times 16.
        unsafe {
            let quarters: [__m128i; 4] = transmute(*table);
            let half = |k: usize| {
                // The look-up takes the lowest four bits of a byte; each of the four is right in one byte of a lane.
                let entries = |quarter: usize| {
                    let found = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(quarters[quarter]), places[k]);
                    _mm256_and_si256(found, _mm256_set1_epi32(0xFF << (8 * quarter)))
                };
                let low = _mm256_or_si256(entries(0), entries(1));
                let all = _mm256_or_si256(low, _mm256_or_si256(entries(2), entries(3)));
                let pairs = _mm256_maddubs_epi16(all, _mm256_set1_epi8(1));
                _mm256_add_epi32(sums[k], _mm256_madd_epi16(pairs, _mm256_set1_epi16(i16::from(WEIGHT))))
            };
            [half(0), half(1)]
        }
    }

    ops! {
        splat(x: f32) -> F2 = [_mm256_set1_ps(x); 2];
        add(a: F2, b: F2) -> F2 = [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])];
        sub(a: F2, b: F2) -> F2 = [_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])];
        div(a: F2, b: F2) -> F2 = [_mm256_div_ps(a[0], b[0]), _mm256_div_ps(a[1], b[1])];
        mul(a: F2, b: F2) -> F2 = [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])];
        max(a: F2, b: F2) -> F2 = [_mm256_max_ps(a[0], b[0]), _mm256_max_ps(a[1], b[1])];
        smaller(a: F2, b: F2) -> F2 = {
            let size = |a: __m256| _mm256_andnot_ps(_mm256_set1_ps(-0.0), a);
            [_mm256_min_ps(size(a[0]), size(b[0])), _mm256_min_ps(size(a[1]), size(b[1]))]
        };
        mul_add(a: F2, b: F2, c: F2) -> F2 =
            [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])];
        negate(lanes: U2, a: F2) -> F2 = {
            let sign = _mm256_set1_epi32(i32::MIN);
            let half = |k: usize| _mm256_xor_ps(a[k], _mm256_castsi256_ps(_mm256_and_si256(lanes[k], sign)));
            [half(0), half(1)]
        };
        at_least(a: F2, b: F2) -> U2 = {
            let half = |k: usize| _mm256_castps_si256(_mm256_cmp_ps::<_CMP_GE_OQ>(a[k], b[k]));
            [half(0), half(1)]
        };
        exponent_and_mantissa(a: F2) -> (F2, F2) = {
            let exponent = |a: __m256| {
                let biased = _mm256_cvtepi32_ps(_mm256_srli_epi32::<23>(_mm256_castps_si256(a)));
                _mm256_sub_ps(biased, _mm256_set1_ps(127.0))
            };
            let mantissa = |a: __m256| {
                let digits = _mm256_and_ps(a, _mm256_castsi256_ps(_mm256_set1_epi32(0x007F_FFFF)));
                _mm256_or_ps(digits, _mm256_set1_ps(1.0))
            };
            ([exponent(a[0]), exponent(a[1])], [mantissa(a[0]), mantissa(a[1])])
        };
        to_floats(a: U2) -> F2 = [_mm256_cvtepi32_ps(a[0]), _mm256_cvtepi32_ps(a[1])];
        floats(lanes: &Row<f32>) -> F2 = transmute(*lanes);
        float_array(a: F2) -> [f32; LANES] = transmute(a);
        ints(lanes: &Row<u32>) -> U2 = transmute(*lanes);
        int_array(a: U2) -> [u32; LANES] = transmute(a);
        splat_int(x: u32) -> U2 = [_mm256_set1_epi32(x as i32); 2];
        add_int(a: U2, b: U2) -> U2 = [_mm256_add_epi32(a[0], b[0]), _mm256_add_epi32(a[1], b[1])];
        sub_int(a: U2, b: U2) -> U2 = [_mm256_sub_epi32(a[0], b[0]), _mm256_sub_epi32(a[1], b[1])];
        add_where(lanes: U2, a: U2, b: U2) -> U2 = {
            let half = |k: usize| _mm256_add_epi32(a[k], _mm256_and_si256(lanes[k], b[k]));
            [half(0), half(1)]
        };
        sub_where(lanes: U2, a: U2, b: U2) -> U2 = {
            let half = |k: usize| _mm256_sub_epi32(a[k], _mm256_and_si256(lanes[k], b[k]));
            [half(0), half(1)]
        };
        xor(a: U2, b: U2) -> U2 = [_mm256_xor_si256(a[0], b[0]), _mm256_xor_si256(a[1], b[1])];
        and_or(a: U2, b: U2, c: U2) -> U2 = {
            let half = |k: usize| _mm256_or_si256(_mm256_and_si256(a[k], b[k]), c[k]);
            [half(0), half(1)]
        };
        interleaved(a: U2, b: U2) -> [U2; 2] = {
            // Instructions do this within halves of 128 bits.
            let half = |k: usize| {
                let (low, high) = (_mm256_unpacklo_epi32(a[k], b[k]), _mm256_unpackhi_epi32(a[k], b[k]));
                [_mm256_permute2x128_si256::<0x20>(low, high), _mm256_permute2x128_si256::<0x31>(low, high)]
            };
            [half(0), half(1)]
        };
        quarters(x: u32) -> U2 = [_mm256_setr_epi32(x as i32, 0, 0, 0, x as i32, 0, 0, 0); 2];
        picked(from: &[f32; LANES], lanes: U2) -> F2 = {
            let halves = [_mm256_loadu_ps(from.as_ptr()), _mm256_loadu_ps(from.as_ptr().add(8))];
            let half = |k: usize| {
                let found = halves.map(|half| _mm256_permutevar8x32_ps(half, lanes[k]));
                // The fourth bit, as the sign.
                let second = _mm256_castsi256_ps(_mm256_slli_epi32::<28>(lanes[k]));
                _mm256_blendv_ps(found[0], found[1], second)
            };
            [half(0), half(1)]
        };
        mirrored_quarters(rows: [U2; 4]) -> [U2; 4] = {
            let half = |k: usize| {
                let two = |a: __m256i, b: __m256i| [_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b)];
                let ([a, b], [c, d]) = (two(rows[0][k], rows[1][k]), two(rows[2][k], rows[3][k]));
                [_mm256_unpacklo_epi64(a, c), _mm256_unpackhi_epi64(a, c), _mm256_unpacklo_epi64(b, d),
                 _mm256_unpackhi_epi64(b, d)]
            };
            let halves = [half(0), half(1)];
            from_fn(|word| [halves[0][word], halves[1][word]])
        };
        shr<const N: u32>(a: U2) -> U2 = {
            let count = _mm_cvtsi32_si128(N as i32);
            [_mm256_srl_epi32(a[0], count), _mm256_srl_epi32(a[1], count)]
        };
        aes(a: U2, key: U2) -> U2 = [aes_halves::<VAES>(a[0], key[0]), aes_halves::<VAES>(a[1], key[1])];
        masks(bits: u64) -> [U2; 4] = {
            let halves = [_mm256_set1_epi32(bits as i32), _mm256_set1_epi32((bits >> 32) as i32)];
            let lanes = |half: usize, shift: u32| {
                let bit = bit_lanes(shift);
                _mm256_cmpeq_epi32(_mm256_and_si256(halves[half], bit), bit)
            };
            [[lanes(0, 0), lanes(0, 8)], [lanes(0, 16), lanes(0, 24)],
             [lanes(1, 0), lanes(1, 8)], [lanes(1, 16), lanes(1, 24)]]
        };
        mask_bits(lanes: U2) -> u16 = {
            let half = |k: usize| _mm256_movemask_ps(_mm256_castsi256_ps(lanes[k])) as u16;
            half(0) | half(1) << 8
        };
        top_bits(a: U2) -> U2 = [_mm256_srai_epi32::<31>(a[0]), _mm256_srai_epi32::<31>(a[1])];
        and(a: U2, b: U2) -> U2 = [_mm256_and_si256(a[0], b[0]), _mm256_and_si256(a[1], b[1])];
        or(a: U2, b: U2) -> U2 = [_mm256_or_si256(a[0], b[0]), _mm256_or_si256(a[1], b[1])];
        and_not(a: U2, b: U2) -> U2 = [_mm256_andnot_si256(b[0], a[0]), _mm256_andnot_si256(b[1], a[1])];
        xor3(a: U2, b: U2, c: U2) -> U2 = {
            let half = |k: usize| _mm256_xor_si256(_mm256_xor_si256(a[k], b[k]), c[k]);
            [half(0), half(1)]
        };
        majority(a: U2, b: U2, c: U2) -> U2 = {
            let either = |k: usize| _mm256_and_si256(_mm256_xor_si256(a[k], b[k]), c[k]);
            let half = |k: usize| _mm256_or_si256(_mm256_and_si256(a[k], b[k]), either(k));
            [half(0), half(1)]
        };
        choose(which: U2, a: U2, b: U2) -> U2 = {
            let others = |k: usize| _mm256_andnot_si256(which[k], b[k]);
            let half = |k: usize| _mm256_or_si256(_mm256_and_si256(which[k], a[k]), others(k));
            [half(0), half(1)]
        };
        no_bits(a: U2) -> bool = {
            let any = _mm256_or_si256(a[0], a[1]);
            _mm256_testz_si256(any, any) == 1
        };
    }
}

/// # Safety
/// The processor must have AES, and VAES where that is named.
#[inline(always)]
unsafe fn aes_halves<const VAES: bool>(a: __m256i, key: __m256i) -> __m256i {
    // SAFETY: the caller vouches for the instructions; halves and wholes are plain bits.
    unsafe {
        if VAES {
            return _mm256_aesenc_epi128(a, key);
        }
        let [a, key]: [[__m128i; 2]; 2] = transmute([a, key]);
        transmute::<[__m128i; 2], __m256i>([_mm_aesenc_si128(a[0], key[0]), _mm_aesenc_si128(a[1], key[1])])
    }
}
