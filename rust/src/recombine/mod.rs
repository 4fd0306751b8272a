//! Recombination: states of low energy have children that are better than they are.
//!
//! After Houdayer and Martin, "Renormalization for discrete optimization" (Phys. Rev. Lett. 83, 1030, 1999). Where a few
//! good states agree, up to a sign, on two coupled spins, these spins most likely belong together. A child holds what its
//! parents agree on as rigid groups, and anneals the groups:
//!
//! ```text
//! parents   + + - - + - +      groups   a a b b c d d      child   best signs of a, b, c, d
//!           + + - - - - +
//!           - - - - + + -
//! ```
//!
//! Every parent is a state of the groups, so a child can be at least as good; and one flip of a group crosses a
//! barrier that single spins would climb. The groups of all members are held by the whole population, whose problem so
//! gets smaller as it converges.
//!
//! Cost on a Pegasus chip of 5,387 spins: a child of some 200 groups takes 0.4 ms.
//!
//! Tried: children that take the place of their worst parent (the population of 256 ends 2 to 8 units higher on instances
//! of a P16); single spins of a child lowered afterwards (no better); a quarter of the reads and sweeps (worse); twice the
//! groups (no better, slower).

mod population;
mod problem;
#[cfg(test)]
mod tests;

use crate::anneal::{cores, share};
use crate::error::{Error, bad};
use crate::rng::{Key, ars};
use crate::{Batch, Control, Method, Model, anneal};
use population::Population;
use problem::{Problem, Sorted};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Children of a generation, which see the same population.
const CHILDREN: usize = 16;
/// Fewer groups than this are too few to improve on the parents, and more take long.
const FEW_GROUPS: usize = 64;
const MANY_GROUPS: usize = 384;
/// The parents at first, and at most.
const PARENTS: usize = 4;
const MOST_PARENTS: usize = 32;

/// How children are made.
#[derive(Debug, Clone, Copy)]
pub struct Breeding {
    /// Sweeps and reads of the anneal of a child.
    pub sweeps: usize,
    /// The best of them is the child.
    pub reads: usize,
    /// The inverse temperature at which an anneal ends.
    pub coldest: f64,
    /// Children without one that was taken, after which it ends.
    pub patience: usize,
    /// Children after which it ends; a generation may be more.
    pub most: usize,
    /// An energy at which it ends.
    pub target: f64,
    /// Of all random numbers.
    pub seed: u64,
}

/// What became of a population.
#[derive(Debug)]
pub struct Bred {
    /// `(members, spins)`.
    pub states: Vec<i8>,
    /// Of the members; of many children of real numbers, off by rounding.
    pub energies: Vec<f64>,
    /// Children that were made.
    pub children: usize,
}

/// A population on a problem that it has shrunk.
struct Level {
    problem: Problem,
    population: Population,
    /// The group of each spin of the problem given, and whether it is opposite.
    place: Vec<(u32, bool)>,
}

struct Child {
    parents: Vec<usize>,
    groups: usize,
    /// None where the parents agree on all.
    state: Option<(f64, Vec<bool>)>,
}

