//! Machines that are no annealers: amplitudes or phases that flow, all spins of a run at once, with noise.
//!
//! Each spin has a state `x_i` of its own, of which the others see one number (an amplitude) or two (cosine and sine of
//! a phase); the laws of motion are in `laws.rs`. In step `t` all spins see the states after step `t - 1`:
//!
//! ```text
//! pull_i = g (h_i + sum_j J_ij seen_j) ,     x_i <- law(x_i, pull_i, ramp[t], noise[t] xi_i)
//! ```
//!
//! A state takes 16 runs side by side, 64 bytes; spins are updated in fours, which share a list of neighbours:
//!
//! ```text
//! four of spins    [ neighbour 7 | 9 | 12 | .. ]      the neighbours of any of them; in a layer all have the same
//!                  [ J J J J     | J J J J | .. ]     0 where one of the four has no such neighbour
//!                    4 sums in registers: a neighbour's states are read once for four spins
//! ```
//!
//! Cost of a step of 16 runs: a multiplication and addition for each coupling from each of its ends (two where two
//! numbers are seen), and about 40 instructions a spin, 12 of them for the noise. On K(120, 40) with AVX-512 a step
//! of 16 runs takes 4.2 us for amplitudes and 6.9 us for phases, on a core shared with other work, where a sweep of the
//! layered kernel took 2.3 us. Nothing else was tried yet.
//!
//! Sums are of floats, in the order of the neighbours, so they are the same everywhere; whatever the processor, `x_i` is
//! the same to the last bit.

use super::job::Job;
use super::kernel::Kernel;
use super::lanes::Lanes;
use super::laws::{Amplitude, Law, Phase};
use super::method::Dynamics;
use crate::rng::{INITIAL, Keys};
use crate::simd::Simd;

/// Four spins and what they are coupled to.
struct Four {
    neighbours: Vec<u32>,
    /// Times the gain.
    couplings: Vec<[f32; 4]>,
}

/// A number times the gain, kept so small that sums stay finite: states are held to 1, and this is far beyond.
fn gained(number: f64) -> f32 {
    number.clamp(-1e18, 1e18) as f32
}

impl Four {
    fn new(job: &Job, gain: f64, first: usize) -> Self {
        let rows: Vec<_> =
            (first..job.couplings.num_spins().min(first + 4)).map(|i| job.couplings.row(i)).collect();
        let mut neighbours = rows[0].0.to_vec();
        if rows.iter().any(|row| row.0 != rows[0].0) {
            neighbours.extend(rows[1..].iter().flat_map(|row| row.0));
            neighbours.sort_unstable();
            neighbours.dedup();
        }
        let mut couplings = vec![[0.0; 4]; neighbours.len()];
        for (k, (of_spin, values)) in rows.into_iter().enumerate() {
            let mut at = 0;
            for (&j, &value) in of_spin.iter().zip(values) {
                while neighbours[at] != j {
                    at += 1;
                }
                couplings[at][k] = gained(gain * value);
            }
        }
        Four { neighbours, couplings }
    }
}

/// A batch under a law whose states show `N` numbers.
pub(super) struct Flow<'a, L, const N: usize> {
    job: &'a Job<'a>,
    dynamics: &'a Dynamics,
    law: L,
    fours: Vec<Four>,
}

impl<'a, L: Law<N>, const N: usize> Flow<'a, L, N> {
    pub(super) fn new(job: &'a Job<'a>, dynamics: &'a Dynamics, law: L) -> Self {
        let firsts = (0..job.couplings.num_spins()).step_by(4);
        let fours = firsts.map(|first| Four::new(job, dynamics.gain, first)).collect();
        Flow { job, dynamics, law, fours }
    }
}

/// The kernel of each motion.
pub(super) fn amplitudes<'a>(job: &'a Job<'a>, dynamics: &'a Dynamics, saturation: f64) -> Flow<'a, Amplitude, 1> {
    Flow::new(job, dynamics, Amplitude { saturation: saturation as f32 })
}

pub(super) fn phases<'a>(job: &'a Job<'a>, dynamics: &'a Dynamics) -> Flow<'a, Phase, 2> {
    Flow::new(job, dynamics, Phase)
}

