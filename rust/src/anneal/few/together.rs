//! A read or two of a large problem, whose blocks several threads share.
//!
//! ```text
//! stage       0                1              2             blocks of a stage are not coupled to each other
//! member 0    [ b0 b1 b2 ]  |  [ b6 b7 ]   |  [ b10 ]  |
//! member 1    [ b3 b4 b5 ]  |  [ b8 b9 ]   |  [ b11 ]  |    | all meet, then each adds all flips to the sums of its blocks
//! ```
//!
//! Each member keeps the sums of its own blocks, and has the couplings onto them by themselves: so a flip is added up by
//! those whom it concerns, and nobody writes where another reads.

use super::super::accept::NEVER;
use super::super::exponents::{Exponents, Short};
use super::super::fixed::Fixed;
use super::super::job::Job;
use super::super::kernel::Kernel;
use super::super::team::{self, Team, Together, Waited};
use super::rows::{Add, Pairs, Rows};
use super::{Draws, Exponent, Few, Layout};
use crate::couplings::Pattern;
use crate::simd::{LANES, Row, Simd};
use std::ops::Range;
use std::sync::atomic::{AtomicU16, Ordering};

/// Blocks of a stage for each member, on the average, from which on meeting is worth it.
const LEAST_BLOCKS: usize = if cfg!(test) { 1 } else { 8 };
/// Blocks of all sweeps from which on it is worth starting threads.
const LEAST_OF_ALL: usize = if cfg!(test) { 2 } else { 1 << 16 };

/// The blocks of a sweep, in stages.
struct Stages(Vec<Range<usize>>);

impl Stages {
    /// Consecutive blocks, none of which is coupled to another of its stage; one that is coupled within is alone.
    fn of<U>(pattern: &Pattern, layout: &Layout<U, 1>) -> Self {
        let order = &layout.order;
        let (mut stages, mut start) = (vec![], 0);
        for b in 0..layout.blocks.len() {
            let is_in_stage = |&j: &u32| (start..b).contains(&(order.places[j as usize] as usize / LANES));
            let waits = |place: usize| pattern.neighbours(order.spins[place] as usize).iter().any(is_in_stage);
            let is_alone = layout.blocks[b].joined != 0 || (b > start && layout.blocks[b - 1].joined != 0);
            if b > start && (is_alone || order.block(b).any(waits)) {
                stages.push(start..b);
                start = b;
            }
        }
        stages.push(start..layout.blocks.len());
        Stages(stages)
    }

    /// The blocks of a stage that are a member's.
    fn part(stage: &Range<usize>, member: usize, members: usize) -> Range<usize> {
        let start = |m: usize| stage.start + stage.len() * m / members;
        start(member)..start(member + 1)
    }
}

pub(in crate::anneal) struct FewTogether<'a> {
    few: Few<'a, Short<'a>, f32, 1>,
    stages: Stages,
    /// The couplings onto the blocks of each member.
    onto: Vec<Pairs<1>>,
}

impl<'a> FewTogether<'a> {
    /// Where there are threads to spare, and blocks enough that are not coupled.
    pub(in crate::anneal) fn new(
        job: &'a Job<'a>,
        fixed: &'a Fixed,
        layout: &'a Layout<f32, 1>,
        threads: usize,
    ) -> Option<Self> {
        let each = threads / job.runs();
        let Rows::Pairs(pairs) = &layout.rows else { return None };
        if each < 2 || layout.blocks.len().saturating_mul(job.batch.method.len()) < LEAST_OF_ALL {
            return None;
        }
        let stages = Stages::of(job.couplings.pattern(), layout);
        let members = (layout.blocks.len() / stages.0.len() / LEAST_BLOCKS).min(each);
        if members < 2 {
            return None;
        }
        let mut owner = vec![0; layout.blocks.len()];
        for stage in &stages.0 {
            (0..members).for_each(|member| owner[Stages::part(stage, member, members)].fill(member));
        }
        let onto = (0..members).map(|member| pairs.onto(|b| owner[b] == member)).collect();
        Some(FewTogether { few: Few::new(job, fixed, layout), stages, onto })
    }
}

