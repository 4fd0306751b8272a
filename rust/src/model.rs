//! The problem: couplings as compressed sparse rows, fields, and every check on what comes in.

use std::fmt::Display;

/// Why a batch cannot be annealed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// What is wrong with the problem: the text names the value and what was expected.
    #[error("{0}")]
    Input(String),
    /// The samples do not fit into memory.
    #[error("{runs} reads of {spins} spins do not fit into memory")]
    Memory {
        /// Reads of all problems.
        runs: usize,
        /// Spins of a problem.
        spins: usize,
    },
}

fn bad<T>(text: impl Display) -> Result<T, Error> {
    Err(Error::Input(text.to_string()))
}

/// The couplings of an Ising problem, each stored from both of its ends.
///
/// ```text
/// row_start  0     2        5 ...      neighbours of spin i and their couplings stand at
/// neighbour  3 7 | 0 2 9  | ...        row_start[i] .. row_start[i + 1], in rising order
/// coupling   J J | J J J  | ...
/// ```
#[derive(Debug, Clone)]
pub struct Model {
    row_start: Vec<usize>,
    neighbour: Vec<u32>,
    coupling: Vec<f64>,
    largest: f64,
}

impl Model {
    /// Couplings `values[k]` between spins `rows[k]` and `cols[k]` of `num_spins` spins. A pair given
    /// more than once, in either order, gets the sum.
    ///
    /// # Errors
    /// On lengths that differ, an index out of range, a self-loop, or a value that is not finite.
    pub fn new(num_spins: usize, rows: &[i64], cols: &[i64], values: &[f64]) -> Result<Self, Error> {
        if rows.len() != cols.len() || rows.len() != values.len() {
            return bad(format_args!(
                "couplings: rows, cols and values must have one length, got {}, {} and {}",
                rows.len(),
                cols.len(),
                values.len()
            ));
        }
        if num_spins > u32::MAX as usize {
            return bad(format_args!("{num_spins} spins: at most {} are supported", u32::MAX));
        }
        let mut row_start = vec![0usize; num_spins + 1];
        for ((k, &i), (&j, &value)) in rows.iter().enumerate().zip(cols.iter().zip(values)) {
            for index in [i, j] {
                if index < 0 || index as usize >= num_spins {
                    return bad(format_args!(
                        "coupling {k} names spin {index}, but the problem has spins 0..{num_spins}"
                    ));
                }
            }
            if i == j {
                return bad(format_args!("coupling {k} joins spin {i} to itself; a coupling needs two spins"));
            }
            if !value.is_finite() {
                return bad(format_args!(
                    "coupling {k} between spins {i} and {j} is {value}, not a finite number"
                ));
            }
            row_start[i as usize + 1] += 1;
            row_start[j as usize + 1] += 1;
        }
        for i in 0..num_spins {
            row_start[i + 1] += row_start[i];
        }
        let mut next = row_start.clone();
        let mut neighbour = vec![0u32; 2 * rows.len()];
        let mut coupling = vec![0f64; 2 * rows.len()];
        for ((&i, &j), &value) in rows.iter().zip(cols).zip(values) {
            for (from, to) in [(i, j), (j, i)] {
                let slot = &mut next[from as usize];
                neighbour[*slot] = to as u32;
                coupling[*slot] = value;
                *slot += 1;
            }
        }
        let mut model = Model { row_start, neighbour, coupling, largest: 0.0 };
        model.sort_rows_and_merge();
        model.largest = model.coupling.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        if model.largest.is_infinite() {
            return bad("couplings given more than once add up to an infinite coupling");
        }
        Ok(model)
    }

    /// Brings every row into rising order and adds up couplings of the same pair. Rows that are in
    /// order already, the usual case, are only looked at.
    fn sort_rows_and_merge(&mut self) {
        let n = self.num_spins();
        let sorted =
            (0..n).all(|i| self.neighbour[self.row_start[i]..self.row_start[i + 1]].is_sorted_by(|a, b| a < b));
        if sorted {
            return;
        }
        let mut end = 0;
        let mut row = Vec::new();
        for i in 0..n {
            let range = self.row_start[i]..self.row_start[i + 1];
            row.clear();
            row.extend(self.neighbour[range.clone()].iter().copied().zip(self.coupling[range].iter().copied()));
            // Stable: equal pairs add up in the order given, the same order seen from both ends.
            row.sort_by_key(|&(j, _)| j);
            self.row_start[i] = end;
            for &(j, value) in &row {
                if end > self.row_start[i] && self.neighbour[end - 1] == j {
                    self.coupling[end - 1] += value;
                } else {
                    self.neighbour[end] = j;
                    self.coupling[end] = value;
                    end += 1;
                }
            }
        }
        self.row_start[n] = end;
        self.neighbour.truncate(end);
        self.coupling.truncate(end);
    }

    /// The number of spins.
    pub fn num_spins(&self) -> usize {
        self.row_start.len() - 1
    }

    /// The neighbours of spin `i`, rising, and the couplings to them.
    pub fn row(&self, i: usize) -> (&[u32], &[f64]) {
        let range = self.row_start[i]..self.row_start[i + 1];
        (&self.neighbour[range.clone()], &self.coupling[range])
    }

    /// The number of couplings; a pair counts once.
    pub fn num_couplings(&self) -> usize {
        self.neighbour.len() / 2
    }
}

