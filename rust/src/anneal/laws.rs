//! The laws by which a spin's state moves: one for amplitudes, one for phases.

use crate::simd::Simd;

/// A law under which the others see `N` numbers of a state. The first is at least 0 where the spin is up.
pub(super) trait Law<const N: usize>: Sync {
    /// Where a spin (-1, +1, or 0 for neither) begins, off by `offset`.
    fn begin<S: Simd>(&self, s: S, spin: S::F, offset: S::F) -> S::F;

    /// What the others see.
    fn seen<S: Simd>(&self, s: S, x: S::F) -> [S::F; N];

    /// The state after a step; `pull` is the gain times `h_i + sum_j J_ij seen_j`, the field in its first number.
    fn step<S: Simd>(&self, s: S, x: S::F, seen: [S::F; N], pull: [S::F; N], ramp: S::F, noise: S::F) -> S::F;
}

/// `x <- clip((ramp - saturation x^2) x - pull + noise)`, held to [-1, 1].
pub(super) struct Amplitude {
    pub(super) saturation: f32,
}

impl Law<1> for Amplitude {
    #[inline(always)]
    fn begin<S: Simd>(&self, s: S, spin: S::F, offset: S::F) -> S::F {
        clip(s, s.add(spin, offset))
    }

    #[inline(always)]
    fn seen<S: Simd>(&self, _: S, x: S::F) -> [S::F; 1] {
        [x]
    }

    #[inline(always)]
    fn step<S: Simd>(&self, s: S, x: S::F, _: [S::F; 1], [pull]: [S::F; 1], ramp: S::F, noise: S::F) -> S::F {
        let keep = s.mul_add(s.mul(x, x), s.splat(-self.saturation), ramp);
        clip(s, s.mul_add(keep, x, s.sub(noise, pull)))
    }
}

/// `z <- z + sin(pi z) pull_cos - cos(pi z) pull_sin - ramp sin(2 pi z) + noise`, in half turns, -1 <= z < 1: down
/// the energy with cosines of differences for products of spins.
pub(super) struct Phase;

impl Law<2> for Phase {
    #[inline(always)]
    fn begin<S: Simd>(&self, s: S, spin: S::F, offset: S::F) -> S::F {
        wrap(s, s.add(s.mul_add(spin, s.splat(-0.5), s.splat(0.5)), offset))
    }

    #[inline(always)]
    fn seen<S: Simd>(&self, s: S, z: S::F) -> [S::F; 2] {
        let (sin, cos) = sin_cos_of_half(s, z);
        let twice = s.add(sin, sin);
        [s.sub(s.splat(1.0), s.mul(twice, sin)), s.mul(twice, cos)]
    }

    #[inline(always)]
    fn step<S: Simd>(
        &self,
        s: S,
        z: S::F,
        [cos, sin]: [S::F; 2],
        pull: [S::F; 2],
        ramp: S::F,
        noise: S::F,
    ) -> S::F {
        let torque = s.sub(s.mul(sin, pull[0]), s.mul(cos, pull[1]));
        let locked = s.mul(s.mul(s.add(ramp, ramp), sin), cos);
        // A phase that would turn further than half way round in a step does not move in time, but leaps.
        wrap(s, s.add(z, clip(s, s.add(s.sub(torque, locked), noise))))
    }
}

/// Held to [-1, 1].
#[inline(always)]
fn clip<S: Simd>(s: S, x: S::F) -> S::F {
    let zero = s.splat(0.0);
    let raised = s.max(x, s.splat(-1.0));
    s.sub(zero, s.max(s.sub(zero, raised), s.splat(-1.0)))
}

/// From [-3, 3) to [-1, 1), modulo 2.
#[inline(always)]
fn wrap<S: Simd>(s: S, z: S::F) -> S::F {
    let two = s.splat_int(2);
    let under = s.sub_where(s.at_least(z, s.splat(-1.0)), two, two);
    let turns = s.sub_where(s.at_least(z, s.splat(1.0)), under, two);
    s.add(z, s.to_floats(turns))
}