impl Kernel for FewTogether<'_> {
    fn end(&self, chunk: usize) -> usize {
        self.few.end(chunk)
    }

    #[inline(always)]
    fn run<S: Simd>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        let layout = self.few.layout;
        self.few.begin(s, chunk, states);
        let written = self.few.down(states).into_iter().map(AtomicU16::new).collect();
        let work = Work { kernel: self, run: chunk, start: states, team: Team::new(self.onto.len()), written };
        let mut done = 0;
        if team::together(S::ISA, &work) {
            done = work.team.sweeps_done();
            let down: Vec<u16> = work.written.iter().map(|down| down.load(Ordering::Relaxed)).collect();
            layout.write_state(&down, states);
        }
        if done < self.few.job.batch.method.len() {
            // Not any more, or threads did not start.
            self.few.go_on(s, chunk, done, states);
        }
        if let [energy] = energies {
            *energy = self.few.job.energy(chunk, states);
        }
    }
}

/// A run.
struct Work<'a> {
    kernel: &'a FewTogether<'a>,
    run: usize,
    start: &'a [i8],
    team: Team,
    /// What is down in each block, as its member has written it last.
    written: Vec<AtomicU16>,
}

impl Together for Work<'_> {
    fn team(&self) -> &Team {
        &self.team
    }

    #[inline(always)]
    fn part<S: Simd>(&self, s: S, member: usize) {
        if self.kernel.few.job.batch.method.is_gibbs() {
            self.anneal::<S, true>(s, member);
        } else {
            self.anneal::<S, false>(s, member);
        }
    }
}

impl Work<'_> {
    #[inline(always)]
    fn anneal<S: Simd, const GIBBS: bool>(&self, s: S, member: usize) {
        let few = &self.kernel.few;
        let (job, layout, onto) = (few.job, few.layout, &self.kernel.onto[member]);
        let draws = Draws::new(s, job, self.run);
        let (mut sums, mut down, fields) = (few.sums(self.start), few.down(self.start), few.fields(self.run));
        let mut is_awake = vec![true; layout.blocks.len()];
        let mut factors = vec![Row([0.0; LANES]); layout.blocks.len()];
        let mut waited = Waited::none();
        for (t, beta) in job.betas() {
            if self.team.is_dissolved(t) {
                return;
            }
            if job.stopped() {
                return self.team.give_up();
            }
            let rate = few.exponents.rate(job, beta);
            few.set_factors(rate, &mut factors);
            let of_field = s.splat(Short::of_field(rate));
            for (number, stage) in self.kernel.stages.0.iter().enumerate() {
                let own = Stages::part(stage, member, self.kernel.onto.len());
                let (mut ahead, mut is_drawn) = (s.splat(0.0), false);
                for b in own.clone() {
                    let (mut limits, was_drawn) = (ahead, is_drawn);
                    is_drawn = b + 1 < own.end && is_awake[b + 1];
                    if is_drawn {
                        ahead = draws.limits::<GIBBS>(s, &layout.numbers[b + 1], t);
                    }
                    let (factor, field) = (s.floats(&factors[b]), s.mul(of_field, s.floats(&fields[b])));
                    let [is_down, ..] = s.masks(u64::from(down[b]));
                    let mut exponents = Exponent { is_down, factor, field, least: s.splat(NEVER) };
                    let sum = [s.ints(&sums[b][0])];
                    is_awake[b] = few.reached(s, sum, &exponents) & layout.blocks[b].all != 0;
                    if is_awake[b] {
                        if !was_drawn {
                            limits = draws.limits::<GIBBS>(s, &layout.numbers[b], t);
                        }
                        exponents.least = limits;
                        let flips = few.flips(s, &Within(onto), b, down[b], sum, &exponents, &mut sums);
                        self.written[b].store(down[b] ^ flips, Ordering::Relaxed);
                    }
                }
                if number + 1 == self.kernel.stages.0.len() {
                    self.team.end_sweep(member, t, &waited);
                }
                if !self.team.meet(&mut waited) {
                    return;
                }
                for b in stage.clone() {
                    let now = self.written[b].load(Ordering::Relaxed);
                    let mut flips = now ^ down[b];
                    while flips != 0 {
                        let k = flips.trailing_zeros() as usize;
                        flips &= flips - 1;
                        onto.add_to_others(s, &mut sums, b, k, down[b] >> k & 1 == 0);
                    }
                    down[b] = now;
                }
            }
        }
    }
}

/// Couplings within blocks alone: those to others are added when all have met.
struct Within<'a>(&'a Pairs<1>);

impl Add<1> for Within<'_> {
    #[inline(always)]
    fn own(&self, b: usize, k: usize) -> &[Row<u32>; 1] {
        self.0.own(b, k)
    }

    #[inline(always)]
    fn add_to_others<S: Simd>(&self, _: S, _: &mut [[Row<u32>; 1]], _: usize, _: usize, _: bool) {}
}
