//! One read: what it may take, the best state so far, and when that was found.

use super::problem::{Problem, State};
use super::random::Random;
use crate::anneal::Control;
use std::time::Instant;

/// Steps between two looks at the clock, of tabu search. One takes 20 ns to some microseconds.
pub(super) const LOOK: u64 = 64;

/// What a read may take at most.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limits {
    pub(super) steps: Option<u64>,
    pub(super) end: Option<Instant>,
    /// Twice an energy that is low enough.
    pub(super) target: Option<i128>,
}

/// The progress of a read.
pub(super) struct Read<'a> {
    pub(super) problem: &'a Problem<'a>,
    pub(super) random: Random,
    pub(super) best: State<'a>,
    pub(super) steps: u64,
    limits: Limits,
    control: &'a Control,
    started: Instant,
    /// Seconds since the call and energies of best states.
    pub(super) trace: Vec<(f64, f64)>,
    traced: i128,
}

impl<'a> Read<'a> {
    pub(super) fn new(
        first: &State<'a>,
        problem: &'a Problem<'a>,
        random: Random,
        limits: Limits,
        control: &'a Control,
        started: Instant,
    ) -> Self {
        let best = first.clone();
        Read { problem, random, best, steps: 0, limits, control, started, trace: vec![], traced: i128::MAX }
    }

    /// Keeps the state if it is better than the best.
    #[inline(always)]
    pub(super) fn note(&mut self, state: &State<'a>) {
        if state.twice_energy < self.best.twice_energy {
            self.best.copy_from(state);
        }
    }

    /// Tells whether an energy is low enough to end the read.
    #[inline(always)]
    pub(super) fn is_low_enough(&self, twice_energy: i128) -> bool {
        self.limits.target.is_some_and(|target| twice_energy <= target)
    }

    /// Looks at the clock and tells whether the read is over.
    pub(super) fn is_over(&mut self) -> bool {
        let now = Instant::now();
        self.add_to_trace(now);
        self.is_low_enough(self.best.twice_energy)
            || self.limits.steps.is_some_and(|most| self.steps >= most)
            || self.limits.end.is_some_and(|end| now >= end)
            || self.control.is_ending()
    }

    /// The steps that are left.
    pub(super) fn steps_left(&self) -> u64 {
        self.limits.steps.map_or(u64::MAX, |most| most.saturating_sub(self.steps))
    }

    pub(super) fn add_to_trace(&mut self, now: Instant) {
        if self.best.twice_energy < self.traced {
            self.traced = self.best.twice_energy;
            let energy = self.problem.energy(self.traced);
            self.trace.push(((now - self.started).as_secs_f64(), energy));
        }
    }
}