/// Breeds a population `states` `(members, spins)`, of the `energies` given, until it finds no better states.
///
/// The answer depends on the problem, the population and the seed, and not on `num_threads`, unless `control` ends it.
///
/// # Errors
/// On lengths that do not fit, and if threads do not start.
pub fn recombine(
    model: &Model,
    fields: &[f64],
    states: &[i8],
    energies: &[f64],
    breeding: &Breeding,
    num_threads: Option<usize>,
    control: &Control,
) -> Result<Bred, Error> {
    let n = model.num_spins();
    if fields.len() != n || states.len() != n * energies.len() {
        return bad(format_args!(
            "{} fields and {} spins of {} states, expected {n} and {n} each",
            fields.len(),
            states.len(),
            energies.len()
        ));
    }
    check(breeding, fields, states, energies)?;
    let problem = Problem::new(model.try_couplings()?, fields);
    let population = Population::new(states, energies);
    let mut level = Level { problem, population, place: (0..n as u32).map(|i| (i, false)).collect() };
    let threads = num_threads.unwrap_or_else(cores).min(CHILDREN);
    let key = Key::new(breeding.seed);
    let (size, mut number, mut last, mut parents) = (energies.len(), 0, 0, PARENTS);
    while size > 1
        && number - last < breeding.patience
        && number < breeding.most
        && level.population.lowest() > breeding.target
        && !control.is_ending()
    {
        if number % size.next_multiple_of(CHILDREN) == 0 {
            level = level.contracted();
        }
        let children = level.children(&key, breeding, number, parents, threads)?;
        let groups = children.iter().map(|child| child.groups).sum::<usize>() / CHILDREN;
        parents = match groups {
            ..FEW_GROUPS => (parents + 1).min(MOST_PARENTS),
            MANY_GROUPS.. => (parents - 1).max(2),
            _ => parents,
        };
        for child in children {
            number += 1;
            if level.population.adopt(child) {
                last = number;
            }
        }
        control.add_done(CHILDREN);
    }
    Ok(Bred { states: level.states(), energies: level.population.energies, children: number })
}

/// Refuses what is no population, and children that cannot be annealed.
fn check(breeding: &Breeding, fields: &[f64], states: &[i8], energies: &[f64]) -> Result<(), Error> {
    if breeding.sweeps == 0 || breeding.reads == 0 {
        let Breeding { sweeps, reads, .. } = breeding;
        return bad(format_args!("children of {reads} reads of {sweeps} sweeps, expected at least 1 each"));
    }
    if !(breeding.coldest.is_finite() && breeding.coldest > 0.0) {
        return bad(format_args!("coldest is {}, expected a finite number > 0", breeding.coldest));
    }
    for (what, numbers) in [("field", fields), ("energy", energies)] {
        if let Some((k, number)) = numbers.iter().enumerate().find(|(_, number)| !number.is_finite()) {
            return bad(format_args!("{what} {k} is {number}, expected a finite number"));
        }
    }
    match states.iter().find(|spin| !matches!(spin, -1 | 1)) {
        Some(spin) => bad(format_args!("states hold a spin {spin}, expected -1 or +1")),
        None => Ok(()),
    }
}

impl Population {
    /// Puts a child in the place of the parent most like it of those that are worse, if it is not there yet. So niches
    /// live on: in the place of the worst parent the population converges sooner, and to worse states.
    fn adopt(&mut self, child: Child) -> bool {
        let Some((energy, down)) = child.state else { return false };
        let distance = |parent: usize| {
            let unlike = down.iter().enumerate().filter(|&(i, &down)| self.is_down(i, parent) != down).count();
            unlike.min(down.len() - unlike)
        };
        let worse = child.parents.into_iter().filter(|&parent| energy < self.energies[parent]);
        let Some(parent) = worse.min_by_key(|&parent| distance(parent)).filter(|_| !self.has(energy, &down))
        else {
            return false;
        };
        self.replace(parent, energy, &down);
        true
    }
}

impl Level {
    /// Where all members agree, spins become one.
    fn contracted(self) -> Self {
        let Level { problem, population, mut place } = self;
        let (classes, signs) = (population.classes(), population.signs(0));
        let contraction = problem.contracted(&classes, &signs, population.energies[0], &mut Sorted::default());
        for (at, down) in &mut place {
            *down ^= population.is_down(*at as usize, 0);
            *at = contraction.group[*at as usize];
        }
        let groups = contraction.problem.num_spins();
        let population = population.contracted(&contraction.group, groups);
        Level { problem: contraction.problem, population, place }
    }