/// `sin(pi z / 2)` and `cos(pi z / 2)` for |z| <= 1, off by at most 2e-7: `z P(z^2)` and `(1 - z^2) Q(z^2)`, with
/// polynomials through Chebyshev's points.
#[inline(always)]
fn sin_cos_of_half<S: Simd>(s: S, z: S::F) -> (S::F, S::F) {
    const SIN: [f32; 5] = [1.570_796_4, -0.645_963_8, 0.079_689_92, -0.004_674_150_6, 0.000_151_675_12];
    const COS: [f32; 5] = [1.0, -0.233_700_5, 0.019_968_607, -0.000_893_536_14, 0.000_023_601_016];
    let square = s.mul(z, z);
    let (mut sin, mut cos) = (s.splat(SIN[4]), s.splat(COS[4]));
    for k in (0..4).rev() {
        sin = s.mul_add(sin, square, s.splat(SIN[k]));
        cos = s.mul_add(cos, square, s.splat(COS[k]));
    }
    (s.mul(sin, z), s.mul(cos, s.sub(s.splat(1.0), square)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Portable, Row};

    #[test]
    fn cosine_and_sine_of_a_phase() {
        let s = Portable;
        for at in 0..=20_000 {
            let z = at as f32 / 10_000.0 - 1.0;
            let [cos, sin] = Phase.seen(s, s.splat(z)).map(|seen| f64::from(s.float_array(seen)[0]));
            let angle = std::f64::consts::PI * f64::from(z);
            assert!((cos - angle.cos()).abs() < 6e-7 && (sin - angle.sin()).abs() < 6e-7, "{z}: {cos} {sin}");
        }
    }

    #[test]
    fn phases_stay_on_the_circle_and_amplitudes_in_range() {
        let s = Portable;
        let z = Row([-2.0, -1.5, -1.0, -0.5, 0.0, 0.99, 1.0, 1.5, 2.5, 2.0, -3.0, -2.5, 0.25, -0.25, 1.25, -1.25]);
        let found = s.float_array(wrap(s, s.floats(&z)));
        assert_eq!(found, z.0.map(|z| (z + 3.0).rem_euclid(2.0) - 1.0));
        let clipped = s.float_array(clip(s, s.floats(&z)));
        assert_eq!(clipped, z.0.map(|z| z.clamp(-1.0, 1.0)));
    }

    #[test]
    fn phases_go_down_the_energy() {
        // Of E = J cos(pi (z - y)) + h cos(pi z) - ramp / 2 cos(2 pi z), in units of pi.
        let (s, y, coupling, field, ramp, step) = (Portable, 0.3f64, 0.8f64, -0.4f64, 0.5f64, 1e-3f64);
        let pi = std::f64::consts::PI;
        let energy =
            |z: f64| coupling * (pi * (z - y)).cos() + field * (pi * z).cos() - ramp / 2.0 * (2.0 * pi * z).cos();
        for z in [-0.9, -0.4, 0.1, 0.35, 0.8] {
            let seen = Phase.seen(s, s.splat(z as f32));
            let [cos, sin] = Phase.seen(s, s.splat(y as f32)).map(|seen| s.float_array(seen)[0]);
            let pull = [
                s.splat((step * field + step * coupling * f64::from(cos)) as f32),
                s.splat((step * coupling * f64::from(sin)) as f32),
            ];
            let zero = s.splat(0.0);
            let moved = Phase.step(s, s.splat(z as f32), seen, pull, s.splat((step * ramp) as f32), zero);
            let slope = (energy(z + 1e-5) - energy(z - 1e-5)) / 2e-5 / pi;
            let found = (f64::from(s.float_array(moved)[0]) - z) / step;
            assert!((found + slope).abs() < 1e-3, "{z}: {found} {slope}");
        }
    }
}
