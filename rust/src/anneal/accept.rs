//! The decision of eight flips at once: Metropolis, or heat bath (Gibbs).

use crate::simd::Simd;

/// Below this exponent a flip is never accepted, so that vectors whose exponents all lie below it need no
/// random numbers: the smallest uniform number is 0, the next 2^-30.
pub(super) const NEVER: f32 = -31.0;

/// All ones in the lanes whose flip is accepted, given the base-2 logarithm `exponent` of the Boltzmann
/// factor of the flip and 32 random `bits`.
///
/// Metropolis accepts with probability `min(1, 2^x)`, heat bath with `2^x / (1 + 2^x)`, compared with a
/// uniform number of 30 bits. The power is `2^n 2^r`, `n` the nearest integer, and `2^r` by a polynomial of
/// degree 5 (least maximum of the relative error, 2e-7, held to 1 at 0, so that what costs nothing is
/// always accepted).
#[inline(always)]
pub(super) fn accepted<S: Simd, const GIBBS: bool>(s: S, exponent: S::F, bits: S::U) -> S::U {
    // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits of the sum.
    const ROUND: f32 = 12_582_912.0;
    const C: [f32; 5] = [0.693_146_97, 0.240_221_2, 0.055_507_13, 0.009_675_541, 0.001_327_647_2];
    const RESOLUTION: u32 = 30;
    let most = if GIBBS { -NEVER } else { 0.0 };
    let x = s.min(s.max(exponent, s.splat(NEVER)), s.splat(most));
    // Metropolis takes the power in units of the random number at once.
    let (round, unit) = if GIBBS { (ROUND, 1.0) } else { (ROUND + RESOLUTION as f32, 1.0) };
    let shifted = s.add(x, s.splat(round));
    let r = s.sub(x, s.sub(shifted, s.splat(round)));
    let mut p = s.splat(C[4]);
    for c in [C[3], C[2], C[1], C[0], unit] {
        p = s.mul_add(r, p, s.splat(c));
    }
    let mut power = s.as_floats(s.add_int(s.as_ints(p), s.shl::<23>(s.as_ints(shifted))));
    if GIBBS {
        let scaled = s.mul(power, s.splat((1u32 << RESOLUTION) as f32));
        power = s.div(scaled, s.add(power, s.splat(1.0)));
    }
    s.greater(s.truncate(power), s.shr::<2>(bits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Portable;

    fn count<const GIBBS: bool>(exponent: f32, bits: impl Fn(u32) -> u32) -> u32 {
        let s = Portable;
        let bits = s.ints(std::array::from_fn(|k| bits(k as u32)));
        s.signs(accepted::<_, GIBBS>(s, s.splat(exponent), bits)).count_ones()
    }

    #[test]
    fn as_many_are_accepted_as_the_probability_says() {
        // Of a grid of uniform numbers.
        for exponent in [0.0f32, -0.1, -0.5, -0.50001, -1.0, -3.3, -7.9, -11.5, 0.3, 2.0, 9.9] {
            let grid = 1 << 16;
            let place = |first: u32| move |k: u32| ((first + k) << 16) | 0x8000;
            let metropolis: u32 = (0..grid).step_by(8).map(|k| count::<false>(exponent, place(k))).sum();
            let gibbs: u32 = (0..grid).step_by(8).map(|k| count::<true>(exponent, place(k))).sum();
            let power = f64::from(exponent).exp2();
            for (found, wanted) in [(metropolis, power.min(1.0)), (gibbs, power / (1.0 + power))] {
                let wanted = wanted * f64::from(grid);
                assert!((f64::from(found) - wanted).abs() <= 1.0, "{exponent}: {found} of {wanted}");
            }
        }
    }

    #[test]
    fn nothing_is_accepted_at_never_and_all_at_zero() {
        for never in [NEVER, -1e30, f32::NEG_INFINITY] {
            assert_eq!(count::<false>(never, |_| 0), 0);
            assert_eq!(count::<true>(never, |_| 0), 0);
        }
        for always in [0.0, 1e30, f32::INFINITY] {
            assert_eq!(count::<false>(always, |_| u32::MAX), 8);
        }
        // Heat bath leaves even the best flip out once in 2^30.
        assert_eq!(count::<true>(f32::INFINITY, |_| u32::MAX - 8), 8);
        assert_eq!(count::<true>(0.0, |k| k << 29), 4);
    }
}