/// What to anneal on a [`Model`]: fields, schedule, reads, initial states, and the random streams.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// `(problems, spins)`, row by row.
    pub fields: &'a [f64],
    /// Inverse temperature of each sweep.
    pub betas: &'a [f64],
    /// Independent anneals of each problem.
    pub num_reads: usize,
    /// `(problems, reads, spins)` of -1 and +1, or random states.
    pub initial_states: Option<&'a [i8]>,
    /// Seed of every random number.
    pub seed: u64,
    /// One id for each problem: its random numbers depend on the seed, this id and the read only.
    pub problem_ids: &'a [u32],
    /// Power of two that brings the problem's energies within reach of single precision.
    pub(crate) scale: f64,
}

impl<'a> Batch<'a> {
    /// A checked batch.
    ///
    /// # Errors
    /// On lengths that do not fit `model`, numbers that are not finite, a negative inverse
    /// temperature, no reads or sweeps, or initial states other than -1 and +1.
    pub fn new(
        model: &Model,
        fields: &'a [f64],
        betas: &'a [f64],
        num_reads: usize,
        initial_states: Option<&'a [i8]>,
        seed: u64,
        problem_ids: &'a [u32],
    ) -> Result<Self, Error> {
        let n = model.num_spins();
        if fields.len() != n * problem_ids.len() {
            return bad(format_args!(
                "fields hold {} numbers, expected {} problems x {n} spins",
                fields.len(),
                problem_ids.len()
            ));
        }
        if num_reads == 0 || num_reads > u32::MAX as usize {
            return bad(format_args!("num_reads is {num_reads}, expected 1 to {}", u32::MAX));
        }
        // The last number is the one that names the initial state in the random stream.
        if betas.is_empty() || betas.len() >= u32::MAX as usize {
            return bad(format_args!("{} sweeps, expected 1 to {}", betas.len(), u32::MAX - 1));
        }
        if let Some((k, beta)) = betas.iter().enumerate().find(|(_, b)| !(b.is_finite() && **b >= 0.0)) {
            return bad(format_args!("beta of sweep {k} is {beta}, expected a finite number >= 0"));
        }
        if let Some((k, h)) = fields.iter().enumerate().find(|(_, h)| !h.is_finite()) {
            let (problem, spin) = (k / n, k % n);
            return bad(format_args!("field of spin {spin} in problem {problem} is {h}, not a finite number"));
        }
        if let Some(states) = initial_states {
            if states.len() != fields.len() * num_reads {
                return bad(format_args!(
                    "initial states hold {} spins, expected {} problems x {num_reads} reads x {n} spins",
                    states.len(),
                    problem_ids.len()
                ));
            }
            if let Some(s) = states.iter().find(|s| !matches!(s, -1 | 1)) {
                return bad(format_args!("initial states hold a spin {s}, expected -1 or +1"));
            }
        }
        let largest = fields.iter().fold(model.largest, |m, h| m.max(h.abs()));
        Ok(Batch { fields, betas, num_reads, initial_states, seed, problem_ids, scale: scale_for(largest) })
    }

    /// The fields of problem `p`.
    pub(crate) fn problem_fields(&self, p: usize, num_spins: usize) -> &'a [f64] {
        &self.fields[p * num_spins..(p + 1) * num_spins]
    }
}

/// The kernels work in single precision. Ordinary numbers go in as they are (scale 1); a problem whose
/// largest number is far from 1 is multiplied by a power of two, which rounds nothing, and its
/// inverse temperatures are divided by it.
fn scale_for(largest: f64) -> f64 {
    if largest == 0.0 || (2f64.powi(-40)..2f64.powi(40)).contains(&largest) {
        1.0
    } else {
        let exponent = -largest.log2().floor().clamp(-1000.0, 1000.0);
        2f64.powi(exponent as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_add_up_from_both_ends() {
        let m = Model::new(3, &[0, 2, 1, 0], &[1, 0, 0, 2], &[1.0, 2.0, 0.5, 0.25]).unwrap();
        assert_eq!(m.row(0), (&[1u32, 2][..], &[1.5, 2.25][..]));
        assert_eq!(m.row(1), (&[0u32][..], &[1.5][..]));
        assert_eq!(m.row(2), (&[0u32][..], &[2.25][..]));
        assert_eq!(m.num_couplings(), 2);
    }

    #[test]
    fn bad_couplings_are_named() {
        let text = |r: Result<Model, Error>| r.unwrap_err().to_string();
        assert!(text(Model::new(2, &[0], &[0], &[1.0])).contains("spin 0 to itself"));
        assert!(text(Model::new(2, &[0], &[2], &[1.0])).contains("spin 2"));
        assert!(text(Model::new(2, &[-1], &[1], &[1.0])).contains("spin -1"));
        assert!(text(Model::new(2, &[0], &[1], &[f64::NAN])).contains("NaN"));
        assert!(text(Model::new(2, &[0], &[1], &[])).contains("one length"));
        assert!(text(Model::new(2, &[0, 1], &[1, 0], &[f64::MAX, f64::MAX])).contains("infinite"));
    }

    #[test]
    fn scale_keeps_ordinary_problems_as_they_are() {
        assert_eq!(scale_for(3.7), 1.0);
        assert_eq!(scale_for(0.0), 1.0);
        for largest in [1e300, 1e-300, 5e-324, f64::MAX] {
            let scaled = largest * scale_for(largest);
            assert!(scaled.is_finite() && scaled > 0.0, "{largest} -> {scaled}");
        }
    }
}
