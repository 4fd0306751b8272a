//! What every kernel is given.

use super::batch::{Batch, Fields};
use crate::couplings::Couplings;
use crate::rng::Key;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How an anneal goes on, and a way to end it from another thread.
#[derive(Debug, Default)]
pub struct Control {
    done: AtomicUsize,
    finish: AtomicBool,
    abort: AtomicBool,
}

impl Control {
    /// Reads that are finished, of all problems.
    pub fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    /// Begins no more reads; those under way are finished and returned.
    pub fn finish(&self) {
        self.finish.store(true, Ordering::Relaxed);
    }

    /// Ends the anneal within a sweep or so, with states that mean nothing.
    pub fn abort(&self) {
        self.abort.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_finishing(&self) -> bool {
        self.finish.load(Ordering::Relaxed)
    }

    /// Tells whether a search, whose reads have a state at any time, ends with what it has.
    pub(crate) fn is_ending(&self) -> bool {
        self.is_finishing() || self.abort.load(Ordering::Relaxed)
    }

    pub(crate) fn add_done(&self, reads: usize) {
        self.done.fetch_add(reads, Ordering::Relaxed);
    }
}

/// Of an inverse temperature of 1.
pub(super) const RATE: f64 = 2.0 * std::f64::consts::LOG2_E;

/// What every kernel is given. A *run* is one read of one problem; runs are numbered problem by problem.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) couplings: &'a Couplings,
    pub(super) batch: &'a Batch<'a>,
    /// Power of two that brings the numbers within reach of single precision.
    pub(super) scale: f64,
    pub(super) key: Key,
    pub(super) control: &'a Control,
}

impl<'a> Job<'a> {
    /// The problem's index in the batch and the read.
    pub(super) fn problem_and_read(&self, run: usize) -> (usize, u32) {
        (run / self.batch.num_reads, (run % self.batch.num_reads) as u32)
    }

    pub(super) fn runs(&self) -> usize {
        self.batch.problem_ids.len() * self.batch.num_reads
    }

    /// The fields of the problem that `run` belongs to.
    pub(super) fn fields(&self, run: usize) -> Fields<'a> {
        self.batch.problem_fields(run / self.batch.num_reads)
    }

    /// The state given for `run` to start from.
    pub(super) fn initial_state(&self, run: usize) -> Option<&'a [i8]> {
        self.batch.initial_state(run)
    }

    /// The inverse temperature of each sweep.
    pub(super) fn betas(&self) -> impl Iterator<Item = (u32, f64)> {
        self.batch.method.betas().iter().enumerate().map(|(t, &beta)| (t as u32, beta))
    }

    /// What the exponents are in single precision, after the scale: flips are accepted with probability `2^(rate s f)`.
    pub(super) fn rate(&self, beta: f64) -> f32 {
        // Finite, for where all numbers of a spin are 0.
        (beta * (RATE / self.scale)).min(f64::from(f32::MAX) * 0.5) as f32
    }

    /// The rate of each sweep.
    pub(super) fn rates(&self) -> impl Iterator<Item = (u32, f32)> {
        self.betas().map(|(t, beta)| (t, self.rate(beta)))
    }

    pub(super) fn stopped(&self) -> bool {
        self.control.abort.load(Ordering::Relaxed)
    }

    /// A coupling or field as the kernels see it.
    pub(super) fn scaled(&self, value: f64) -> f32 {
        (value * self.scale) as f32
    }

    /// The energy of a state of `run` in double precision, from the numbers that were given.
    pub(super) fn energy(&self, run: usize, state: &[i8]) -> f64 {
        let h = self.fields(run);
        let mut energy = 0.0;
        for (i, &spin) in state.iter().enumerate() {
            let (neighbours, values) = self.couplings.row(i);
            let mut field = h.at(i);
            for (&j, &value) in neighbours.iter().zip(values) {
                // Each pair once, from its later spin.
                if j as usize >= i {
                    break;
                }
                field += value * f64::from(state[j as usize]);
            }
            energy += f64::from(spin) * field;
        }
        energy
    }
}
