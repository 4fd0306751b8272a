//! Ising problems that shrink: spins that always agree become one.

use crate::Couplings;

/// Couplings between neighbours, each from both sides, and fields.
pub(super) struct Problem {
    /// Neighbours of spin `i` stand at `starts[i]..starts[i + 1]`.
    starts: Vec<usize>,
    neighbours: Vec<u32>,
    couplings: Vec<f64>,
    fields: Vec<f64>,
    /// What the energies of all states have in common.
    pub(super) offset: f64,
}

/// A problem of groups of spins.
///
/// Where group `g` is up, its spins are as they are in the state that the signs were taken from; where it is down,
/// all of them are turned over.
pub(super) struct Contraction {
    pub(super) problem: Problem,
    /// The group of each spin.
    pub(super) group: Vec<u32>,
}

impl Problem {
    pub(super) fn new(couplings: &Couplings, fields: &[f64]) -> Self {
        let n = couplings.num_spins();
        let mut starts = Vec::with_capacity(n + 1);
        starts.push(0);
        let (mut neighbours, mut values) = (vec![], vec![]);
        for i in 0..n {
            let (row, of_row) = couplings.row(i);
            neighbours.extend_from_slice(row);
            values.extend_from_slice(of_row);
            starts.push(neighbours.len());
        }
        Problem { starts, neighbours, couplings: values, fields: fields.to_vec(), offset: 0.0 }
    }

    pub(super) fn num_spins(&self) -> usize {
        self.fields.len()
    }

    pub(super) fn fields(&self) -> &[f64] {
        &self.fields
    }

    /// The neighbours of spin `i`, and its couplings to them.
    fn row(&self, i: usize) -> impl Iterator<Item = (usize, f64)> {
        let range = self.starts[i]..self.starts[i + 1];
        self.neighbours[range.clone()].iter().map(|&j| j as usize).zip(self.couplings[range].iter().copied())
    }

    /// Each coupled pair once: rows, columns and couplings.
    pub(super) fn pairs(&self) -> (Vec<i64>, Vec<i64>, Vec<f64>) {
        let (mut rows, mut cols, mut values) = (vec![], vec![], vec![]);
        for i in 0..self.num_spins() {
            for (j, value) in self.row(i).filter(|&(j, _)| j > i) {
                rows.push(i as i64);
                cols.push(j as i64);
                values.push(value);
            }
        }
        (rows, cols, values)
    }

    /// The mean over the spins of the largest that a local field can be.
    pub(super) fn mean_reach(&self) -> f64 {
        let sum = self.couplings.iter().chain(&self.fields).map(|value| value.abs()).sum::<f64>();
        sum / self.num_spins().max(1) as f64
    }

    /// Makes groups of coupled spins of the same class. `signs` and `energy` are those of the state in which all groups
    /// are up.
    pub(super) fn contracted(&self, classes: &[u32], signs: &[f64], energy: f64) -> Contraction {
        const NONE: u32 = u32::MAX;
        let n = self.num_spins();
        let mut group = vec![NONE; n];
        let mut fields = vec![];
        // Couplings that leave a group, group by group.
        let (mut leaving, mut starts) = (Vec::<(u32, f64)>::new(), vec![0]);
        let mut queue: Vec<u32> = Vec::with_capacity(n);
        for root in 0..n {
            if group[root] != NONE {
                continue;
            }
            let (name, class) = (fields.len() as u32, classes[root]);
            group[root] = name;
            queue.clear();
            queue.push(root as u32);
            let (mut field, mut next) = (0.0, 0);
            while next < queue.len() {
                let i = queue[next] as usize;
                next += 1;
                field += signs[i] * self.fields[i];
                for (j, value) in self.row(i) {
                    if classes[j] != class {
                        leaving.push((j as u32, signs[i] * signs[j] * value));
                    } else if group[j] == NONE {
                        group[j] = name;
                        queue.push(j as u32);
                    }
                }
            }
            fields.push(field);
            starts.push(leaving.len());
        }
        let mut problem = Problem::of_groups(&group, fields, &leaving, &starts);
        let all_up = 0.5 * problem.couplings.iter().sum::<f64>() + problem.fields.iter().sum::<f64>();
        problem.offset = energy - all_up;
        Contraction { problem, group }
    }

    /// Adds up couplings to spins `leaving` the groups, those of group `g` from `starts[g]` on.
    fn of_groups(group: &[u32], fields: Vec<f64>, leaving: &[(u32, f64)], starts: &[usize]) -> Self {
        let groups = fields.len();
        let (mut sums, mut is_touched) = (vec![0.0; groups], vec![false; groups]);
        let mut touched = Vec::<u32>::new();
        let mut problem = Problem { starts: vec![0], neighbours: vec![], couplings: vec![], fields, offset: 0.0 };
        for range in starts.windows(2) {
            for &(j, value) in &leaving[range[0]..range[1]] {
                let other = group[j as usize];
                if !is_touched[other as usize] {
                    is_touched[other as usize] = true;
                    touched.push(other);
                }
                sums[other as usize] += value;
            }
            for other in touched.drain(..) {
                is_touched[other as usize] = false;
                let sum = std::mem::take(&mut sums[other as usize]);
                if sum != 0.0 {
                    problem.neighbours.push(other);
                    problem.couplings.push(sum);
                }
            }
            problem.starts.push(problem.neighbours.len());
        }
        problem
    }
}
