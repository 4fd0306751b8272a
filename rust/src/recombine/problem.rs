//! Ising problems that shrink: spins that always agree become one.
//!
//! Each coupled pair stands once, with the later of its spins:
//!
//! ```text
//! starts      [ 0 0 1 3 .. ]              the earlier neighbours of spin i are those from starts[i] to starts[i + 1]
//! neighbours  [ 0 | 0 1 | .. ]            each below i
//! ```
//!
//! A contraction sorts the pairs into those of one class, which unite groups, and the others, which are added up. On a
//! Pegasus chip of 5,387 spins and 40,000 couplings that is half of the 0.36 ms of a child of many groups. Tried: groups
//! by a search from neighbour to neighbour over pairs that stand twice (0.54 ms), a test of each pair where it is met
//! (0.46 ms).

use crate::Couplings;

/// Couplings between neighbours, each once, and fields.
pub(super) struct Problem {
    starts: Vec<u32>,
    neighbours: Vec<u32>,
    couplings: Vec<f64>,
    fields: Vec<f64>,
    /// What the energies of all states have in common.
    pub(super) offset: f64,
}

/// Two coupled spins or groups, the later one first.
type Pair = (u32, u32);
/// The same with their coupling.
type Coupled = (u32, u32, f64);

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
        let mut problem = Problem::with_fields(fields.to_vec());
        for i in 0..problem.num_spins() {
            let (neighbours, values) = couplings.row(i);
            for (&j, &value) in neighbours.iter().zip(values).filter(|&(&j, _)| (j as usize) < i) {
                problem.neighbours.push(j);
                problem.couplings.push(value);
            }
            problem.starts.push(problem.neighbours.len() as u32);
        }
        problem
    }

    fn with_fields(fields: Vec<f64>) -> Self {
        Problem { starts: vec![0], neighbours: vec![], couplings: vec![], fields, offset: 0.0 }
    }

    pub(super) fn num_spins(&self) -> usize {
        self.fields.len()
    }

    pub(super) fn fields(&self) -> &[f64] {
        &self.fields
    }

    /// The neighbours of spin `i` before it, and its couplings to them.
    fn row(&self, i: usize) -> (&[u32], &[f64]) {
        let range = self.starts[i] as usize..self.starts[i + 1] as usize;
        (&self.neighbours[range.clone()], &self.couplings[range])
    }

    /// Each coupled pair once: rows, columns and couplings.
    pub(super) fn pairs(&self) -> (Vec<i64>, Vec<i64>, Vec<f64>) {
        let rows = (0..self.num_spins()).flat_map(|i| self.row(i).0.iter().map(move |_| i as i64)).collect();
        let cols = self.neighbours.iter().map(|&j| i64::from(j)).collect();
        (rows, cols, self.couplings.clone())
    }

    /// The mean over the spins of the largest that a local field can be.
    pub(super) fn mean_reach(&self) -> f64 {
        let of_pairs: f64 = self.couplings.iter().map(|value| 2.0 * value.abs()).sum();
        let of_fields: f64 = self.fields.iter().map(|value| value.abs()).sum();
        (of_pairs + of_fields) / self.num_spins().max(1) as f64
    }

    /// Makes groups of coupled spins of the same class. `signs` and `energy` are those of the state in which all groups
    /// are up. `sorted` is room for the pairs, whatever it holds.
    pub(super) fn contracted(
        &self,
        classes: &[u32],
        signs: &[f64],
        energy: f64,
        sorted: &mut Sorted,
    ) -> Contraction {
        let (within, between) = self.sorted(classes, sorted);
        let (group, groups) = united(self.num_spins(), within);
        let mut fields = vec![0.0; groups];
        for ((&field, sign), &g) in self.fields.iter().zip(signs).zip(&group) {
            fields[g as usize] += field * sign;
        }
        let mut problem = Problem::with_fields(fields);
        let of_groups = between.iter().map(|&(i, j, value)| {
            let (i, j) = (i as usize, j as usize);
            (group[i].max(group[j]), group[i].min(group[j]), signs[i] * signs[j] * value)
        });
        problem.couple(&of_groups.collect::<Vec<_>>());
        let all_up = problem.couplings.iter().sum::<f64>() + problem.fields.iter().sum::<f64>();
        problem.offset = energy - all_up;
        Contraction { problem, group }
    }

    /// The pairs of one class and those of two, without a branch that could not be foreseen.
    fn sorted<'a>(&self, classes: &[u32], sorted: &'a mut Sorted) -> (&'a [Pair], &'a [Coupled]) {
        let pairs = self.neighbours.len();
        let Sorted { within, between } = sorted;
        if within.len() < pairs {
            within.resize(pairs, (0, 0));
            between.resize(pairs, (0, 0, 0.0));
        }
        let (mut alike, mut unlike) = (0, 0);
        for i in 0..self.num_spins() {
            let class = classes[i];
            let (neighbours, couplings) = self.row(i);
            for (&j, &value) in neighbours.iter().zip(couplings) {
                let is_alike = usize::from(classes[j as usize] == class);
                within[alike] = (i as u32, j);
                between[unlike] = (i as u32, j, value);
                alike += is_alike;
                unlike += 1 - is_alike;
            }
        }
        (&within[..alike], &between[..unlike])
    }

    /// Adds up couplings `between` groups to those of each pair.
    fn couple(&mut self, between: &[Coupled]) {
        let groups = self.num_spins();
        // In the order of the later group, by counting.
        let mut places = vec![0u32; groups + 1];
        for &(later, ..) in between {
            places[later as usize + 1] += 1;
        }
        for g in 0..groups {
            places[g + 1] += places[g];
        }
        let mut ordered = vec![(0u32, 0.0); between.len()];
        let mut next = places.clone();
        for &(later, earlier, value) in between {
            ordered[next[later as usize] as usize] = (earlier, value);
            next[later as usize] += 1;
        }
        let (mut sums, mut is_touched) = (vec![0.0; groups], vec![false; groups]);
        let mut touched = Vec::<u32>::new();
        for range in places.windows(2) {
            for &(other, value) in &ordered[range[0] as usize..range[1] as usize] {
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
                    self.neighbours.push(other);
                    self.couplings.push(sum);
                }
            }
            self.starts.push(self.neighbours.len() as u32);
        }
    }
}

/// Room for coupled pairs of one class, and for those of two, with their couplings; the later spin first.
#[derive(Default)]
pub(super) struct Sorted {
    within: Vec<Pair>,
    between: Vec<Coupled>,
}

/// The group of each spin where `pairs` are together, in the order of their first spins, and how many there are.
fn united(spins: usize, pairs: &[Pair]) -> (Vec<u32>, usize) {
    // An earlier spin of the same group, or the spin itself where it is the first.
    let mut earlier: Vec<u32> = (0..spins as u32).collect();
    for &(i, j) in pairs {
        if earlier[i as usize] != earlier[j as usize] {
            let (a, b) = (first(&mut earlier, i), first(&mut earlier, j));
            earlier[a.max(b) as usize] = a.min(b);
        }
    }
    let (mut group, mut groups) = (vec![0u32; spins], 0);
    for i in 0..spins {
        let before = earlier[i] as usize;
        if before == i {
            group[i] = groups;
            groups += 1;
        } else {
            group[i] = group[before];
        }
    }
    (group, groups as usize)
}

/// The first spin of the group of `i` so far. Ways that were gone get shorter.
#[inline]
fn first(earlier: &mut [u32], mut i: u32) -> u32 {
    while earlier[i as usize] != i {
        let next = earlier[earlier[i as usize] as usize];
        earlier[i as usize] = next;
        i = next;
    }
    i
}
