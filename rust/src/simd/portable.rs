//! Plain Rust, for every processor; the reference for the others.

use super::aes::aes_round;
use super::isa::Isa;
use super::{LANES, Row, Simd};

#[derive(Clone, Copy)]
pub(crate) struct Portable;

type F = Row<f32>;
type U = Row<u32>;

// The shapes of all operations. On x86-64 they are calls, and so are longer pieces (`Simd::CALLS`): no processor of today
// takes this path there, and with the loops in place it was 4.4 of the 10.8 MB of code.

#[cfg_attr(target_arch = "x86_64", inline(never))]
fn map<T: Copy, R>(a: &Row<T>, f: impl Fn(T) -> R) -> Row<R> {
    Row(a.0.map(f))
}

#[cfg_attr(target_arch = "x86_64", inline(never))]
fn with<T: Copy, R>(a: &Row<T>, b: &Row<T>, f: impl Fn(T, T) -> R) -> Row<R> {
    Row(std::array::from_fn(|k| f(a.0[k], b.0[k])))
}

#[cfg_attr(target_arch = "x86_64", inline(never))]
fn with_three<T: Copy, R>(a: &Row<T>, b: &Row<T>, c: &Row<T>, f: impl Fn(T, T, T) -> R) -> Row<R> {
    Row(std::array::from_fn(|k| f(a.0[k], b.0[k], c.0[k])))
}

/// `f` is told whether the bit of the lane is set.
#[cfg_attr(target_arch = "x86_64", inline(never))]
fn by_lane<T: Copy, R>(lanes: u16, a: &Row<T>, b: &Row<T>, f: impl Fn(bool, T, T) -> R) -> Row<R> {
    Row(std::array::from_fn(|k| f(lanes >> k & 1 == 1, a.0[k], b.0[k])))
}

/// The lanes for which something holds.
#[cfg_attr(target_arch = "x86_64", inline(never))]
fn which<T: Copy>(a: &Row<T>, b: &Row<T>, holds: impl Fn(T, T) -> bool) -> u16 {
    (0..LANES).fold(0, |mask, k| mask | u16::from(holds(a.0[k], b.0[k])) << k)
}

#[cfg_attr(target_arch = "x86_64", inline(never))]
fn aes_quarters(a: &U, key: &U) -> U {
    let mut out = *a;
    for (block, key) in out.0.as_chunks_mut::<4>().0.iter_mut().zip(key.0.as_chunks::<4>().0) {
        *block = aes_round(*block, *key);
    }
    out
}

#[cfg_attr(target_arch = "x86_64", inline(never))]
fn interleave(a: &U, b: &U) -> [U; 2] {
    let half = |first: usize| {
        Row(std::array::from_fn(|k| if k % 2 == 0 { a.0[first + k / 2] } else { b.0[first + k / 2] }))
    };
    [half(0), half(LANES / 2)]
}

impl Simd for Portable {
    type F = F;
    type U = U;
    type M = u16;

    const ISA: Isa = Isa::Portable;
    const CALLS: bool = cfg!(target_arch = "x86_64");

    #[inline(always)]
    fn splat(self, x: f32) -> F {
        Row([x; LANES])
    }
    #[inline(always)]
    fn add(self, a: F, b: F) -> F {
        with(&a, &b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: F, b: F) -> F {
        with(&a, &b, |a, b| a - b)
    }
    #[inline(always)]
    fn div(self, a: F, b: F) -> F {
        with(&a, &b, |a, b| a / b)
    }
    #[inline(always)]
    fn mul(self, a: F, b: F) -> F {
        with(&a, &b, |a, b| a * b)
    }
    #[inline(always)]
    fn max(self, a: F, b: F) -> F {
        with(&a, &b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn smaller(self, a: F, b: F) -> F {
        with(&a, &b, |a, b| if a.abs() < b.abs() { a.abs() } else { b.abs() })
    }
    #[inline(always)]
    fn mul_add(self, a: F, b: F, c: F) -> F {
        with_three(&a, &b, &c, |a, b, c| a.mul_add(b, c))
    }
    #[inline(always)]
    fn negate(self, lanes: u16, a: F) -> F {
        by_lane(lanes, &a, &a, |is_set, a, _| if is_set { -a } else { a })
    }
    #[inline(always)]
    fn at_least(self, a: F, b: F) -> u16 {
        which(&a, &b, |a, b| a >= b)
    }
    #[inline(always)]
    fn exponent_and_mantissa(self, a: F) -> (F, F) {
        let exponent = map(&a, |a| (a.to_bits() >> 23) as f32 - 127.0);
        (exponent, map(&a, |a| f32::from_bits(a.to_bits() & 0x007F_FFFF | 0x3F80_0000)))
    }
    #[inline(always)]
    fn to_floats(self, a: U) -> F {
        map(&a, |a| a as i32 as f32)
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
        with(&a, &b, u32::wrapping_add)
    }
    #[inline(always)]
    fn sub_int(self, a: U, b: U) -> U {
        with(&a, &b, u32::wrapping_sub)
    }
    #[inline(always)]
    fn add_where(self, lanes: u16, a: U, b: U) -> U {
        by_lane(lanes, &a, &b, |is_set, a, b| a.wrapping_add(if is_set { b } else { 0 }))
    }
    #[inline(always)]
    fn sub_where(self, lanes: u16, a: U, b: U) -> U {
        by_lane(lanes, &a, &b, |is_set, a, b| a.wrapping_sub(if is_set { b } else { 0 }))
    }
    #[inline(always)]
    fn xor(self, a: U, b: U) -> U {
        with(&a, &b, |a, b| a ^ b)
    }
    #[inline(always)]
    fn and_or(self, a: U, b: U, c: U) -> U {
        with_three(&a, &b, &c, |a, b, c| a & b | c)
    }
    #[inline(always)]
    fn interleaved(self, a: U, b: U) -> [U; 2] {
        interleave(&a, &b)
    }
    #[inline(always)]
    fn quarters(self, x: u32) -> U {
        Row(std::array::from_fn(|k| if k % 4 == 0 { x } else { 0 }))
    }
    #[inline(always)]
    fn shr<const N: u32>(self, a: U) -> U {
        map(&a, |a| a >> N)
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
        which(&a, &a, |a, _| a >> 31 == 1)
    }

    #[inline(always)]
    fn and(self, a: U, b: U) -> U {
        with(&a, &b, |a, b| a & b)
    }
    #[inline(always)]
    fn or(self, a: U, b: U) -> U {
        with(&a, &b, |a, b| a | b)
    }
    #[inline(always)]
    fn and_not(self, a: U, b: U) -> U {
        with(&a, &b, |a, b| a & !b)
    }
    #[inline(always)]
    fn xor3(self, a: U, b: U, c: U) -> U {
        with_three(&a, &b, &c, |a, b, c| a ^ b ^ c)
    }
    #[inline(always)]
    fn majority(self, a: U, b: U, c: U) -> U {
        with_three(&a, &b, &c, |a, b, c| a & b | (a ^ b) & c)
    }
    #[inline(always)]
    fn choose(self, which: U, a: U, b: U) -> U {
        with_three(&which, &a, &b, |which, a, b| which & a | !which & b)
    }
    #[inline(always)]
    fn no_bits(self, a: U) -> bool {
        a.0 == [0; LANES]
    }
}