impl<L: Law<N>, const N: usize> Kernel for Flow<'_, L, N> {
    fn end(&self, chunk: usize) -> usize {
        Lanes::end(self.job, chunk, 1)
    }

    #[inline(always)]
    fn run<S: Simd>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        let (job, n) = (self.job, self.job.couplings.num_spins());
        let keys = Keys::new(s, &job.key);
        let lanes = Lanes::new(job, chunk, 1);
        let fields = lanes.fields(job);
        let gain = gained(self.dynamics.gain / job.scale);
        let mut x = self.begin(s, &keys, &lanes);
        let mut seen: Vec<[S::F; N]> = x.iter().map(|&x| self.law.seen(s, x)).collect();
        let mut next = seen.clone();
        for (t, (&ramp, &noise)) in self.dynamics.ramp.iter().zip(&self.dynamics.noise).enumerate() {
            if job.stopped() {
                return;
            }
            let start = keys.start(s, lanes.counters(0, t as u32));
            let (ramp, noise) = (s.splat(ramp as f32), noise as f32);
            for (first, four) in (0..n).step_by(4).zip(&self.fours) {
                let mut bits = [start; 4];
                let mut pulls = [[s.splat(0.0); N]; 4];
                for k in 0..4 {
                    bits[k] = s.xor(start, s.quarters((first + k) as u32));
                    [pulls[k][0]] = fields.times(s, gain, (first + k).min(n - 1), 0);
                }
                let bits = keys.finish(s, bits);
                for (&j, couplings) in four.neighbours.iter().zip(&four.couplings) {
                    let seen = seen[j as usize];
                    for k in 0..4 {
                        let coupling = s.splat(couplings[k]);
                        for m in 0..N {
                            pulls[k][m] = s.mul_add(coupling, seen[m], pulls[k][m]);
                        }
                    }
                }
                for k in 0..4.min(n - first) {
                    let i = first + k;
                    x[i] = self.law.step(s, x[i], seen[i], pulls[k], ramp, normal(s, noise, bits[k]));
                    next[i] = self.law.seen(s, x[i]);
                }
            }
            std::mem::swap(&mut seen, &mut next);
        }
        let down = |seen: &[S::F; N]| u64::from(!s.mask_bits(s.at_least(seen[0], s.splat(0.0))));
        let spins: Vec<u64> = seen.iter().map(down).collect();
        lanes.write_out(job, &spins, states, energies);
    }
}

impl<L: Law<N>, const N: usize> Flow<'_, L, N> {
    /// States within the spread of the spins given, or of what is neither up nor down.
    #[inline(always)]
    fn begin<S: Simd>(&self, s: S, keys: &Keys<S>, lanes: &Lanes) -> Vec<S::F> {
        let has_given = self.job.batch.has_initial_states();
        let given = has_given.then(|| lanes.initial_spins(s, self.job, keys));
        let start = keys.start(s, lanes.counters(0, INITIAL));
        let spread = s.splat((self.dynamics.spread / 2f64.powi(31)) as f32);
        let mut x = vec![s.splat(0.0); self.job.couplings.num_spins()];
        for (i, x) in x.iter_mut().enumerate() {
            let [bits] = keys.finish(s, [s.xor(start, s.quarters(i as u32))]);
            let spin = given.as_ref().map_or(s.splat(0.0), |spins| s.negate(s.masks(spins[i])[0], s.splat(1.0)));
            *x = self.law.begin(s, spin, s.mul(s.to_floats(bits), spread));
        }
        x
    }
}

/// Nearly Gaussian numbers of a standard deviation: the sum of the four bytes of 32 random bits. No number is beyond
/// 3.45 standard deviations, and the kurtosis is 2.7 in place of 3; what flows adds up many of them.
#[inline(always)]
fn normal<S: Simd>(s: S, deviation: f32, bits: S::U) -> S::F {
    // The variance of a byte is (256^2 - 1) / 12.
    const MEAN: f32 = 510.0;
    const DEVIATION: f32 = 147.800_54;
    let bytes = s.splat_int(0x00FF_00FF);
    let pairs = s.add_int(s.and(bits, bytes), s.and(s.shr::<8>(bits), bytes));
    let sum = s.add_int(s.and(pairs, s.splat_int(0xFFFF)), s.shr::<16>(pairs));
    s.mul(s.sub(s.to_floats(sum), s.splat(MEAN)), s.splat(deviation / DEVIATION))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{LANES, Portable, Row};

    #[test]
    fn noise_has_the_moments_of_a_gaussian_but_for_its_tails() {
        let s = Portable;
        // All sums of two bytes twice over, each as often as it occurs.
        let (mut count, mut moments) = (0.0, [0f64; 4]);
        for low in 0..=255u32 {
            for at in (0..256).step_by(LANES) {
                let bits = Row(std::array::from_fn(|k| {
                    let high = at as u32 + k as u32;
                    low | high << 8 | (255 - (low * 7 + high * 3) % 256) << 16 | ((low * 5 + high) % 256) << 24
                }));
                for x in s.float_array(normal(s, 2.0, s.ints(&bits))) {
                    count += 1.0;
                    for (k, moment) in moments.iter_mut().enumerate() {
                        *moment += f64::from(x).powi(k as i32 + 1);
                    }
                }
            }
        }
        assert!((moments[0] / count).abs() < 1e-6);
        assert!((moments[1] / count / 4.0 - 1.0).abs() < 0.2, "{}", moments[1] / count);
        let ends = s.float_array(normal(s, 1.0, s.splat_int(u32::MAX)));
        assert!(ends.iter().all(|x| (x - 3.4506).abs() < 1e-3));
    }
}
