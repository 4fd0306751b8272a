//! The Metropolis decision for 16 spins at once.

/// The sign bit of a float.
pub(super) const SIGN: u32 = 1 << 31;

/// Below this exponent a flip is never accepted, so that a block whose exponents all lie below it
/// needs no random numbers: the smallest uniform number is half a unit of 2^-23.
pub(super) const NEVER: f32 = -24.0;

/// Lane `k` is all ones where the flip with probability `2^exponent[k]` is accepted by the random
/// `bits[k]`, else 0.
///
/// The uniform number is `(bits / 512 + 1/2) 2^-23`: with the half, what single precision holds. The
/// power is `2^n 2^r` with `n` the nearest integer, and `2^r` by its minimax polynomial of degree 5
/// (Remez, relative error 1.5e-7), held to 1 at 0 so that what costs nothing is always accepted.
/// Multiplication and addition stay apart, because a fused one rounds differently and not every
/// processor has it: the answer must be the same on all.
#[inline(always)]
pub(super) fn accept(exponent: &[f32; 16], bits: &[u32; 16]) -> [i32; 16] {
    // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits of the sum.
    const ROUND: f32 = 12_582_912.0;
    const C: [f32; 6] = [1.0, 0.693_146_97, 0.240_221_2, 0.055_507_13, 0.009_675_541, 0.001_327_647_2];
    std::array::from_fn(|k| {
        let x = exponent[k].clamp(NEVER - 1.0, 0.0);
        let shifted = x + ROUND;
        let r = x - (shifted - ROUND);
        let low = C[0] + r * (C[1] + r * (C[2] + r * (C[3] + r * (C[4] + r * C[5]))));
        // 2^23 2^x, by adding n + 23 to the exponent bits.
        let power = low.to_bits().wrapping_add((shifted.to_bits() << 23).wrapping_add(23 << 23));
        let uniform = (bits[k] >> 9) as i32 as f32 + 0.5;
        -i32::from(uniform < f32::from_bits(power))
    })
}

/// Lane by lane, the spins with those of `flips` turned.
#[inline(always)]
pub(super) fn turned(spins: &[f32; 16], flips: &[i32; 16]) -> [f32; 16] {
    std::array::from_fn(|k| f32::from_bits(spins[k].to_bits() ^ (flips[k] as u32 & SIGN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(exponent: &[f32; 16], bits: &[u32; 16]) -> u16 {
        accept(exponent, bits).iter().rev().fold(0, |mask, &lane| mask << 1 | u16::from(lane == -1))
    }

    #[test]
    fn threshold_is_the_power_of_two() {
        // The count of accepted numbers on a grid of uniforms is the probability.
        for exponent in [0.0f32, -0.1, -0.5, -0.50001, -1.0, -3.3, -7.9, -11.5] {
            let grid = 1 << 16;
            let mut accepted = 0;
            for first in (0..grid).step_by(16) {
                let bits = std::array::from_fn(|k| ((first + k as u32) << 16) | 0x8000);
                accepted += mask(&[exponent; 16], &bits).count_ones();
            }
            let wanted = f64::from(exponent).exp2() * f64::from(grid);
            assert!((f64::from(accepted) - wanted).abs() <= 1.0, "{exponent}: {accepted} of {wanted}");
        }
    }

    #[test]
    fn nothing_is_accepted_below_never_and_all_at_zero() {
        assert_eq!(mask(&[NEVER; 16], &[0; 16]), 0);
        assert_eq!(mask(&[f32::NEG_INFINITY; 16], &[0; 16]), 0);
        assert_eq!(mask(&[0.0; 16], &[u32::MAX; 16]), u16::MAX);
        assert_eq!(mask(&[f32::INFINITY; 16], &[u32::MAX; 16]), u16::MAX);
        let alternating = std::array::from_fn(|k| if k % 2 == 0 { 1.0 } else { -30.0 });
        assert_eq!(mask(&alternating, &[1 << 31; 16]), 0x5555);
    }
}
