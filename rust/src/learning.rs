//! The arithmetic of learning: fields from pixels, the update of the pixels' weights, correlations of spins, and Adam.
//!
//! The first two skip pixels that are 0, four fifths of a handwritten digit, and add up in one fixed
//! order, so the answer does not depend on threads or on a BLAS library's idea of blocking. Correlations are counts:
//!
//! ```text
//! x w       row by row of w, which is read once for 32 images
//! x^T d     units in blocks that stay in registers while the rows of d of all images in which a pixel is not 0 go by
//! s s^T     bits of 64 states in a word for each spin: an exclusive or and a count of bits for each pair
//! ```

use crate::bits::slice;
use crate::simd::in_vectors;
use std::ops::Range;

/// Images whose fields stay in the first-level cache.
const IMAGES: usize = 32;
/// Rows of a product that are added up before the next are read.
const ROWS: usize = 64;
/// Units that are summed side by side.
const BLOCK: usize = 32;

/// `out = bias + x w` for `x (batch, inputs)`, `w (inputs, units)`, `bias (units)`, all row by row.
///
/// # Panics
/// Where the lengths do not fit.
pub fn project(x: &[f32], w: &[f32], bias: &[f32], out: &mut [f32]) {
    let (inputs, units) = (w.len() / bias.len(), bias.len());
    assert_eq!(x.len() * units, out.len() * inputs, "x, w and out must fit");
    project_all(x, w, bias, out);
}

in_vectors!(fn project_all(x: &[f32], w: &[f32], bias: &[f32], out: &mut [f32]) = project_in_loops);

#[inline(always)]
fn project_in_loops(x: &[f32], w: &[f32], bias: &[f32], out: &mut [f32]) {
    let (inputs, units) = (w.len() / bias.len(), bias.len());
    for (x, out) in x.chunks(IMAGES * inputs).zip(out.chunks_mut(IMAGES * units)) {
        for out in out.chunks_exact_mut(units) {
            out.copy_from_slice(bias);
        }
        for (k, row) in w.chunks_exact(units).enumerate() {
            for (x, out) in x.chunks_exact(inputs).zip(out.chunks_exact_mut(units)) {
                if x[k] != 0.0 {
                    for (sum, w) in out.iter_mut().zip(row) {
                        *sum += x[k] * w;
                    }
                }
            }
        }
    }
}

/// `w += x^T d`, then clipped to `[-limit, limit]`, in place, for `x (batch, inputs)`,
/// `d (batch, units)`, `w (inputs, units)`.
///
/// # Panics
/// Where the lengths do not fit, or `limit` is negative or no number.
pub fn add_outer(w: &mut [f32], x: &[f32], d: &[f32], units: usize, limit: f32) {
    let inputs = w.len() / units;
    assert_eq!(x.len() * units, d.len() * inputs, "x, d and w must fit");
    outer_all(w, x, d, units, limit);
}

in_vectors!(fn outer_all(w: &mut [f32], x: &[f32], d: &[f32], units: usize, limit: f32) = outer_in_loops);

#[inline(always)]
fn outer_in_loops(w: &mut [f32], x: &[f32], d: &[f32], units: usize, limit: f32) {
    let inputs = w.len() / units;
    let (mut terms, mut touched) = (Vec::with_capacity(ROWS), vec![false; inputs]);
    // Rows of x and d that stay in the caches while all of w goes by: places of windows are many rows an image.
    for (x, d) in x.chunks(ROWS * inputs).zip(d.chunks(ROWS * units)) {
        for (k, row) in w.chunks_exact_mut(units).enumerate() {
            terms.clear();
            for (image, x) in x.chunks_exact(inputs).enumerate() {
                if x[k] != 0.0 {
                    terms.push((x[k], image));
                }
            }
            touched[k] |= !terms.is_empty();
            add_rows(&terms, d, row);
        }
    }
    for (row, _) in w.chunks_exact_mut(units).zip(touched).filter(|(_, touched)| *touched) {
        row.iter_mut().for_each(|w| *w = w.clamp(-limit, limit));
    }
}

