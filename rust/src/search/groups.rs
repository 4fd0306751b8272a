//! One-hot groups: variables of which good states have exactly one up, found from the couplings and from good states.
//!
//! A penalty `A (sum_i x_i - 1)^2` couples all pairs of its variables alike and against each other. So the candidates
//! are cliques of at least three spins whose couplings are positive and equal. Equal couplings have other reasons too (the
//! edges of a graph that is coloured, all of a maximum cut): a clique is a group only where every good state at hand has
//! exactly one of its spins up, most cliques of its size and coupling are groups too, and all groups together hold a good
//! part of the spins. A wrong group does no harm but takes time: its moves are moves like others.
//!
//! ```text
//! travelling salesman, 3 cities       x  x  x   city 0      cliques: rows and columns, each spin in two groups;
//!                                     x  x  x   city 1      `meet` tells which spin a row and a column share
//!                                     x  x  x   city 2
//! ```

use crate::couplings::Couplings;

/// No group, or no spin.
pub(super) const NONE: u32 = u32::MAX;

/// The smallest group. Any coupling between two spins is a clique of two.
const SMALLEST: usize = 3;

/// Couplings looked up before the search for cliques is given up: some tens of milliseconds.
const MOST_LOOKUPS: usize = 1 << 20;

/// Groups of the cliques of one kind, and spins in groups, at least: three in four, and one in eight.
const MOST_OF_KIND: (usize, usize) = (3, 4);
const PART: usize = 8;

/// Groups whose meetings stand in a table.
const MOST_MEETINGS: usize = 1024;

/// Couplings that differ by less than this are equal.
const ALIKE: f64 = 1e-6;

/// Spins, rising, any two of which have this coupling.
#[derive(Debug, Clone)]
pub(super) struct Clique {
    pub(super) spins: Vec<u32>,
    coupling: f64,
}

impl Clique {
    fn is_like(&self, other: &Self) -> bool {
        self.spins.len() == other.spins.len() && alike(self.coupling, other.coupling)
    }
}

/// Groups of spins, at most two to each spin.
#[derive(Debug, Clone)]
pub(super) struct Groups {
    pub(super) members: Vec<Vec<u32>>,
    /// The groups of each spin.
    pub(super) of: Vec<[u32; 2]>,
    /// The first spin that two groups share, if there are not too many groups for a table.
    meet: Vec<u32>,
}

impl Groups {
    /// The groups among `cliques`, of which the `states`, -1 where a spin is down, are good ones; the largest first where
    /// a spin is in more than two. There may be none.
    pub(super) fn among(cliques: &[Clique], num_spins: usize, states: &[&[i64]]) -> Self {
        let mut groups = Groups { members: vec![], of: vec![[NONE; 2]; num_spins], meet: vec![] };
        let mut sorted: Vec<_> = cliques.iter().collect();
        sorted.sort_by(|a, b| b.spins.len().cmp(&a.spins.len()).then(a.coupling.total_cmp(&b.coupling)));
        let ups = |spins: &[u32], state: &[i64]| spins.iter().filter(|&&i| state[i as usize] == 0).count();
        for kind in sorted.chunk_by(|a, b| a.is_like(b)) {
            let is_group = |clique: &&&Clique| states.iter().all(|state| ups(&clique.spins, state) == 1);
            let found: Vec<_> = kind.iter().filter(is_group).collect();
            if found.len() * MOST_OF_KIND.1 >= kind.len() * MOST_OF_KIND.0 {
                found.into_iter().for_each(|clique| groups.add(&clique.spins));
            }
        }
        let inside = groups.of.iter().filter(|of| of[0] != NONE).count();
        if inside * PART < num_spins {
            groups.members.clear();
            groups.of.fill([NONE; 2]);
        }
        groups.find_meetings();
        groups
    }

    /// Adds a group if none of its spins is in two.
    fn add(&mut self, spins: &[u32]) {
        if spins.iter().any(|&i| self.of[i as usize][1] != NONE) {
            return;
        }
        for &i in spins {
            let of = &mut self.of[i as usize];
            of[usize::from(of[0] != NONE)] = self.members.len() as u32;
        }
        self.members.push(spins.to_vec());
    }

