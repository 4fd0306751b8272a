//! The exponents of flips, for kernels that sum a spin's couplings anew for up to 64 runs: in single precision here, in
//! integers of several digits in `wide.rs`.

use super::Job;
use super::fixed::Fixed;
use super::lanes::{Fields, Lanes};
use super::sums::Sums;
use crate::simd::Simd;

/// `rate f_i`, which is the exponent of a flip from down to up, and minus that of one from up to down.
pub(super) trait Exponents: Sync {
    /// What the runs of a chunk share.
    type Chunk;
    /// What all spins of a sweep share.
    type Rate: Copy;

    fn of_chunk(&self, lanes: &Lanes) -> Self::Chunk;
    fn rate(&self, beta: f64) -> Self::Rate;
    /// Of spin `i` in each run, where `spins` holds a word for each spin.
    fn of<S: Simd, const W: usize>(
        &self,
        s: S,
        chunk: &Self::Chunk,
        rate: Self::Rate,
        i: usize,
        spins: &[u64],
    ) -> [S::F; W];
    /// A limit that no exponent below it is accepted at, whatever is drawn.
    fn raised<S: Simd, const W: usize>(&self, s: S, rate: Self::Rate, limits: [S::F; W]) -> [S::F; W];
}

/// Couplings to 31 bits of a spin's sum, fields as floats.
pub(super) struct Single<'a> {
    job: &'a Job<'a>,
    sums: Sums<'a>,
    unit: Vec<f32>,
}

impl<'a> Single<'a> {
    /// For chunks of so many vectors of runs.
    pub(super) fn new(job: &'a Job<'a>, vectors: usize) -> Self {
        let Fixed { terms, unit } = Fixed::new(job);
        Single { job, sums: Sums::new(job, terms, vectors), unit }
    }
}

impl Exponents for Single<'_> {
    type Chunk = Fields;
    type Rate = f32;

    fn of_chunk(&self, lanes: &Lanes) -> Fields {
        lanes.fields(self.job)
    }

    fn rate(&self, beta: f64) -> f32 {
        self.job.rate(beta)
    }

    #[inline(always)]
    fn of<S: Simd, const W: usize>(&self, s: S, fields: &Fields, rate: f32, i: usize, spins: &[u64]) -> [S::F; W] {
        let sums: [S::U; W] = self.sums.of(s, i, spins);
        let step = s.splat(rate * self.unit[i]);
        let mut exponents: [S::F; W] = fields.times(s, rate, i, 0);
        for v in 0..W {
            exponents[v] = s.mul_add(s.to_floats(sums[v]), step, exponents[v]);
        }
        exponents
    }

    #[inline(always)]
    fn raised<S: Simd, const W: usize>(&self, _: S, _: f32, limits: [S::F; W]) -> [S::F; W] {
        limits
    }
}