/// Adds to `out` each of its terms: a factor times a row of `rows`, in their order.
#[inline(always)]
fn add_rows(terms: &[(f32, usize)], rows: &[f32], out: &mut [f32]) {
    let units = out.len();
    let rest = add_blocks::<BLOCK>(terms, rows, units, out);
    let rest = add_blocks::<{ BLOCK / 4 }>(terms, rows, units, rest);
    let first = units - rest.len();
    for &(factor, row) in terms {
        for (sum, w) in rest.iter_mut().zip(&rows[row * units + first..]) {
            *sum += factor * w;
        }
    }
}

/// The same for the last units of each row, as far as they fill blocks; returns the rest.
#[inline(always)]
fn add_blocks<'a, const N: usize>(
    terms: &[(f32, usize)],
    rows: &[f32],
    units: usize,
    out: &'a mut [f32],
) -> &'a mut [f32] {
    let first = units - out.len();
    let (blocks, rest) = out.as_chunks_mut::<N>();
    for (block, out) in blocks.iter_mut().enumerate() {
        let mut sums = *out; // in registers
        for &(factor, row) in terms {
            let row = &rows[row * units + first + block * N..][..N];
            for (sum, w) in sums.iter_mut().zip(row) {
                *sum += factor * w;
            }
        }
        *out = sums;
    }
    rest
}

/// `w += change`, then clipped to `[-limit, limit]`, in place, in one pass.
///
/// # Panics
/// Where the lengths differ, or `limit` is negative or no number.
pub fn add(w: &mut [f32], change: &[f32], limit: f32) {
    assert_eq!(w.len(), change.len(), "w and change must fit");
    w.iter_mut().zip(change).for_each(|(w, c)| *w = (*w + c).clamp(-limit, limit));
}

/// A step of Adam (Kingma and Ba, <https://arxiv.org/abs/1412.6980>) along a change `c`, the negative of a gradient:
///
/// ```text
/// m <- 0.9 m + 0.1 c ,   v <- 0.999 v + 0.001 c^2 ,   w <- clip(w + rate m / (1 - 0.9^t) / sqrt(v / (1 - 0.999^t)))
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Adam {
    /// What is added to the root before it divides.
    least: f32,
    rate: f32,
}

/// How much of the mean change and of its mean square is kept at each update, and the least root to divide by.
const MEAN: f64 = 0.9;
const SQUARE: f64 = 0.999;
const LEAST: f64 = 1e-8;

impl Adam {
    /// Update number `update`, from 1 on, that moves a number by `rate` where all changes point the same way.
    pub fn new(update: u32, rate: f64) -> Self {
        let [mean_left, square_left] = [MEAN, SQUARE].map(|kept| 1.0 - kept.powf(f64::from(update)));
        let root = square_left.sqrt();
        Adam { least: (LEAST * root) as f32, rate: (rate * root / mean_left) as f32 }
    }

    /// Changes `w` and what it remembers, `m` and `v`, in place; no `change` is one of 0. Clips `w` to
    /// `[-limit, limit]`.
    ///
    /// # Panics
    /// Where the lengths differ, or `limit` is negative or no number.
    pub fn step(self, w: &mut [f32], change: Option<&[f32]>, (m, v): (&mut [f32], &mut [f32]), limit: f32) {
        assert!(m.len() == w.len() && v.len() == w.len(), "w, m and v must fit");
        let Some(change) = change else {
            // What this is added to stays as it is.
            return adam_step(self, w, &vec![-0.0; m.len()], m, v, limit);
        };
        assert_eq!(w.len(), change.len(), "w and change must fit");
        adam_step(self, w, change, m, v, limit);
    }
}

in_vectors!(
    fn adam_step(adam: Adam, w: &mut [f32], change: &[f32], m: &mut [f32], v: &mut [f32], limit: f32)
        = adam_step_in_loops
);

/// One number after the other, each operation rounded to single precision.
#[inline(always)]
fn adam_step_in_loops(adam: Adam, w: &mut [f32], change: &[f32], m: &mut [f32], v: &mut [f32], limit: f32) {
    for (((w, c), m), v) in w.iter_mut().zip(change).zip(m).zip(v) {
        *m = *m * MEAN as f32 + (1.0 - MEAN) as f32 * c;
        *v = *v * SQUARE as f32 + c * c * (1.0 - SQUARE) as f32;
        let step = *m / (v.sqrt() + adam.least) * adam.rate;
        *w = (*w + step).clamp(-limit, limit);
    }
}

