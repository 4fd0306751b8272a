//! The hyperbolic tangent, the mean of a spin in a field, and what else becomes of a mean.

use crate::simd::Simd;

/// What becomes of a mean. A trait and no closure, which would be compiled without the processor's vectors.
pub(super) trait Update<S: Simd> {
    /// The next mean of spin `i`, of its local field and its mean.
    fn next(&mut self, s: S, i: usize, field: S::F, m: S::F) -> S::F;
}

/// The hyperbolic tangent, off by at most 4e-7: `x P(x^2) / Q(x^2)`, fitted to relative errors of 1e-8 up to 9.1, where the
/// tangent is 1 to the last bit.
#[inline(always)]
pub(super) fn tanh<S: Simd>(s: S, x: S::F) -> S::F {
    const P: [f32; 7] =
        [1.0, 0.130_797_24, 3.099_162_4e-3, 1.110_392_9e-5, -2.001_914_9e-8, 5.177_692e-11, -8.228_471e-14];
    const Q: [f32; 4] = [1.0, 0.464_130_52, 2.447_610_7e-2, 2.539_151_2e-4];
    let x = clip(s, x, 9.1);
    let square = s.mul(x, x);
    let [mut p, mut q] = [s.splat(P[6]), s.splat(Q[3])];
    for k in (0..6).rev() {
        p = s.mul_add(p, square, s.splat(P[k]));
    }
    for k in (0..3).rev() {
        q = s.mul_add(q, square, s.splat(Q[k]));
    }
    clip(s, s.div(s.mul(x, p), q), 1.0)
}

/// Held to `[-limit, limit]`.
#[inline(always)]
fn clip<S: Simd>(s: S, x: S::F, limit: f32) -> S::F {
    let (zero, low) = (s.splat(0.0), s.splat(-limit));
    s.sub(zero, s.max(s.sub(zero, s.max(x, low)), low))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Portable;

    #[test]
    fn tangents() {
        let s = Portable;
        for k in -20_000..=20_000 {
            let x = k as f32 / 1500.0;
            let found = s.float_array(tanh(s, s.splat(x)))[0];
            assert!((f64::from(found) - f64::from(x).tanh()).abs() < 4e-7, "{x}: {found}");
        }
        for (x, wanted) in [(f32::INFINITY, 1.0), (-1e30, -1.0), (0.0, 0.0)] {
            assert_eq!(s.float_array(tanh(s, s.splat(x)))[0], wanted);
        }
    }
}
