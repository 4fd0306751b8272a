//! Couplings: which spins are coupled, as compressed sparse rows, and how strongly; with every check on what comes in.

use crate::error::{Error, bad, filled, room};
use std::sync::{Arc, OnceLock};

/// Which spins are coupled: what stays the same while a network learns.
///
/// Each pair is stored from both of its ends:
///
/// ```text
/// row_start  0     2        5 ...      neighbours of spin i stand at row_start[i] .. row_start[i + 1],
/// neighbour  3 7 | 0 2 9  | ...        in rising order; the numbers of `Couplings` stand beside them
/// ```
#[derive(Debug)]
pub struct Pattern {
    row_start: Vec<usize>,
    neighbour: Vec<u32>,
    /// Where coupling `k` stands, from its two ends.
    slots: Vec<[u32; 2]>,
    max_degree: usize,
    sides: OnceLock<Option<Sides>>,
}

impl Pattern {
    /// Couplings between spins `rows[k]` and `cols[k]` of `num_spins` spins.
    ///
    /// # Errors
    /// On lengths that differ, an index out of range, or a self-loop, and if there is no memory.
    pub fn new(num_spins: usize, rows: &[i64], cols: &[i64]) -> Result<Self, Error> {
        if rows.len() != cols.len() {
            return bad(format_args!(
                "couplings: rows and cols must have one length, got {} and {}",
                rows.len(),
                cols.len()
            ));
        }
        if num_spins > u32::MAX as usize || rows.len() > (u32::MAX / 2) as usize {
            return bad(format_args!("{num_spins} spins and {} couplings are too many", rows.len()));
        }
        let no_memory = |_| Error::ModelMemory { spins: num_spins, couplings: rows.len() };
        let mut row_start = row_starts(num_spins, rows, cols)?;
        // Every coupling once from each end, as neighbour << 32 | 2 coupling + end, row by row.
        let mut next = room(row_start.len()).map_err(no_memory)?;
        next.extend_from_slice(&row_start);
        let mut entries = filled(2 * rows.len(), 0u64).map_err(no_memory)?;
        for (k, (&i, &j)) in rows.iter().zip(cols).enumerate() {
            for (end, (from, to)) in [(0, (i, j)), (1, (j, i))] {
                let at = &mut next[from as usize];
                entries[*at] = (to as u64) << 32 | (k as u64) << 1 | end;
                *at += 1;
            }
        }
        let mut neighbour = room(entries.len()).map_err(no_memory)?;
        let mut slots = filled(rows.len(), [0u32; 2]).map_err(no_memory)?;
        for i in 0..num_spins {
            let row = &mut entries[row_start[i]..row_start[i + 1]];
            // Couplings of one pair stay in the order given, and so add up alike from both ends.
            row.sort_unstable();
            row_start[i] = neighbour.len();
            for &entry in &*row {
                let (j, k, end) = ((entry >> 32) as u32, (entry as u32 >> 1) as usize, (entry & 1) as usize);
                if neighbour.len() == row_start[i] || neighbour[neighbour.len() - 1] != j {
                    neighbour.push(j);
                }
                slots[k][end] = neighbour.len() as u32 - 1;
            }
        }
        row_start[num_spins] = neighbour.len();
        let max_degree = row_start.windows(2).map(|row| row[1] - row[0]).max().unwrap_or(0);
        Ok(Pattern { row_start, neighbour, slots, max_degree, sides: OnceLock::new() })
    }

    /// The two sides of the spins, if no coupling lies within one; worked out once.
    pub(crate) fn sides(&self) -> Option<&Sides> {
        self.sides.get_or_init(|| Sides::find(self)).as_ref()
    }

    /// The number of spins.
    pub fn num_spins(&self) -> usize {
        self.row_start.len() - 1
    }

    /// The number of coupled pairs.
    pub fn num_pairs(&self) -> usize {
        self.neighbour.len() / 2
    }

    /// The largest number of spins that one is coupled to.
    pub(crate) fn max_degree(&self) -> usize {
        self.max_degree
    }

    /// The spins coupled to spin `i`, rising.
    pub fn neighbours(&self, i: usize) -> &[u32] {
        self.row(i).0
    }

    /// The spins coupled to spin `i`, and where its couplings begin.
    pub(crate) fn row(&self, i: usize) -> (&[u32], usize) {
        let (start, end) = (self.row_start[i], self.row_start[i + 1]);
        (&self.neighbour[start..end], start)
    }
}

/// Where the couplings of each spin would begin if none came twice; refuses what names no pair of spins.
fn row_starts(num_spins: usize, rows: &[i64], cols: &[i64]) -> Result<Vec<usize>, Error> {
    let no_memory = |_| Error::ModelMemory { spins: num_spins, couplings: rows.len() };
    let mut row_start = filled(num_spins + 1, 0usize).map_err(no_memory)?;
    for (k, (&i, &j)) in rows.iter().zip(cols).enumerate() {
        for index in [i, j] {
            if index < 0 || index as usize >= num_spins {
                return bad(format_args!(
                    "coupling {k} names spin {index}, but the problem has {num_spins} spins, numbered from 0"
                ));
            }
        }
        if i == j {
            return bad(format_args!("coupling {k} joins spin {i} to itself; a coupling needs two spins"));
        }
        row_start[i as usize + 1] += 1;
        row_start[j as usize + 1] += 1;
    }
    for i in 0..num_spins {
        row_start[i + 1] += row_start[i];
    }
    Ok(row_start)
}