/// `out[i][j] += sum over states of s_i s_j` for spins `i` of `before` and `j` of `after`, for `states` of
/// `num_spins` spins each, row by row: -1 and +1, or any small numbers, which take longer.
///
/// # Panics
/// Where the ranges or lengths do not fit.
pub fn add_products(states: &[i8], num_spins: usize, before: Range<usize>, after: Range<usize>, out: &mut [i32]) {
    assert_eq!(out.len(), before.len() * after.len(), "out must hold a number for each pair");
    if out.is_empty() {
        return;
    }
    let (mut down, mut bytes, mut wrong) = (vec![0u64; num_spins], vec![0; num_spins], vec![0; num_spins]);
    for states in states.chunks(64 * num_spins) {
        down.fill(0);
        slice(states, &mut down, &mut bytes, &mut wrong);
        if wrong.iter().all(|&wrong| wrong == 0) {
            add_counts(states.len() / num_spins, &down[before.clone()], &down[after.clone()], out);
        } else {
            wrong.fill(0);
            add_small_products(states, num_spins, before.clone(), after.clone(), out);
        }
    }
}

in_vectors!(fn add_counts(states: usize, before: &[u64], after: &[u64], out: &mut [i32]) = add_counts_in_loops);

/// Adds the sums over up to 64 states, from the bits of the spins that are down in them.
#[inline(always)]
fn add_counts_in_loops(states: usize, before: &[u64], after: &[u64], out: &mut [i32]) {
    for (&one, row) in before.iter().zip(out.chunks_exact_mut(after.len())) {
        for (sum, &other) in row.iter_mut().zip(after) {
            *sum += states as i32 - 2 * (one ^ other).count_ones() as i32;
        }
    }
}

/// `out[i][j] += sum over states and places of s_i s_j`, for `states` of `num_spins` spins each, row by row, and spins
/// `before (places, I)` and `after (places, J)`: -1 and +1, or any small numbers, which take longer.
///
/// # Panics
/// Where a spin is not in the states, or the lengths do not fit.
pub fn add_window_products(
    states: &[i8],
    num_spins: usize,
    places: usize,
    before: &[usize],
    after: &[usize],
    out: &mut [i32],
) {
    assert_eq!(out.len() * places * places, before.len() * after.len(), "out must hold a number for each pair");
    if out.is_empty() || places == 0 {
        return;
    }
    let windows = || before.chunks_exact(before.len() / places).zip(after.chunks_exact(after.len() / places));
    let (mut down, mut bytes, mut wrong) = (vec![0u64; num_spins], vec![0; num_spins], vec![0; num_spins]);
    let picked = |down: &[u64], spins: &[usize]| spins.iter().map(|&i| down[i]).collect::<Vec<_>>();
    for states in states.chunks(64 * num_spins) {
        down.fill(0);
        slice(states, &mut down, &mut bytes, &mut wrong);
        if wrong.iter().all(|&wrong| wrong == 0) {
            for (before, after) in windows() {
                add_counts(states.len() / num_spins, &picked(&down, before), &picked(&down, after), out);
            }
            continue;
        }
        wrong.fill(0);
        for state in states.chunks_exact(num_spins) {
            for (before, after) in windows() {
                for (&i, row) in before.iter().zip(out.chunks_exact_mut(after.len())) {
                    for (sum, &j) in row.iter_mut().zip(after) {
                        *sum += i32::from(state[i]) * i32::from(state[j]);
                    }
                }
            }
        }
    }
}

