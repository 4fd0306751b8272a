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

    /// Makes groups of coupled spins that are `alike`, which must be an equivalence; `sign` is each spin's in the
    /// state in which all groups are up.
    pub(super) fn contracted(
        &self,
        alike: impl Fn(usize, usize) -> bool,
        sign: impl Fn(usize) -> f64,
    ) -> Contraction {
        const NONE: u32 = u32::MAX;
        let n = self.num_spins();
        let mut group = vec![NONE; n];
        // Spins group by group: the groups' queues one after the other.
        let mut order: Vec<u32> = Vec::with_capacity(n);
        let mut first = vec![];
        for root in 0..n {
            if group[root] != NONE {
                continue;
            }
            let name = first.len() as u32;
            first.push(order.len());
            group[root] = name;
            order.push(root as u32);
            let mut next = order.len() - 1;
            while next < order.len() {
                let i = order[next] as usize;
                next += 1;
                for (j, _) in self.row(i) {
                    if group[j] == NONE && alike(root, j) {
                        group[j] = name;
                        order.push(j as u32);
                    }
                }
            }
        }
        first.push(n);
        let problem = self.of_groups(&group, &order, &first, sign);
        Contraction { problem, group }
    }

    /// Adds up fields and couplings of groups, whose spins stand in `order`, those of group `g` from `first[g]` on.
    fn of_groups(&self, group: &[u32], order: &[u32], first: &[usize], sign: impl Fn(usize) -> f64) -> Self {
        let groups = first.len() - 1;
        let (mut sums, mut touched) = (vec![0.0; groups], Vec::<u32>::new());
        let mut is_touched = vec![false; groups];
        let mut contracted = Problem {
            starts: vec![0],
            neighbours: vec![],
            couplings: vec![],
            fields: vec![0.0; groups],
            offset: self.offset,
        };
        let mut inner = 0.0;
        for g in 0..groups {
            for &i in &order[first[g]..first[g + 1]] {
                let i = i as usize;
                let s = sign(i);
                contracted.fields[g] += s * self.fields[i];
                for (j, value) in self.row(i) {
                    let h = group[j] as usize;
                    let value = value * s * sign(j);
                    if h == g {
                        inner += value;
                        continue;
                    }
                    if !is_touched[h] {
                        is_touched[h] = true;
                        touched.push(h as u32);
                    }
                    sums[h] += value;
                }
            }
            for h in touched.drain(..) {
                let sum = std::mem::take(&mut sums[h as usize]);
                is_touched[h as usize] = false;
                if sum != 0.0 {
                    contracted.neighbours.push(h);
                    contracted.couplings.push(sum);
                }
            }
            contracted.starts.push(contracted.neighbours.len());
        }
        // Each pair within a group was met from both sides.
        contracted.offset += 0.5 * inner;
        contracted
    }
}