/// Spins on two sides, with couplings from side to side and none within.
#[derive(Debug)]
pub(crate) struct Sides {
    /// The spins of each side, rising.
    pub(crate) spins: [Vec<u32>; 2],
    /// Each spin's place in its side.
    pub(crate) place: Vec<u32>,
}

impl Sides {
    fn find(pattern: &Pattern) -> Option<Self> {
        let n = pattern.num_spins();
        let mut side = vec![u8::MAX; n];
        let mut queue = Vec::with_capacity(n);
        for start in 0..n {
            if side[start] != u8::MAX {
                continue;
            }
            side[start] = 0;
            queue.push(start as u32);
            while let Some(i) = queue.pop() {
                let other = 1 - side[i as usize];
                for &j in pattern.neighbours(i as usize) {
                    match &mut side[j as usize] {
                        unseen @ &mut u8::MAX => {
                            *unseen = other;
                            queue.push(j);
                        }
                        seen if *seen != other => return None,
                        _ => {}
                    }
                }
            }
        }
        let mut spins = [vec![], vec![]];
        let mut place = vec![0; n];
        for (i, &side) in side.iter().enumerate() {
            place[i] = spins[side as usize].len() as u32;
            spins[side as usize].push(i as u32);
        }
        Some(Sides { spins, place })
    }
}

/// A pattern with a number for each pair.
#[derive(Debug, Clone)]
pub struct Couplings {
    pattern: Arc<Pattern>,
    values: Vec<f64>,
    largest: f64,
}

impl Couplings {
    /// Couplings `values[k]` between spins `rows[k]` and `cols[k]` of `num_spins` spins. A pair given
    /// more than once, in either order, gets the sum.
    ///
    /// # Errors
    /// As [`Pattern::new`] and [`Couplings::on`].
    pub fn new(num_spins: usize, rows: &[i64], cols: &[i64], values: &[f64]) -> Result<Self, Error> {
        Self::on(Arc::new(Pattern::new(num_spins, rows, cols)?), values)
    }

    /// Couplings `values[k]` in the order that the pattern was made in.
    ///
    /// # Errors
    /// On another number of values than of couplings, or one that is not finite, and if there is no memory.
    pub fn on(pattern: Arc<Pattern>, values: &[f64]) -> Result<Self, Error> {
        if values.len() != pattern.slots.len() {
            return bad(format_args!(
                "couplings: rows and cols have {} entries, values {}, expected as many",
                pattern.slots.len(),
                values.len()
            ));
        }
        if let Some(k) = values.iter().position(|v| !v.is_finite()) {
            return bad(format_args!("coupling {k} is {}, not a finite number", values[k]));
        }
        let no_memory = |_| Error::ModelMemory { spins: pattern.num_spins(), couplings: values.len() };
        let mut sums = filled(pattern.neighbour.len(), 0f64).map_err(no_memory)?;
        for (&[one, other], &value) in pattern.slots.iter().zip(values) {
            sums[one as usize] += value;
            sums[other as usize] += value;
        }
        // As integers the sizes of floats compare alike, and faster.
        let largest = f64::from_bits(sums.iter().fold(0, |m, v| m.max(v.abs().to_bits())));
        if largest.is_infinite() {
            return bad("couplings given more than once add up to an infinite coupling");
        }
        Ok(Couplings { pattern, values: sums, largest })
    }

    /// Which spins are coupled.
    pub fn pattern(&self) -> &Arc<Pattern> {
        &self.pattern
    }

    /// The number of spins.
    pub fn num_spins(&self) -> usize {
        self.pattern.num_spins()
    }

    /// The neighbours of spin `i`, rising, and the couplings to them.
    pub fn row(&self, i: usize) -> (&[u32], &[f64]) {
        let (neighbours, start) = self.pattern.row(i);
        (neighbours, &self.values[start..start + neighbours.len()])
    }

    /// The largest |coupling|.
    pub(crate) fn largest(&self) -> f64 {
        self.largest
    }

    /// The couplings of all rows, one after the other.
    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_add_up_from_both_ends() {
        let m = Couplings::new(3, &[0, 2, 1, 0], &[1, 0, 0, 2], &[1.0, 2.0, 0.5, 0.25]).unwrap();
        assert_eq!(m.row(0), (&[1u32, 2][..], &[1.5, 2.25][..]));
        assert_eq!(m.row(1), (&[0u32][..], &[1.5][..]));
        assert_eq!(m.row(2), (&[0u32][..], &[2.25][..]));
        assert_eq!(m.pattern().num_pairs(), 2);
    }

    #[test]
    fn bad_couplings_are_named() {
        let text = |r: Result<Couplings, Error>| r.unwrap_err().to_string();
        assert!(text(Couplings::new(2, &[0], &[0], &[1.0])).contains("spin 0 to itself"));
        assert!(text(Couplings::new(2, &[0], &[2], &[1.0])).contains("spin 2"));
        assert!(text(Couplings::new(2, &[-1], &[1], &[1.0])).contains("spin -1"));
        assert!(text(Couplings::new(2, &[0], &[1], &[f64::NAN])).contains("NaN"));
        assert!(text(Couplings::new(2, &[0], &[1], &[])).contains("expected as many"));
        assert!(text(Couplings::new(2, &[0], &[], &[])).contains("one length"));
        assert!(text(Couplings::new(2, &[0, 1], &[1, 0], &[f64::MAX, f64::MAX])).contains("infinite"));
    }
}