fn add_small_products(
    states: &[i8],
    num_spins: usize,
    before: Range<usize>,
    after: Range<usize>,
    out: &mut [i32],
) {
    for state in states.chunks_exact(num_spins) {
        let others = &state[after.clone()];
        for (&s, row) in state[before.clone()].iter().zip(out.chunks_exact_mut(others.len())) {
            let s = i32::from(s);
            row.iter_mut().zip(others).for_each(|(sum, &t)| *sum += s * i32::from(t));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_products() {
        let (x, w, bias) = ([1.0, 0.0, 2.0, 0.0, 3.0, 0.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.5, -0.5]);
        let mut out = [0.0; 4];
        project(&x, &w, &bias, &mut out);
        assert_eq!(out, [11.5, 13.5, 9.5, 11.5]);

        let mut w = [0.0, 0.0, 0.5, 0.5, 9.0, 0.0];
        add_outer(&mut w, &x, &[0.25, 0.5, 0.125, -4.0], 2, 1.0);
        assert_eq!(w, [0.25, 0.5, 0.875, -1.0, 1.0, 1.0]);

        add(&mut w, &[0.25, 1.0, -0.5, -0.5, -3.0, 0.0], 1.0);
        assert_eq!(w, [0.5, 1.0, 0.375, -1.0, -1.0, 1.0]);
    }

    #[test]
    fn products_of_spins() {
        let states = [1, -1, 1, 1, 1, 1, -1, -1];
        let mut out = [10, 0, 0, 0];
        add_products(&states, 4, 0..2, 2..4, &mut out);
        assert_eq!(out, [10, 0, -2, -2]);
    }

    #[test]
    fn products_of_windows_are_those_of_their_places() {
        for low in [-1, 0] {
            let states: Vec<i8> = (0..9 * 70).map(|k| if (k * k + k / 5) % 7 < 3 { low } else { 1 }).collect();
            let (before, after) = ([0, 1, 2, 2, 3, 4], [8, 7, 6, 5]);
            let mut out = vec![2; 3 * 2];
            add_window_products(&states, 9, 2, &before, &after, &mut out);
            for (k, found) in out.into_iter().enumerate() {
                let (i, j) = (k / 2, k % 2);
                let of_state =
                    |s: &[i8], p: usize| i32::from(s[before[3 * p + i]]) * i32::from(s[after[2 * p + j]]);
                let wanted: i32 = states.chunks(9).map(|s| of_state(s, 0) + of_state(s, 1)).sum();
                assert_eq!(found, 2 + wanted);
            }
        }
    }

    #[test]
    fn products_of_many_spins_and_of_neurons() {
        for count in [1, 63, 64, 130] {
            for low in [-1, 0] {
                let spin = |k: usize| if (k * k + k / 5) % 7 < 3 { low } else { 1 };
                let states: Vec<i8> = (0..9 * count).map(spin).collect();
                let mut out = vec![1; 4 * 5];
                add_products(&states, 9, 0..4, 4..9, &mut out);
                for (k, found) in out.into_iter().enumerate() {
                    let pairs = states.chunks(9).map(|s| i32::from(s[k / 5]) * i32::from(s[4 + k % 5]));
                    assert_eq!(found, 1 + pairs.sum::<i32>());
                }
            }
        }
    }

    #[test]
    fn terms_are_added_one_after_the_other() {
        // In blocks and out of them, each sum rounded as in a plain loop.
        let number = |k: usize| (k * 7919 % 1009) as f32 / 313.0 - 1.5;
        let x: Vec<f32> = (0..5 * 7).map(|k| if k % 3 == 0 { 0.0 } else { number(k) }).collect();
        for units in [1, 31, 32, 33, 100] {
            let numbers = |count: usize| (0..count * units).map(number).collect::<Vec<f32>>();
            let (w, d) = (numbers(7), numbers(5));
            let mut out = vec![0.0; 5 * units];
            project(&x, &w, &d[..units], &mut out);
            let mut moved = w.clone();
            add_outer(&mut moved, &x, &d, units, 2.0);
            for unit in 0..units {
                for image in 0..5 {
                    let sum = (0..7).fold(d[unit], |sum, k| sum + x[7 * image + k] * w[k * units + unit]);
                    assert_eq!(out[image * units + unit], sum);
                }
                for k in 0..7 {
                    let at = k * units + unit;
                    let sum = (0..5).fold(w[at], |sum, image| sum + x[7 * image + k] * d[image * units + unit]);
                    assert_eq!(moved[at], sum.clamp(-2.0, 2.0));
                }
            }
        }
    }

    #[test]
    fn first_step_of_adam_is_the_rate() {
        let (mut w, mut m, mut v) = ([0.0, 0.5, -0.9, 0.25], [0.0; 4], [0.0; 4]);
        Adam::new(1, 0.125).step(&mut w, Some(&[3.0, -0.01, -7.0, 0.0]), (&mut m, &mut v), 1.0);
        for (found, wanted) in w.into_iter().zip([0.125, 0.375, -1.0, 0.25]) {
            assert!((found - wanted).abs() < 1e-5, "{w:?}");
        }
        let before = (w, m, v);
        Adam::new(2, 0.0).step(&mut w, None, (&mut m, &mut v), 1.0);
        assert!(w == before.0 && m == before.1.map(|m| m * 0.9) && v == before.2.map(|v| v * 0.999));
    }
}
