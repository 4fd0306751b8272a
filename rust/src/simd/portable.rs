//! Plain Rust, for every processor; the reference for the others.

use super::aes::aes_round;
use super::isa::Isa;
use super::{LANES, Row, Simd};

#[derive(Clone, Copy)]
pub(crate) struct Portable;

type F = Row<f32>;
type U = Row<u32>;

fn map<T: Copy, R>(a: Row<T>, f: impl Fn(T) -> R) -> Row<R> {
    Row(a.0.map(f))
}

fn with<T: Copy, R>(a: Row<T>, b: Row<T>, f: impl Fn(T, T) -> R) -> Row<R> {
    Row(std::array::from_fn(|k| f(a.0[k], b.0[k])))
}

fn where_set(lanes: u16, k: usize) -> bool {
    lanes >> k & 1 == 1
}

/// Calls of their own where no processor of today takes this path: the kernels hold hundreds of each, of up to a hundred
/// instructions, and were half of the whole core.
macro_rules! calls {
    ($(fn $name:ident($($arg:ident: $of:ty),*) -> $to:ty $body:block)*) => { $(
        #[cfg_attr(target_arch = "x86_64", inline(never))]
        fn $name($($arg: $of),*) -> $to $body
    )* };
}

calls! {
    fn aes_quarters(a: &U, key: &U) -> U {
        let mut out = *a;
        for (block, key) in out.0.as_chunks_mut::<4>().0.iter_mut().zip(key.0.as_chunks::<4>().0) {
            *block = aes_round(*block, *key);
        }
        out
    }
    fn mul_add_all(a: &F, b: &F, c: &F) -> F {
        Row(std::array::from_fn(|k| a.0[k].mul_add(b.0[k], c.0[k])))
    }
    fn negate_where(lanes: u16, a: &F) -> F {
        Row(std::array::from_fn(|k| if where_set(lanes, k) { -a.0[k] } else { a.0[k] }))
    }
    fn which_at_least(a: &F, b: &F) -> u16 {
        (0..LANES).fold(0, |mask, k| mask | u16::from(a.0[k] >= b.0[k]) << k)
    }
    fn parts_of(a: &F) -> (F, F) {
        let exponent = map(*a, |a| (a.to_bits() >> 23) as f32 - 127.0);
        (exponent, map(*a, |a| f32::from_bits(a.to_bits() & 0x007F_FFFF | 0x3F80_0000)))
    }
    fn added_where(lanes: u16, a: &U, b: &U) -> U {
        Row(std::array::from_fn(|k| a.0[k].wrapping_add(if where_set(lanes, k) { b.0[k] } else { 0 })))
    }
    fn subtracted_where(lanes: u16, a: &U, b: &U) -> U {
        Row(std::array::from_fn(|k| a.0[k].wrapping_sub(if where_set(lanes, k) { b.0[k] } else { 0 })))
    }
    fn highest_bits(a: &U) -> u16 {
        (0..LANES).fold(0, |mask, k| mask | ((a.0[k] >> 31) as u16) << k)
    }
}

impl Simd for Portable {
    type F = F;
    type U = U;
    type M = u16;

    const ISA: Isa = Isa::Portable;

