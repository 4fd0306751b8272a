//! Vectors of 256 bits: eight floats, eight integers, or 256 planes of bits, on every processor.
//!
//! Every kernel is written once, over the trait [`Simd`], and compiled for each instruction set by
//! [`crate::anneal::isa`]. All operations round alike everywhere, so that the kernels' answers agree to
//! the last bit. A value of an implementing type is the proof that the processor has the instructions.

/// Eight lanes. `F` holds `f32`, `U` holds `u32` or 256 single bits.
pub(crate) trait Simd: Copy {
    type F: Copy + Send + Sync;
    type U: Copy + Send + Sync;

    fn floats(self, lanes: [f32; 8]) -> Self::F;
    fn float_array(self, a: Self::F) -> [f32; 8];
    fn splat(self, x: f32) -> Self::F;
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a b + c`, rounded once.
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    fn min(self, a: Self::F, b: Self::F) -> Self::F;
    fn max(self, a: Self::F, b: Self::F) -> Self::F;
    /// `negative` in the lanes whose sign bit is set in `sign`, else `positive`.
    fn select(self, sign: Self::U, negative: Self::F, positive: Self::F) -> Self::F;
    /// Towards zero; only for what fits an `i32`.
    fn truncate(self, a: Self::F) -> Self::U;
    /// The nearest floats to `i32`s.
    fn to_floats(self, a: Self::U) -> Self::F;
    fn as_ints(self, a: Self::F) -> Self::U;
    fn as_floats(self, a: Self::U) -> Self::F;

    fn ints(self, lanes: [u32; 8]) -> Self::U;
    fn int_array(self, a: Self::U) -> [u32; 8];
    fn splat_int(self, x: u32) -> Self::U;
    fn and(self, a: Self::U, b: Self::U) -> Self::U;
    fn or(self, a: Self::U, b: Self::U) -> Self::U;
    fn xor(self, a: Self::U, b: Self::U) -> Self::U;
    /// `a & !b`.
    fn and_not(self, a: Self::U, b: Self::U) -> Self::U;
    fn is_zero(self, a: Self::U) -> bool;
    fn add_int(self, a: Self::U, b: Self::U) -> Self::U;
    fn shl<const N: i32>(self, a: Self::U) -> Self::U;
    fn shr<const N: i32>(self, a: Self::U) -> Self::U;
    /// Each lane by its own count, below 32.
    fn shl_each(self, a: Self::U, count: Self::U) -> Self::U;
    /// All ones where `a > b` as `i32`.
    fn greater(self, a: Self::U, b: Self::U) -> Self::U;
    /// The sign bits of the lanes, lane 0 lowest.
    fn signs(self, a: Self::U) -> u8;
    /// One AES round on each half of 128 bits, the key added last.
    fn aes(self, a: Self::U, key: Self::U) -> Self::U;
}

/// Plain Rust, for every processor; the reference for the others.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

/// Eight lanes where a vector of the processor would lie.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
pub(crate) struct Eight<T>(pub(crate) [T; 8]);

impl<T: Copy> Eight<T> {
    #[inline(always)]
    fn map<R>(self, f: impl Fn(T) -> R) -> Eight<R> {
        Eight(self.0.map(f))
    }

    #[inline(always)]
    fn with<R>(self, other: Self, f: impl Fn(T, T) -> R) -> Eight<R> {
        Eight(std::array::from_fn(|k| f(self.0[k], other.0[k])))
    }
}

impl Simd for Portable {
    type F = Eight<f32>;
    type U = Eight<u32>;

    #[inline(always)]
    fn floats(self, lanes: [f32; 8]) -> Self::F {
        Eight(lanes)
    }
    #[inline(always)]
    fn float_array(self, a: Self::F) -> [f32; 8] {
        a.0
    }
    #[inline(always)]
    fn splat(self, x: f32) -> Self::F {
        Eight([x; 8])
    }
    #[inline(always)]
    fn add(self, a: Self::F, b: Self::F) -> Self::F {
        a.with(b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: Self::F, b: Self::F) -> Self::F {
        a.with(b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: Self::F, b: Self::F) -> Self::F {
        a.with(b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, a: Self::F, b: Self::F) -> Self::F {
        a.with(b, |a, b| a / b)
    }
    #[inline(always)]
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        Eight(std::array::from_fn(|k| a.0[k].mul_add(b.0[k], c.0[k])))
    }
    #[inline(always)]
    fn min(self, a: Self::F, b: Self::F) -> Self::F {
        a.with(b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn max(self, a: Self::F, b: Self::F) -> Self::F {
        a.with(b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn select(self, sign: Self::U, negative: Self::F, positive: Self::F) -> Self::F {
        Eight(std::array::from_fn(|k| if sign.0[k] >> 31 == 1 { negative.0[k] } else { positive.0[k] }))
    }
    #[inline(always)]
    fn truncate(self, a: Self::F) -> Self::U {
        a.map(|a| a as i32 as u32)
    }
    #[inline(always)]
    fn to_floats(self, a: Self::U) -> Self::F {
        a.map(|a| a as i32 as f32)
    }
    #[inline(always)]
    fn as_ints(self, a: Self::F) -> Self::U {
        a.map(f32::to_bits)
    }
    #[inline(always)]
    fn as_floats(self, a: Self::U) -> Self::F {
        a.map(f32::from_bits)
    }
    #[inline(always)]
    fn ints(self, lanes: [u32; 8]) -> Self::U {
        Eight(lanes)
    }
    #[inline(always)]
    fn int_array(self, a: Self::U) -> [u32; 8] {
        a.0
    }
    #[inline(always)]
    fn splat_int(self, x: u32) -> Self::U {
        Eight([x; 8])
    }
    #[inline(always)]
    fn and(self, a: Self::U, b: Self::U) -> Self::U {
        a.with(b, |a, b| a & b)
    }
    #[inline(always)]
    fn or(self, a: Self::U, b: Self::U) -> Self::U {
        a.with(b, |a, b| a | b)
    }
    #[inline(always)]
    fn xor(self, a: Self::U, b: Self::U) -> Self::U {
        a.with(b, |a, b| a ^ b)
    }
    #[inline(always)]
    fn and_not(self, a: Self::U, b: Self::U) -> Self::U {
        a.with(b, |a, b| a & !b)
    }
    #[inline(always)]
    fn is_zero(self, a: Self::U) -> bool {
        a.0 == [0; 8]
    }
    #[inline(always)]
    fn add_int(self, a: Self::U, b: Self::U) -> Self::U {
        a.with(b, u32::wrapping_add)
    }
    #[inline(always)]
    fn shl<const N: i32>(self, a: Self::U) -> Self::U {
        a.map(|a| a << N)
    }
    #[inline(always)]
    fn shr<const N: i32>(self, a: Self::U) -> Self::U {
        a.map(|a| a >> N)
    }
    #[inline(always)]
    fn shl_each(self, a: Self::U, count: Self::U) -> Self::U {
        a.with(count, |a, n| a << n)
    }
    #[inline(always)]
    fn greater(self, a: Self::U, b: Self::U) -> Self::U {
        a.with(b, |a, b| if a as i32 > b as i32 { u32::MAX } else { 0 })
    }
    #[inline(always)]
    fn signs(self, a: Self::U) -> u8 {
        a.0.iter().rev().fold(0, |bits, &lane| bits << 1 | (lane >> 31) as u8)
    }
    #[inline(always)]
    fn aes(self, a: Self::U, key: Self::U) -> Self::U {
        let half = |at: usize| -> [u32; 4] {
            crate::rng::aes_round(std::array::from_fn(|k| a.0[at + k]), std::array::from_fn(|k| key.0[at + k]))
        };
        let halves = [half(0), half(4)];
        Eight(std::array::from_fn(|k| halves[k / 4][k % 4]))
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) mod x86 {
    //! AVX2 with FMA, and AES in halves of 128 bits or, where there is VAES, at once. Compiled with AVX-512VL
    //! switched on, the compiler merges pairs of bitwise operations and has twice the registers.
    use super::Simd;
    use std::arch::x86_64::*;
    use std::mem::transmute;

    /// With VAES or without.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx2<const VAES: bool>(());

    impl<const VAES: bool> Avx2<VAES> {
        /// # Safety
        /// The processor must have AVX2, FMA and AES, and VAES where that is named.
        #[inline(always)]
        pub(crate) unsafe fn new() -> Self {
            Avx2(())
        }
    }

    /// One method: an expression of intrinsics.
    macro_rules! ops {
        ($($name:ident $(<const $N:ident: i32>)? ($($arg:ident: $type:ty),*) -> $result:ty = $body:expr;)*) => {$(
            #[inline(always)]
            fn $name $(<const $N: i32>)? (self, $($arg: $type),*) -> $result {
                // SAFETY: who made this value vouched for the instructions; arrays and vectors that are
                // transmuted are plain numbers of one size.
                unsafe { $body }
            }
        )*};
    }

    impl<const VAES: bool> Simd for Avx2<VAES> {
        type F = __m256;
        type U = __m256i;

        ops! {
            floats(lanes: [f32; 8]) -> __m256 = transmute(lanes);
            float_array(a: __m256) -> [f32; 8] = transmute(a);
            splat(x: f32) -> __m256 = _mm256_set1_ps(x);
            add(a: __m256, b: __m256) -> __m256 = _mm256_add_ps(a, b);
            sub(a: __m256, b: __m256) -> __m256 = _mm256_sub_ps(a, b);
            mul(a: __m256, b: __m256) -> __m256 = _mm256_mul_ps(a, b);
            div(a: __m256, b: __m256) -> __m256 = _mm256_div_ps(a, b);
            mul_add(a: __m256, b: __m256, c: __m256) -> __m256 = _mm256_fmadd_ps(a, b, c);
            min(a: __m256, b: __m256) -> __m256 = _mm256_min_ps(a, b);
            max(a: __m256, b: __m256) -> __m256 = _mm256_max_ps(a, b);
            select(sign: __m256i, negative: __m256, positive: __m256) -> __m256 =
                _mm256_blendv_ps(positive, negative, _mm256_castsi256_ps(sign));
            truncate(a: __m256) -> __m256i = _mm256_cvttps_epi32(a);
            to_floats(a: __m256i) -> __m256 = _mm256_cvtepi32_ps(a);
            as_ints(a: __m256) -> __m256i = _mm256_castps_si256(a);
            as_floats(a: __m256i) -> __m256 = _mm256_castsi256_ps(a);
            ints(lanes: [u32; 8]) -> __m256i = transmute(lanes);
            int_array(a: __m256i) -> [u32; 8] = transmute(a);
            splat_int(x: u32) -> __m256i = _mm256_set1_epi32(x as i32);
            and(a: __m256i, b: __m256i) -> __m256i = _mm256_and_si256(a, b);
            or(a: __m256i, b: __m256i) -> __m256i = _mm256_or_si256(a, b);
            xor(a: __m256i, b: __m256i) -> __m256i = _mm256_xor_si256(a, b);
            and_not(a: __m256i, b: __m256i) -> __m256i = _mm256_andnot_si256(b, a);
            is_zero(a: __m256i) -> bool = _mm256_testz_si256(a, a) == 1;
            add_int(a: __m256i, b: __m256i) -> __m256i = _mm256_add_epi32(a, b);
            shl<const N: i32>(a: __m256i) -> __m256i = _mm256_slli_epi32::<N>(a);
            shr<const N: i32>(a: __m256i) -> __m256i = _mm256_srli_epi32::<N>(a);
            shl_each(a: __m256i, count: __m256i) -> __m256i = _mm256_sllv_epi32(a, count);
            greater(a: __m256i, b: __m256i) -> __m256i = _mm256_cmpgt_epi32(a, b);
            signs(a: __m256i) -> u8 = _mm256_movemask_ps(_mm256_castsi256_ps(a)) as u8;
            aes(a: __m256i, key: __m256i) -> __m256i = if VAES {
                _mm256_aesenc_epi128(a, key)
            } else {
                let [a, key]: [[__m128i; 2]; 2] = transmute([a, key]);
                transmute::<[__m128i; 2], __m256i>([_mm_aesenc_si128(a[0], key[0]), _mm_aesenc_si128(a[1], key[1])])
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every operation on awkward numbers, as bits.
    fn all<S: Simd>(s: S) -> Vec<[u32; 8]> {
        let x = s.floats([0.0, -0.0, 1.5, -2.25, 1e-30, 3e7, -1e9, 0.1]);
        let y = s.floats([1.0, 0.5, -1.5, -2.25, 1e30, 0.3, 7.0, 0.2]);
        let z = s.floats([0.0, 3.0, 2.25, -5.0, -1.0, 1e-9, 0.7, -0.02]);
        let a = s.ints([0, 1, u32::MAX, 1 << 31, 0x1234_5678, 77, 0xFFFF, 31]);
        let b = s.ints([3, 1, 5, 31, 0, 9, 30, 2]);
        let floats = [
            s.add(x, y),
            s.sub(x, y),
            s.mul(x, y),
            s.div(x, y),
            s.mul_add(x, y, z),
            s.min(x, y),
            s.max(x, y),
            s.select(a, x, y),
            s.splat(0.1),
            s.as_floats(s.shr::<2>(a)),
            s.to_floats(a),
        ];
        let ints = [
            s.truncate(x),
            s.as_ints(y),
            s.splat_int(7),
            s.and(a, b),
            s.or(a, b),
            s.xor(a, b),
            s.and_not(a, b),
            s.add_int(a, b),
            s.shl::<3>(a),
            s.shl_each(a, b),
            s.greater(a, b),
            s.aes(a, b),
        ];
        let mut found: Vec<[u32; 8]> = floats.iter().map(|&f| s.float_array(f).map(f32::to_bits)).collect();
        found.extend(ints.iter().map(|&u| s.int_array(u)));
        found.push([
            u32::from(s.signs(a)),
            u32::from(s.is_zero(a)),
            u32::from(s.is_zero(s.xor(a, a))),
            0,
            0,
            0,
            0,
            0,
        ]);
        found
    }

    #[test]
    fn every_instruction_set_computes_the_same() {
        let reference = all(Portable);
        assert_eq!(reference.last().unwrap()[..3], [0b1100, 0, 1]);
        #[cfg(target_arch = "x86_64")]
        {
            let has_avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if has_avx2 && is_x86_feature_detected!("aes") {
                // SAFETY: the instructions were found.
                assert_eq!(all(unsafe { x86::Avx2::<false>::new() }), reference);
                if is_x86_feature_detected!("vaes") {
                    // SAFETY: the instructions were found.
                    assert_eq!(all(unsafe { x86::Avx2::<true>::new() }), reference);
                }
            }
        }
    }
}
