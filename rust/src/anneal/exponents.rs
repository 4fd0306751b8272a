//! The exponents of flips from sums of couplings, digit by digit, for all kernels that keep such sums: in single precision
//! here, in integers of several digits in `wide.rs`.
//!
//! Every kernel takes the same steps in the same order, each rounded once, so that they agree to the last bit:
//!
//! ```text
//! x <- rate h_i                 as a float, or 0 where the field is one more term of the sums
//! x <- x and the next digit     for each digit of the sum of couplings
//! x <- finished                 rate f_i, to be compared with what `raised` makes of a limit
//! ```

use super::fixed::Fixed;
use super::job::Job;
use super::lanes::{Fields, Lanes};
use crate::simd::Simd;

/// The operations on floats that this takes, of vectors and of single numbers alike.
pub(super) trait Floats: Copy {
    type F: Copy;
    type U: Copy;

    fn splat(self, x: f32) -> Self::F;
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    fn max(self, a: Self::F, b: Self::F) -> Self::F;
    fn to_floats(self, a: Self::U) -> Self::F;
}

impl<S: Simd> Floats for S {
    type F = S::F;
    type U = S::U;

    #[inline(always)]
    fn splat(self, x: f32) -> S::F {
        Simd::splat(self, x)
    }
    #[inline(always)]
    fn mul(self, a: S::F, b: S::F) -> S::F {
        Simd::mul(self, a, b)
    }
    #[inline(always)]
    fn mul_add(self, a: S::F, b: S::F, c: S::F) -> S::F {
        Simd::mul_add(self, a, b, c)
    }
    #[inline(always)]
    fn max(self, a: S::F, b: S::F) -> S::F {
        Simd::max(self, a, b)
    }
    #[inline(always)]
    fn to_floats(self, a: S::U) -> S::F {
        Simd::to_floats(self, a)
    }
}

/// One number at a time.
#[derive(Clone, Copy)]
pub(super) struct Scalar;

impl Floats for Scalar {
    type F = f32;
    type U = i32;

    #[inline(always)]
    fn splat(self, x: f32) -> f32 {
        x
    }
    #[inline(always)]
    fn mul(self, a: f32, b: f32) -> f32 {
        a * b
    }
    #[inline(always)]
    fn mul_add(self, a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }
    #[inline(always)]
    fn max(self, a: f32, b: f32) -> f32 {
        if a > b { a } else { b }
    }
    #[inline(always)]
    fn to_floats(self, a: i32) -> f32 {
        a as f32
    }
}

/// `rate f_i`, which is the exponent of a flip from down to up, and minus that of one from up to down.
pub(super) trait Exponents: Sync {
    /// Whether fields are floats beside the sums; else they are terms of them.
    const FIELDS: bool;
    /// What all updates of a sweep share.
    type Rate: Copy;

    /// The fields of a chunk, as far as they are beside the sums.
    fn fields(job: &Job, lanes: &Lanes) -> Fields {
        if Self::FIELDS { lanes.fields(job) } else { Fields::zeros(job) }
    }
    fn rate(&self, job: &Job, beta: f64) -> Self::Rate;
    /// What multiplies a field that is beside the sums; 0 where none is.
    fn of_field(rate: Self::Rate) -> f32;
    /// What a unit of spin `i`'s sum is worth.
    fn factor(&self, rate: Self::Rate, i: usize) -> f32;
    /// The exponent so far, and one more digit of the sum of a spin with this factor.
    fn with_digit<N: Floats>(&self, n: N, so_far: N::F, sum: N::U, factor: N::F) -> N::F;
    /// The exponent of all digits.
    fn finished<N: Floats>(&self, n: N, so_far: N::F, factor: N::F) -> N::F;
    /// A limit that no exponent below it is accepted at, whatever is drawn.
    fn raised<N: Floats>(n: N, limit: N::F, rate: Self::Rate) -> N::F;
}

/// Couplings to 31 bits of a spin's sum, fields as floats.
pub(super) struct Short<'a> {
    unit: &'a [f32],
}

impl<'a> Short<'a> {
    pub(super) fn new(fixed: &'a Fixed) -> Self {
        Short { unit: &fixed.unit }
    }

    /// Of spins in another order, whose units are given.
    pub(super) fn of_units(unit: &'a [f32]) -> Self {
        Short { unit }
    }
}

impl Exponents for Short<'_> {
    const FIELDS: bool = true;
    type Rate = f32;

    fn rate(&self, job: &Job, beta: f64) -> f32 {
        job.rate(beta)
    }

    #[inline(always)]
    fn of_field(rate: f32) -> f32 {
        rate
    }

    #[inline(always)]
    fn factor(&self, rate: f32, i: usize) -> f32 {
        rate * self.unit[i]
    }

    #[inline(always)]
    fn with_digit<N: Floats>(&self, n: N, so_far: N::F, sum: N::U, factor: N::F) -> N::F {
        n.mul_add(n.to_floats(sum), factor, so_far)
    }

    #[inline(always)]
    fn finished<N: Floats>(&self, _: N, so_far: N::F, _: N::F) -> N::F {
        so_far
    }

    #[inline(always)]
    fn raised<N: Floats>(_: N, limit: N::F, _: f32) -> N::F {
        limit
    }
}