    fn find_meetings(&mut self) {
        let count = self.members.len();
        if count == 0 || count > MOST_MEETINGS {
            return;
        }
        self.meet = vec![NONE; count * count];
        for (i, &[a, b]) in self.of.iter().enumerate().rev() {
            if b != NONE {
                self.meet[a as usize * count + b as usize] = i as u32;
                self.meet[b as usize * count + a as usize] = i as u32;
            }
        }
    }

    /// The first spin that two groups share.
    #[inline(always)]
    pub(super) fn meeting(&self, a: u32, b: u32) -> Option<u32> {
        let count = self.members.len();
        if !self.meet.is_empty() {
            return Some(self.meet[a as usize * count + b as usize]).filter(|&spin| spin != NONE);
        }
        self.members[a as usize].iter().copied().find(|&i| self.of[i as usize].contains(&b))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

/// Cliques of spins, rising, with positive couplings that are equal; no two share a coupling.
pub(super) fn cliques(couplings: &Couplings) -> Vec<Clique> {
    let mut search = Cliques { couplings, used: vec![false; couplings.values().len()], lookups: 0, found: vec![] };
    for i in 0..couplings.num_spins() {
        search.through(i);
        if search.lookups > MOST_LOOKUPS {
            return vec![];
        }
    }
    search.found
}

struct Cliques<'a> {
    couplings: &'a Couplings,
    /// Of each coupling, from each end.
    used: Vec<bool>,
    lookups: usize,
    found: Vec<Clique>,
}

impl Cliques<'_> {
    /// Finds the cliques that spin `i` is in, among the couplings that are in none yet.
    fn through(&mut self, i: usize) {
        let (neighbours, at) = self.couplings.pattern().row(i);
        let values = self.couplings.row(i).1;
        // In the order of the 20 first bits after the point, then of neighbours: integers are sorted faster than floats.
        let coarse = |k: usize| values[k].to_bits() & !u64::from(u32::MAX) | k as u64;
        let unused = (0..values.len()).filter(|&k| values[k] > 0.0 && !self.used[at + k]);
        let mut sorted: Vec<u64> = unused.map(coarse).collect();
        sorted.sort_unstable();
        let places: Vec<usize> =
            sorted.into_iter().map(|coarse| (coarse & u64::from(u32::MAX)) as usize).collect();
        for class in places.chunk_by(|&a, &b| alike(values[a], values[b])) {
            let mut rest: Vec<u32> = class.iter().map(|&k| neighbours[k]).collect();
            while rest.len() + 1 >= SMALLEST && self.lookups <= MOST_LOOKUPS {
                let value = values[class[0]];
                let mut clique = vec![i as u32, rest[0]];
                for &j in &rest[1..] {
                    if clique[1..].iter().all(|&k| self.coupled(j, k, value)) {
                        clique.push(j);
                    }
                }
                rest.retain(|j| !clique.contains(j));
                if clique.len() >= SMALLEST {
                    clique.sort_unstable();
                    self.use_up(&clique);
                    self.found.push(Clique { spins: clique, coupling: value });
                }
            }
        }
    }

    /// Tells whether two spins have a coupling like `value` that is in no clique yet.
    fn coupled(&mut self, i: u32, j: u32, value: f64) -> bool {
        self.lookups += 1;
        self.place(i, j).is_some_and(|at| !self.used[at] && alike(self.couplings.values()[at], value))
    }

    fn use_up(&mut self, clique: &[u32]) {
        for &i in clique {
            for &j in clique {
                if let Some(at) = self.place(i, j) {
                    self.used[at] = true;
                }
            }
        }
    }

    fn place(&self, i: u32, j: u32) -> Option<usize> {
        let (neighbours, at) = self.couplings.pattern().row(i as usize);
        neighbours.binary_search(&j).ok().map(|k| at + k)
    }
}

fn alike(one: f64, other: f64) -> bool {
    (one - other).abs() <= ALIKE * one.abs()
}
