//! Which flips are accepted: Metropolis, or heat bath (Gibbs).
//!
//! A flip that changes the energy by `dE` has the exponent `x = -beta dE log2(e)`. Metropolis accepts it with
//! probability `min(1, 2^x)`, heat bath with `2^x / (1 + 2^x)`: for a uniform number `u`, where `x` is at least
//! `log2 u`, or `log2 (u / (1 - u))`. These limits are random numbers that know nothing of the spins, so a
//! processor works on them while it still waits for the fields.
//!
//! Tried and slower: the power `2^x` against `u`. It takes as many instructions, but all of them after the field.

use crate::simd::Simd;

/// No limit lies below: the smallest uniform number is `2^-31`, and rounding.
pub(super) const NEVER: f32 = -31.0001;

/// The least exponents that are accepted, from 32 random bits each.
///
/// `W` vectors go step by step side by side: each is a chain of 60 cycles, and a processor looks no further ahead
/// than two such chains one after the other.
#[inline(always)]
pub(super) fn limits<S: Simd, const W: usize, const GIBBS: bool>(s: S, bits: [S::U; W]) -> [S::F; W] {
    if S::CALLS { limits_by_call::<S, W, GIBBS>(s, bits) } else { limits_in_place::<S, W, GIBBS>(s, bits) }
}

#[inline(never)]
fn limits_by_call<S: Simd, const W: usize, const GIBBS: bool>(s: S, bits: [S::U; W]) -> [S::F; W] {
    limits_in_place::<S, W, GIBBS>(s, bits)
}

#[inline(always)]
fn limits_in_place<S: Simd, const W: usize, const GIBBS: bool>(s: S, bits: [S::U; W]) -> [S::F; W] {
    // Loops, not `map`: the compiler keeps what they make in registers.
    let mut odd = bits;
    for odd in &mut odd {
        // u = odd / 2^31: symmetric about 1/2, never 0 or 1.
        *odd = s.and_or(*odd, s.splat_int(u32::MAX >> 1), s.splat_int(1));
    }
    let mut limits = log2(s, odd);
    if GIBBS {
        for odd in &mut odd {
            *odd = s.sub_int(s.splat_int(1 << 31), *odd);
        }
        let rest = log2(s, odd);
        for v in 0..W {
            limits[v] = s.sub(limits[v], rest[v]);
        }
    }
    limits
}

/// `log2 (x / 2^31)` of positive `i32`s: the exponent and a polynomial of the mantissa, of least error (2.2e-6) among
/// those that are right at 1 and 2. The 31 is taken off the polynomial, which rounds it to 2e-6, as a limit far from
/// 0 is rounded anyway, and then it is lowered by 6e-7, so that no rounding takes Metropolis' limits above 0 and
/// what costs nothing is always accepted.
#[inline(always)]
fn log2<S: Simd, const W: usize>(s: S, x: [S::U; W]) -> [S::F; W] {
    const C: [f32; 7] = [-34.043_762, 6.127_034, -5.363_627, 3.303_788, -1.274_415_7, 0.276_818_58, -0.025_838_26];
    let (mut exponent, mut mantissa) = ([s.splat(0.0); W], [s.splat(0.0); W]);
    for v in 0..W {
        (exponent[v], mantissa[v]) = s.exponent_and_mantissa(s.to_floats(x[v]));
    }
    let mut log = [s.splat(C[6]); W];
    for c in C[..6].iter().rev() {
        for v in 0..W {
            log[v] = s.mul_add(log[v], mantissa[v], s.splat(*c));
        }
    }
    for v in 0..W {
        log[v] = s.add(log[v], exponent[v]);
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{LANES, Portable, Row};

    fn limits_of<const GIBBS: bool>(bits: impl Fn(u32) -> u32) -> [f32; LANES] {
        let s = Portable;
        let lanes = Row(std::array::from_fn(|k| bits(k as u32)));
        let [limits] = limits::<_, 1, GIBBS>(s, [s.ints(&lanes)]);
        s.float_array(limits)
    }

    #[test]
    fn as_many_are_accepted_as_the_probability_says() {
        // Of a grid of uniform numbers.
        let grid = 1u32 << 16;
        for exponent in [0.0f32, -0.1, -0.5, -0.50001, -1.0, -3.3, -7.9, -11.5, 0.3, 2.0, 9.9] {
            let count = |limits: [f32; LANES]| limits.iter().filter(|&&limit| exponent >= limit).count();
            let place = |first: u32| move |k: u32| ((first + k) << 15) | 0x4000;
            let firsts = || (0..grid).step_by(LANES);
            let metropolis: usize = firsts().map(|first| count(limits_of::<false>(place(first)))).sum();
            let gibbs: usize = firsts().map(|first| count(limits_of::<true>(place(first)))).sum();
            let power = f64::from(exponent).exp2();
            for (found, wanted) in [(metropolis, power.min(1.0)), (gibbs, power / (1.0 + power))] {
                let wanted = wanted * f64::from(grid);
                assert!((found as f64 - wanted).abs() <= 1.0, "{exponent}: {found} of {wanted}");
            }
        }
    }

    #[test]
    fn limits_are_logarithms_and_none_is_above_zero() {
        for first in (0..1 << 24).step_by(7 * LANES) {
            for (top, wide) in [(7, 0), (6, 1 << 30)] {
                let bits = |k: u32| wide | (first + k) << top | 0x55;
                for (k, limit) in limits_of::<false>(bits).into_iter().enumerate() {
                    let wanted = (f64::from(bits(k as u32) & i32::MAX as u32 | 1) / 2f64.powi(31)).log2();
                    assert!(limit <= 0.0 && (f64::from(limit) - wanted).abs() < 8e-6, "{wanted} {limit}");
                }
            }
        }
    }

    #[test]
    fn the_ends() {
        assert!(limits_of::<false>(|_| 0).iter().all(|&limit| (NEVER..-30.9999).contains(&limit)));
        assert!(limits_of::<false>(|_| u32::MAX).iter().all(|&limit| (-2e-6..=0.0).contains(&limit)));
        for bits in [|_| 0, |k| k << 7] {
            let (low, high) = (limits_of::<true>(bits), limits_of::<true>(|k| !bits(k)));
            assert!(low.iter().zip(high).all(|(low, high)| (low + high).abs() < 1e-5));
        }
    }
}