    /// States of the problem given.
    fn states(&self) -> Vec<i8> {
        let members = 0..self.population.size();
        let spin = |member: usize, &(at, opposite): &(u32, bool)| {
            if self.population.is_down(at as usize, member) ^ opposite { -1 } else { 1 }
        };
        members.flat_map(|member| self.place.iter().map(move |place| spin(member, place))).collect()
    }

    /// The children from number `first` on.
    fn children(
        &self,
        key: &Key,
        breeding: &Breeding,
        first: usize,
        parents: usize,
        threads: usize,
    ) -> Result<Vec<Child>, Error> {
        let next = AtomicUsize::new(0);
        let born: [Mutex<Option<Result<Child, Error>>>; CHILDREN] = Default::default();
        let work = || {
            let mut sorted = Sorted::default();
            loop {
                let k = next.fetch_add(1, Ordering::Relaxed);
                let Some(place) = born.get(k) else { return };
                let child = self.child(self.pick(key, first + k, parents), breeding, first + k, &mut sorted);
                *place.lock().expect("no other thread has it") = Some(child);
            }
        };
        share(threads, &work)?;
        let child = |place: Mutex<Option<_>>| place.into_inner().ok().flatten().expect("all were born");
        born.into_iter().map(child).collect()
    }

    /// Draws parents of a child, all different.
    fn pick(&self, key: &Key, number: usize, parents: usize) -> Vec<usize> {
        let size = self.population.size();
        let mut which = Vec::with_capacity(parents);
        let mut block = 0;
        while which.len() < parents.min(size) {
            for random in ars(key, [block, number as u32, 0, PICK]) {
                let member = ((u64::from(random) * size as u64) >> 32) as usize;
                if which.len() < parents && !which.contains(&member) {
                    which.push(member);
                }
            }
            block += 1;
        }
        which
    }

    fn child(
        &self,
        parents: Vec<usize>,
        breeding: &Breeding,
        number: usize,
        sorted: &mut Sorted,
    ) -> Result<Child, Error> {
        let population = &self.population;
        let first = parents[0];
        let contraction = self.problem.contracted(
            &population.classes_of(&parents),
            &population.signs(first),
            population.energies[first],
            sorted,
        );
        let groups = contraction.problem.num_spins();
        let best = if groups > 1 { best(&contraction.problem, breeding, number)? } else { None };
        let state = best.map(|(energy, state)| {
            let turned = |(i, &g): (usize, &u32)| population.is_down(i, first) ^ (state[g as usize] < 0);
            (energy, contraction.group.iter().enumerate().map(turned).collect())
        });
        Ok(Child { parents, groups, state })
    }
}

/// Problem number under which parents are drawn.
const PICK: u32 = u32::MAX;

/// The best of some reads, and its energy.
fn best(problem: &Problem, breeding: &Breeding, number: usize) -> Result<Option<(f64, Vec<i8>)>, Error> {
    let n = problem.num_spins();
    let (rows, cols, values) = problem.pairs();
    let model = Model::new(n, &rows, &cols, &values)?;
    let hottest = (HOT / problem.mean_reach()).min(breeding.coldest);
    if !hottest.is_finite() {
        return Ok(None);
    }
    let ratio = breeding.coldest / hottest;
    let steps = (breeding.sweeps - 1).max(1) as f64;
    let betas: Vec<f64> = (0..breeding.sweeps).map(|t| hottest * ratio.powf(t as f64 / steps)).collect();
    let ids = [number as u32];
    let batch =
        Batch::new(n, problem.fields(), Method::sweeps(&betas), breeding.reads, None, breeding.seed, &ids)?;
    let samples = anneal(&model, &batch, Some(1), &Control::default())?;
    let read = (0..breeding.reads).min_by(|&a, &b| samples.energies[a].total_cmp(&samples.energies[b]));
    Ok(read.map(|read| (samples.energies[read] + problem.offset, samples.states[read * n..][..n].to_vec())))
}

/// An anneal of groups begins where a mean local field is that many temperatures.
const HOT: f64 = 1.0;
