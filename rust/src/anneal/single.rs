//! One run at a time, spin by spin: for a run or two of a problem, and for updates in random order.
//!
//! ```text
//! spin i   [ s_i | field i ]      four random numbers from one AES block, for four updates
//! ```
//!
//! The lanes of a vector hold nothing but the random numbers: two blocks at a time, for eight updates. Cost of
//! an update: about 15 instructions, and 3 a neighbour where it flips. With three runs of a problem the
//! kernels that fill lanes with runs are as fast, though they idle the others.
//!
//! In random order each update picks its spin anew, with replacement, as dwave-samplers does; the runs
//! then have no common order that could fill lanes.

use super::isa::Kernel;
use super::{Job, REFRESH};
use crate::rng::{INITIAL, Keys};
use crate::simd::Simd;

pub(super) struct Single<'a> {
    job: &'a Job<'a>,
    coupling: Vec<f32>,
}

impl<'a> Single<'a> {
    pub(super) fn new(job: &'a Job<'a>) -> Self {
        let coupling = job.model.couplings().iter().map(|&value| job.scaled(value)).collect();
        Single { job, coupling }
    }
}

impl Kernel for Single<'_> {
    fn end(&self, chunk: usize) -> usize {
        chunk + 1
    }

    #[inline(always)]
    fn run<S: Simd>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        if self.job.batch.random_order {
            self.anneal::<S, true>(s, chunk, states);
        } else {
            self.anneal::<S, false>(s, chunk, states);
        }
        energies[0] = self.job.energy(chunk, states);
    }
}

impl Single<'_> {
    #[inline(always)]
    fn anneal<S: Simd, const RANDOM_ORDER: bool>(&self, s: S, run: usize, spins: &mut [i8]) {
        let job = self.job;
        let n = spins.len();
        let keys = Keys::new(s, &job.key);
        let (problem, read) = job.problem_and_read(run);
        let id = job.batch.problem_ids[problem];
        // The numbers of updates k .. k + 8.
        let eight = |k: usize, sweep: u32, what: u32| {
            let block = (k / 4) as u32 | what;
            keys.finish(s, keys.start(s, [block, sweep, read, id, block + 1, sweep, read, id]))
        };
        match job.initial_state(run) {
            Some(state) => spins.copy_from_slice(state),
            None => {
                for (b, eight_spins) in spins.chunks_mut(8).enumerate() {
                    for (spin, bits) in eight_spins.iter_mut().zip(s.int_array(eight(8 * b, INITIAL, 0))) {
                        *spin = if bits >> 31 == 0 { 1 } else { -1 };
                    }
                }
            }
        }
        let mut fields = vec![0f32; n];
        for (t, rate) in job.rates() {
            if t % REFRESH == 0 {
                self.refresh(run, spins, &mut fields);
            }
            for first in (0..n).step_by(8) {
                if first % 4096 == 0 && job.stopped() {
                    return;
                }
                let bits = eight(first, t, 0);
                let limits = s.float_array(limits(s, bits, job.batch.gibbs()));
                let picks = if RANDOM_ORDER { s.int_array(eight(first, t, ORDER)) } else { [0; 8] };
                for (k, (limit, pick)) in limits.into_iter().zip(picks).take(n - first).enumerate() {
                    let i = if RANDOM_ORDER { (pick as usize * n) >> 32 } else { first + k };
                    let spin = f32::from(spins[i]);
                    if rate * (spin * fields[i]) >= limit {
                        spins[i] = -spins[i];
                        let (neighbours, at) = job.model.pattern().row(i);
                        for (&j, value) in neighbours.iter().zip(&self.coupling[at..]) {
                            fields[j as usize] -= 2.0 * spin * value;
                        }
                    }
                }
            }
        }
    }

    /// The local fields from the spins: `f_i = h_i + sum_j J_ij s_j`.
    fn refresh(&self, run: usize, spins: &[i8], fields: &mut [f32]) {
        for (i, (f, &h)) in fields.iter_mut().zip(self.job.fields(run)).enumerate() {
            let (neighbours, at) = self.job.model.pattern().row(i);
            let couplings = neighbours.iter().zip(&self.coupling[at..]);
            *f = self.job.scaled(h) + couplings.map(|(&j, v)| v * f32::from(spins[j as usize])).sum::<f32>();
        }
    }
}

/// Marks the counters of numbers that pick spins.
const ORDER: u32 = 1 << 31;

/// The exponents from which on flips are accepted: `log2 u` (Metropolis) or `log2 u / (1 - u)` (Gibbs), for
/// `u` uniform of 30 bits. A flip of probability `2^x` is accepted where `u <= 2^x`.
#[inline(always)]
fn limits<S: Simd>(s: S, bits: S::U, gibbs: bool) -> S::F {
    let whole = s.shr::<2>(bits);
    let log = log2(s, s.add(s.to_floats(whole), s.splat(0.5)));
    let other = if gibbs {
        let rest = s.and_not(s.splat_int(u32::MAX >> 2), whole);
        log2(s, s.add(s.to_floats(rest), s.splat(0.5)))
    } else {
        s.splat(30.0)
    };
    s.sub(log, other)
}

/// `log2 x` of positive normal numbers to 4e-7: the exponent, and of the mantissa `1 + t` the polynomial
/// `t Q(t)`, a Chebyshev fit.
#[inline(always)]
fn log2<S: Simd>(s: S, x: S::F) -> S::F {
    const Q: [f32; 8] = [
        1.442_694_8,
        -0.721_310_73,
        0.480_073_75,
        -0.353_454_68,
        0.256_179_7,
        -0.155_599_97,
        0.063_787_594,
        -0.012_370_643,
    ];
    let bits = s.as_ints(x);
    let exponent = s.sub(s.to_floats(s.shr::<23>(bits)), s.splat(127.0));
    let mantissa = s.or(s.and(bits, s.splat_int(0x007F_FFFF)), s.splat_int(0x3F80_0000));
    let t = s.sub(s.as_floats(mantissa), s.splat(1.0));
    let mut q = s.splat(Q[7]);
    for c in Q[..7].iter().rev() {
        q = s.mul_add(q, t, s.splat(*c));
    }
    s.mul_add(q, t, exponent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Portable;

    #[test]
    fn logarithm_is_close() {
        let s = Portable;
        for k in 0..4000 {
            let x = 0.5 + (k as f32).powi(2) * 60.0 + k as f32 * 0.001;
            let found = s.float_array(log2(s, s.splat(x)))[0];
            assert!((f64::from(found) - f64::from(x).log2()).abs() < 3e-6, "{x}: {found}");
        }
        assert_eq!(s.float_array(log2(s, s.splat(2f32.powi(30))))[0], 30.0);
    }

    #[test]
    fn limits_are_met_as_often_as_the_probability_says() {
        let s = Portable;
        for x in [0.0f32, -0.5, -3.3, -9.0, 1.7] {
            for gibbs in [false, true] {
                let grid = 1u32 << 16;
                let met = (0..grid).step_by(8).map(|first| {
                    let bits = s.ints(std::array::from_fn(|k| ((first + k as u32) << 16) | 0x8000));
                    s.float_array(limits(s, bits, gibbs)).iter().filter(|&&l| x >= l).count() as f64
                });
                let power = f64::from(x).exp2();
                let wanted = if gibbs { power / (1.0 + power) } else { power.min(1.0) } * f64::from(grid);
                assert!((met.sum::<f64>() - wanted).abs() <= 1.0, "{x} {gibbs}");
            }
        }
    }
}