    #[inline(always)]
    fn splat(self, x: f32) -> F {
        Row([x; LANES])
    }
    #[inline(always)]
    fn add(self, a: F, b: F) -> F {
        with(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: F, b: F) -> F {
        with(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn div(self, a: F, b: F) -> F {
        with(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn mul(self, a: F, b: F) -> F {
        with(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn max(self, a: F, b: F) -> F {
        with(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn smaller(self, a: F, b: F) -> F {
        with(a, b, |a, b| if a.abs() < b.abs() { a.abs() } else { b.abs() })
    }
    #[inline(always)]
    fn mul_add(self, a: F, b: F, c: F) -> F {
        mul_add_all(&a, &b, &c)
    }
    #[inline(always)]
    fn negate(self, lanes: u16, a: F) -> F {
        negate_where(lanes, &a)
    }
    #[inline(always)]
    fn at_least(self, a: F, b: F) -> u16 {
        which_at_least(&a, &b)
    }
    #[inline(always)]
    fn exponent_and_mantissa(self, a: F) -> (F, F) {
        parts_of(&a)
    }
    #[inline(always)]
    fn to_floats(self, a: U) -> F {
        map(a, |a| a as i32 as f32)
    }
    #[inline(always)]
    fn floats(self, lanes: &Row<f32>) -> F {
        *lanes
    }
    #[inline(always)]
    fn float_array(self, a: F) -> [f32; LANES] {
        a.0
    }

    #[inline(always)]
    fn ints(self, lanes: &Row<u32>) -> U {
        *lanes
    }
    #[inline(always)]
    fn int_array(self, a: U) -> [u32; LANES] {
        a.0
    }
    #[inline(always)]
    fn splat_int(self, x: u32) -> U {
        Row([x; LANES])
    }
    #[inline(always)]
    fn add_int(self, a: U, b: U) -> U {
        with(a, b, u32::wrapping_add)
    }
    #[inline(always)]
    fn sub_int(self, a: U, b: U) -> U {
        with(a, b, u32::wrapping_sub)
    }
    #[inline(always)]
    fn add_where(self, lanes: u16, a: U, b: U) -> U {
        added_where(lanes, &a, &b)
    }
    #[inline(always)]
    fn sub_where(self, lanes: u16, a: U, b: U) -> U {
        subtracted_where(lanes, &a, &b)
    }
    #[inline(always)]
    fn xor(self, a: U, b: U) -> U {
        with(a, b, |a, b| a ^ b)
    }
    #[inline(always)]
    fn and_or(self, a: U, b: U, c: U) -> U {
        Row(std::array::from_fn(|k| a.0[k] & b.0[k] | c.0[k]))
    }
    #[inline(always)]
    fn interleaved(self, a: U, b: U) -> [U; 2] {
        let half = |first: usize| {
            Row(std::array::from_fn(|k| if k % 2 == 0 { a.0[first + k / 2] } else { b.0[first + k / 2] }))
        };
        [half(0), half(LANES / 2)]
    }
    #[inline(always)]
    fn quarters(self, x: u32) -> U {
        Row(std::array::from_fn(|k| if k % 4 == 0 { x } else { 0 }))
    }
    #[inline(always)]
    fn shr<const N: u32>(self, a: U) -> U {
        map(a, |a| a >> N)
    }
    #[inline(always)]
    fn aes(self, a: U, key: U) -> U {
        aes_quarters(&a, &key)
    }

    #[inline(always)]
    fn masks(self, bits: u64) -> [u16; 4] {
        std::array::from_fn(|v| (bits >> (16 * v)) as u16)
    }
    #[inline(always)]
    fn mask_bits(self, lanes: u16) -> u16 {
        lanes
    }
    #[inline(always)]
    fn top_bits(self, a: U) -> u16 {
        highest_bits(&a)
    }

    #[inline(always)]
    fn and(self, a: U, b: U) -> U {
        with(a, b, |a, b| a & b)
    }
    #[inline(always)]
    fn or(self, a: U, b: U) -> U {
        with(a, b, |a, b| a | b)
    }
    #[inline(always)]
    fn and_not(self, a: U, b: U) -> U {
        with(a, b, |a, b| a & !b)
    }
    #[inline(always)]
    fn xor3(self, a: U, b: U, c: U) -> U {
        Row(std::array::from_fn(|k| a.0[k] ^ b.0[k] ^ c.0[k]))
    }
    #[inline(always)]
    fn majority(self, a: U, b: U, c: U) -> U {
        Row(std::array::from_fn(|k| a.0[k] & b.0[k] | (a.0[k] ^ b.0[k]) & c.0[k]))
    }
    #[inline(always)]
    fn choose(self, which: U, a: U, b: U) -> U {
        Row(std::array::from_fn(|k| which.0[k] & a.0[k] | !which.0[k] & b.0[k]))
    }
    #[inline(always)]
    fn no_bits(self, a: U) -> bool {
        a.0 == [0; LANES]
    }
}
