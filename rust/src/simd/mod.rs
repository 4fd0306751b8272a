//! Sixteen lanes of numbers, or 512 single bits, on every processor.
//!
//! Every kernel is written once, over the trait [`Simd`], and compiled for each instruction set by
//! [`isa`]. All operations round alike everywhere, so that the kernels' answers agree to
//! the last bit. A value of an implementing type is the proof that the processor has the instructions.
//!
//! ```text
//!            16 numbers, or 512 bits           yes or no for each lane
//! AVX-512    one register                      a mask register
//! AVX2       two registers                     two registers
//! NEON       four registers                    four registers
//! elsewhere  an array; on ARM and x86-64 the compiler makes vectors of 128 bits of it
//! ```

pub(crate) mod aes;
pub(crate) mod isa;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use portable::Portable;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86::has_avx2;

/// A function compiled for AVX2 as well, and run so where the processor has it: `name` calls `portable`, plain loops that
/// the compiler makes vectors of. That one, and what it calls in them, must be `#[inline(always)]`. It stands outside of
/// the macro, into which rustfmt does not look.
macro_rules! in_vectors {
    ($vis:vis fn $name:ident($($arg:ident: $type:ty),*) $(-> $out:ty)? = $portable:ident) => {
        $vis fn $name($($arg: $type),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
            fn avx2($($arg: $type),*) $(-> $out)? {
                $portable($($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            if crate::simd::has_avx2() {
                // SAFETY: the processor has the instructions.
                return unsafe { avx2($($arg),*) };
            }
            $portable($($arg),*)
        }
    };
}
pub(crate) use in_vectors;

/// One method: an expression of intrinsics.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! ops {
    ($($name:ident $(<const $N:ident: u32>)? ($($arg:ident: $type:ty),*) -> $result:ty = $body:expr;)*) => {$(
        #[inline(always)]
        fn $name $(<const $N: u32>)? (self, $($arg: $type),*) -> $result {
            // SAFETY: who made this value vouched for the instructions; arrays and vectors that are
            // transmuted are plain numbers of one size.
            unsafe { $body }
        }
    )*};
}
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use ops;

/// Lanes of numbers.
pub(crate) const LANES: usize = 16;

/// Where a vector of the processor would lie.
#[derive(Clone, Copy, PartialEq, Debug)]
#[repr(C, align(64))]
pub(crate) struct Row<T>(pub(crate) [T; LANES]);

/// `F` holds 16 `f32`, `U` 16 `u32` or `i32` or 512 bits, `M` a yes or no for each lane.
pub(crate) trait Simd: Copy {
    type F: Copy + Send + Sync;
    type U: Copy + Send + Sync;
    type M: Copy + Send + Sync;

    /// The instruction set, for threads that join in.
    const ISA: isa::Isa;

    /// Whether what kernels do in many places is a call in each of them: it saves code where speed does not matter.
    const CALLS: bool = false;

    /// Whether [`Simd::transposed`] and [`Simd::looked_up`] are as fast as anything else. Their definitions here
    /// are for tests.
    const LOOKUP: bool = false;

    fn splat(self, x: f32) -> Self::F;
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    fn max(self, a: Self::F, b: Self::F) -> Self::F;
    /// The smaller of `|a|` and `|b|`.
    fn smaller(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a b + c`, rounded once.
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// `-a` in the lanes of `lanes`.
    fn negate(self, lanes: Self::M, a: Self::F) -> Self::F;
    /// Lanes with `a >= b`.
    fn at_least(self, a: Self::F, b: Self::F) -> Self::M;
    /// `floor(log2 a)` and `a / 2^floor(log2 a)` of positive normal numbers.
    fn exponent_and_mantissa(self, a: Self::F) -> (Self::F, Self::F);
    /// The nearest floats to `i32`s.
    fn to_floats(self, a: Self::U) -> Self::F;
    fn floats(self, lanes: &Row<f32>) -> Self::F;
    fn float_array(self, a: Self::F) -> [f32; LANES];

    fn ints(self, lanes: &Row<u32>) -> Self::U;
    fn int_array(self, a: Self::U) -> [u32; LANES];
    fn splat_int(self, x: u32) -> Self::U;
    fn add_int(self, a: Self::U, b: Self::U) -> Self::U;
    fn sub_int(self, a: Self::U, b: Self::U) -> Self::U;
    /// `a + b` in the lanes of `lanes`, `a` in the others.
    fn add_where(self, lanes: Self::M, a: Self::U, b: Self::U) -> Self::U;
    /// `a - b` in the lanes of `lanes`, `a` in the others.
    fn sub_where(self, lanes: Self::M, a: Self::U, b: Self::U) -> Self::U;
    fn xor(self, a: Self::U, b: Self::U) -> Self::U;
    /// `(a & b) | c`.
    fn and_or(self, a: Self::U, b: Self::U, c: Self::U) -> Self::U;
    fn shr<const N: u32>(self, a: Self::U) -> Self::U;
    /// The lanes of `a` and `b` in turn: those of their first halves, then those of their second.
    fn interleaved(self, a: Self::U, b: Self::U) -> [Self::U; 2];
    /// `x` in the first lane of each quarter, 0 in the others.
    fn quarters(self, x: u32) -> Self::U;
    /// In bit `k` of byte `b` of lane `l`, bit `16 b + l` of `words[at[k]]`, for up to eight places.
    ///
    /// # Safety
    /// All places must lie in `words`.
    #[inline(always)]
    unsafe fn transposed(self, words: &[u64], at: &[u32]) -> Self::U {
        let mut lanes = Row([0; LANES]);
        for (k, &at) in at.iter().enumerate() {
            for bit in 0..64 {
                lanes.0[bit % 16] |= ((words[at as usize] >> bit & 1) as u32) << (8 * (bit / 16) + k);
            }
        }
        self.ints(&lanes)
    }
    /// The entry of `table` that the four lowest bits of each lane name.
    #[inline(always)]
    fn looked_up(self, table: &Row<u32>, lanes: Self::U) -> Self::U {
        self.ints(&Row(self.int_array(lanes).map(|lane| table.0[lane as usize % LANES])))
    }
    /// Adds to each lane `WEIGHT` times each of four bytes of `table`, of which its own four bytes are the places: one of the
    /// first 16, of the second, third and last 16.
    #[inline(always)]
    fn add_entries<const WEIGHT: i8>(self, sums: Self::U, table: &Row<u32>, places: Self::U) -> Self::U {
        let byte = |at: u8| table.0[usize::from(at) / 4 % LANES].to_le_bytes()[usize::from(at) % 4];
        let of_lane = |places: u32| places.to_le_bytes().iter().map(|&at| u32::from(byte(at))).sum::<u32>();
        let (mut sums, places) = (Row(self.int_array(sums)), self.int_array(places));
        for (sum, places) in sums.0.iter_mut().zip(places) {
            *sum = sum.wrapping_add((WEIGHT as i32 as u32).wrapping_mul(of_lane(places)));
        }
        self.ints(&sums)
    }
    /// The same of two tables, whose bytes are less than 128.
    #[inline(always)]
    fn add_two_entries<const WEIGHT: i8>(
        self,
        sums: Self::U,
        tables: [&Row<u32>; 2],
        places: [Self::U; 2],
    ) -> Self::U {
        self.add_entries::<WEIGHT>(self.add_entries::<WEIGHT>(sums, tables[0], places[0]), tables[1], places[1])
    }
    /// `a` with the one bit of `bit` turned over in the lanes of `lanes`.
    #[inline(always)]
    fn toggled(self, lanes: Self::M, a: Self::U, bit: Self::U) -> Self::U {
        let set = self.and(a, bit);
        self.add_where(lanes, a, self.sub_int(self.sub_int(bit, set), set))
    }
    /// In each lane the number that the four lowest bits of the lane name.
    #[inline(always)]
    fn picked(self, from: &[f32; LANES], lanes: Self::U) -> Self::F {
        self.floats(&Row(self.int_array(lanes).map(|lane| from[lane as usize % LANES])))
    }
    /// Four vectors whose quarters, one above the other, are 4 x 4 numbers, these mirrored at the diagonal.
    #[inline(always)]
    fn mirrored_quarters(self, rows: [Self::U; 4]) -> [Self::U; 4] {
        let rows = rows.map(|row| self.int_array(row));
        [0, 1, 2, 3].map(|k| self.ints(&Row(std::array::from_fn(|lane| rows[lane % 4][lane / 4 * 4 + k]))))
    }
    /// One AES round on each quarter of 128 bits, the key added last.
    fn aes(self, a: Self::U, key: Self::U) -> Self::U;

    /// The lanes whose bits are set in each of four times 16 bits, the lowest first.
    fn masks(self, bits: u64) -> [Self::M; 4];
    fn mask_bits(self, lanes: Self::M) -> u16;
    /// Lanes whose highest bit is set.
    fn top_bits(self, a: Self::U) -> Self::M;

    fn and(self, a: Self::U, b: Self::U) -> Self::U;
    fn or(self, a: Self::U, b: Self::U) -> Self::U;
    /// `a & !b`.
    fn and_not(self, a: Self::U, b: Self::U) -> Self::U;
    /// `a ^ b ^ c`.
    fn xor3(self, a: Self::U, b: Self::U, c: Self::U) -> Self::U;
    /// Where two of the three are set.
    fn majority(self, a: Self::U, b: Self::U, c: Self::U) -> Self::U;
    /// `a` where `which` is set, else `b`.
    fn choose(self, which: Self::U, a: Self::U, b: Self::U) -> Self::U;
    fn no_bits(self, a: Self::U) -> bool;
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [u64; 8] =
        [0x8001_7FFE_AAAA_1234, 1, u64::MAX, 0, 1 << 63, 0xFFFF, 0x0F0F << 20, 0x1234_5678_9ABC];

    /// Places as `add_entries` takes them, and bytes from 0 to 255.
    const PLACES: Row<u32> = {
        let mut rows = [0; LANES];
        let mut lane = 0;
        while lane < LANES {
            let four = [lane as u8, 0x1F - lane as u8, 0x20 + (7 * lane as u8) % 16, 0x30 + (3 * lane as u8) % 16];
            rows[lane] = u32::from_le_bytes(four);
            lane += 1;
        }
        Row(rows)
    };

    /// Every operation on awkward numbers, as bits.
    fn all<S: Simd>(s: S) -> Vec<Vec<u32>> {
        let lanes = |eight: [u32; 8]| Row(std::array::from_fn(|k| eight[k % 8].wrapping_add(97 * (k as u32 / 8))));
        let a = s.ints(&lanes([0, 1, u32::MAX, 1 << 31, 0x1234_5678, 77, 0xFFFF, 31]));
        let b = s.ints(&lanes([3, 1, 5, 31, 0, 9, 30, 2]));
        let x = s.mul(s.to_floats(a), s.splat(1e-3));
        let y = s.sub(s.to_floats(b), s.splat(7.5));
        let z = s.add(s.splat(0.1), s.mul(x, y));
        let (exponent, mantissa) = s.exponent_and_mantissa(s.add(s.mul(x, x), s.splat(1e-20)));
        let masks = s.masks(0x8001_7FFE_AAAA_1234);
        let floats = [
            s.floats(&Row(std::array::from_fn(|k| k as f32))),
            s.picked(&s.float_array(x), b),
            x,
            y,
            z,
            s.mul_add(x, y, z),
            s.max(x, y),
            s.smaller(x, y),
            s.negate(masks[0], x),
            s.negate(s.at_least(x, y), y),
            exponent,
            mantissa,
        ];
        let ints = [
            s.add_int(a, b),
            s.sub_int(a, b),
            s.add_where(masks[1], a, b),
            s.sub_where(masks[2], a, b),
            s.xor(a, b),
            s.and_or(a, b, s.splat_int(0x8001)),
            s.interleaved(a, b)[0],
            s.interleaved(a, b)[1],
            s.quarters(0xABCD),
            // SAFETY: the places are below 8.
            unsafe { s.transposed(&WORDS, &[0, 1, 2, 3, 4, 5, 6, 7]) },
            // SAFETY: as above.
            unsafe { s.transposed(&WORDS, &[7, 2, 5]) },
            s.looked_up(&Row(std::array::from_fn(|k| 1000 + k as u32)), a),
            s.shr::<3>(a),
            s.add_entries::<1>(a, &PLACES, s.ints(&PLACES)),
            s.add_entries::<-128>(a, &PLACES, s.ints(&PLACES)),
            s.toggled(masks[1], a, s.splat_int(4)),
            s.mirrored_quarters([a, b, s.splat_int(5), s.xor(a, b)])[0],
            s.mirrored_quarters([a, b, s.splat_int(5), s.xor(a, b)])[1],
            s.mirrored_quarters([a, b, s.splat_int(5), s.xor(a, b)])[2],
            s.mirrored_quarters([a, b, s.splat_int(5), s.xor(a, b)])[3],
            s.splat_int(7),
            s.aes(a, b),
        ];
        let c = s.ints(&lanes([0x5555_5555, 8, 1, 0, 0x0F0F_0F0F, 11, 7, 0xFFFF]));
        let bits =
            [s.and(a, b), s.or(a, b), s.and_not(a, b), s.xor3(a, b, c), s.majority(a, b, c), s.choose(a, b, c)];
        let mut found: Vec<Vec<u32>> =
            floats.iter().map(|&f| s.float_array(f).map(f32::to_bits).to_vec()).collect();
        found.extend(ints.iter().chain(&bits).map(|&u| s.int_array(u).to_vec()));
        found.push(masks.iter().map(|&m| u32::from(s.mask_bits(m))).collect());
        found.push(vec![
            u32::from(s.mask_bits(s.at_least(x, y))),
            u32::from(s.no_bits(s.xor(c, c))),
            u32::from(s.no_bits(c)),
            u32::from(s.mask_bits(s.top_bits(a))),
        ]);
        found
    }

    #[test]
    fn every_instruction_set_computes_the_same() {
        let reference = all(Portable);
        assert_eq!(reference[reference.len() - 2], [0x1234, 0xAAAA, 0x7FFE, 0x8001]);
        #[cfg(target_arch = "x86_64")]
        {
            if x86::has_avx2() {
                // SAFETY: the instructions were found.
                assert_eq!(all(unsafe { x86::Avx2::<false>::new() }), reference);
                if x86::has_vaes() {
                    // SAFETY: the instructions were found.
                    assert_eq!(all(unsafe { x86::Avx2::<true>::new() }), reference);
                }
            }
            if x86::has_avx512() {
                // SAFETY: the instructions were found.
                assert_eq!(all(unsafe { x86::Avx512::new() }), reference);
            }
        }
        #[cfg(target_arch = "aarch64")]
        if neon::has_neon() {
            // SAFETY: the instructions were found.
            assert_eq!(all(unsafe { neon::Neon::new() }), reference);
        }
    }
}
