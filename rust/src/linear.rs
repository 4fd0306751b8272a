//! Sums over biases: energies of given states, and what rounding took off the fields of a problem of variables 0 and 1.

use crate::bits::{States, gather};
use crate::simd::in_vectors;

/// States that are summed side by side.
const LANES: usize = 16;

/// Energies of states of `fields.len()` spins, row by row: `sum_k values[k] s_i s_j + sum_i fields[i] s_i`
/// with `i = rows[k]`, `j = cols[k]`.
///
/// Spins are kept as bits, of `LANES` states side by side, so that a product with two spins is a change of sign by
/// the exclusive or of two bits.
///
/// # Errors
/// The number of the first coupling with an index that is none of a spin.
///
/// # Panics
/// Where the lengths do not fit.
pub fn energies(
    states: States,
    rows: &[i64],
    cols: &[i64],
    values: &[f64],
    fields: &[f64],
    out: &mut [f64],
) -> Result<(), usize> {
    let spins = fields.len();
    assert!(spins == 0 || states.count(spins) == Some(out.len()), "states, fields and out must fit");
    assert!(rows.len() == values.len() && cols.len() == values.len(), "rows, cols and values must fit");
    if spins == 0 && !values.is_empty() {
        return Err(0);
    }
    let (mut down, mut bytes) = (vec![0_u16; spins], vec![0; spins]);
    for (k, out) in out.chunks_mut(LANES).enumerate() {
        down.fill(0);
        match states.part(spins, k * LANES, LANES) {
            States::Spins(states) => {
                for (lane, state) in states.chunks_exact(spins.max(1)).enumerate() {
                    down.iter_mut().zip(state).for_each(|(down, &s)| *down |= u16::from(s < 0) << lane);
                }
            }
            States::Bits(states) => {
                for (k, eight) in states.chunks(8 * spins.div_ceil(8).max(1)).enumerate() {
                    gather(eight, &mut bytes);
                    down.iter_mut().zip(&bytes).for_each(|(down, &byte)| *down |= u16::from(byte) << (8 * k));
                }
            }
        }
        add_energies(&down, rows, cols, values, fields, out)?;
    }
    Ok(())
}

in_vectors!(fn add_energies(down: &[u16], rows: &[i64], cols: &[i64], values: &[f64], fields: &[f64], sums: &mut [f64]) -> Result<(), usize> = add_energies_in_loops);

/// Energies of up to `LANES` states, given by which spins are down in which of them.
#[inline(always)]
fn add_energies_in_loops(
    down: &[u16],
    rows: &[i64],
    cols: &[i64],
    values: &[f64],
    fields: &[f64],
    sums: &mut [f64],
) -> Result<(), usize> {
    let mut local = [0.0; LANES]; // in registers
    let mut add = |value: f64, down: u16| {
        for (lane, sum) in local.iter_mut().enumerate() {
            *sum += if down >> lane & 1 == 1 { -value } else { value };
        }
    };
    for (k, ((&i, &j), &value)) in rows.iter().zip(cols).zip(values).enumerate() {
        // Negative numbers are far too large ones.
        let (Some(a), Some(b)) = (down.get(i as usize), down.get(j as usize)) else { return Err(k) };
        add(value, a ^ b);
    }
    for (&field, &down) in fields.iter().zip(down) {
        add(field, down);
    }
    sums.copy_from_slice(&local[..sums.len()]);
    Ok(())
}

/// What Ising fields are short of: `linear[i] / 2 + sum_j quadratic_ij / 4 - fields[i]` for a problem of variables 0 and 1, to twice
/// the digits of a double. `fields` are that sum as somebody rounded it.
///
/// # Errors
/// The number of the first term with an index that is none of a variable.
///
/// # Panics
/// Where the lengths do not fit.
pub fn rest_of_fields(
    linear: &[f64],
    rows: &[i64],
    cols: &[i64],
    quadratic: &[f64],
    fields: &[f64],
) -> Result<Vec<f64>, usize> {
    assert!(linear.len() == fields.len() && rows.len() == quadratic.len() && cols.len() == quadratic.len());
    let mut sums: Vec<[f64; 2]> = fields.iter().zip(linear).map(|(h, a)| two_sum(-h, a / 2.0)).collect();
    for (k, &value) in quadratic.iter().enumerate() {
        for i in [rows[k], cols[k]] {
            let sum = sums.get_mut(i as usize).ok_or(k)?;
            let [high, low] = two_sum(sum[0], value / 4.0);
            *sum = [high, sum[1] + low];
        }
    }
    Ok(sums.into_iter().map(|[high, low]| high + low).collect())
}

/// A sum and its rounding error: Knuth, The Art of Computer Programming 2, 4.2.2, theorem B.
fn two_sum(a: f64, b: f64) -> [f64; 2] {
    let sum = a + b;
    let of_b = sum - a;
    [sum, (a - (sum - of_b)) + (b - of_b)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energies_of_a_chain() {
        let states: Vec<i8> = [[1, 1, 1], [1, -1, 1], [-1, -1, 1]].concat().repeat(7);
        let mut out = [0.0; 21];
        energies(States::Spins(&states), &[0, 1], &[1, 2], &[1.0, -2.0], &[0.5, 0.0, 4.0], &mut out).unwrap();
        assert_eq!(out.to_vec(), [3.5, 5.5, 6.5].repeat(7));
        // The same from bits, with a byte for each state.
        let bits = [0b1110_0000, 0b1010_0110, 0b0010_0000].repeat(7);
        energies(States::Bits(&bits), &[0, 1], &[1, 2], &[1.0, -2.0], &[0.5, 0.0, 4.0], &mut out).unwrap();
        assert_eq!(out.to_vec(), [3.5, 5.5, 6.5].repeat(7));
        for index in [-1, 3] {
            let found =
                energies(States::Spins(&states), &[0, 1], &[1, index], &[1.0, -2.0], &[0.5, 0.0, 4.0], &mut out);
            assert_eq!(found, Err(1));
        }
    }

    #[test]
    fn rest_of_rounded_fields() {
        // -3.3 / 2 beside a penalty of 6e15 / 4, which is rounded to a quarter.
        let (linear, quadratic) = ([-3.3, 0.0, 0.0], [2e15, 4e15]);
        let fields = [1.5e15 - 1.65, 0.5e15, 1e15];
        let rest = rest_of_fields(&linear, &[0, 2], &[1, 0], &quadratic, &fields).unwrap();
        assert_eq!(rest, [1.5e15 - fields[0] - 1.65, 0.0, 0.0]);
        assert!(rest[0] != 0.0);
        assert_eq!(rest_of_fields(&linear, &[0, 3], &[1, 0], &quadratic, &fields), Err(1));
    }

    #[test]
    fn energies_of_nothing() {
        let mut out = [1.0; 14];
        energies(States::Spins(&[]), &[], &[], &[], &[], &mut out).unwrap();
        assert_eq!(out, [0.0; 14]);
        assert_eq!(energies(States::Bits(&[]), &[0], &[0], &[1.0], &[], &mut out), Err(0));
    }
}
