//! A chunk of 512 reads, sweep after sweep, by one thread or by several that share its spins.

use super::super::team::{Shares, Team, Together, Waited};
use super::odds::{odds, survivors};
use super::{Multispin, READS, Spin, Stream, Sweep, chunks_of_problem};
use crate::rng::Keys;
use crate::simd::{LANES, Row, Simd};
use std::sync::atomic::{AtomicU32, Ordering};

/// A chunk that one thread anneals, or several.
pub(super) struct Work<'a> {
    kernel: &'a Multispin<'a>,
    problem: usize,
    first_read: usize,
    reads: usize,
    pub(super) fields: &'a [i8],
    shares: &'a Shares,
    pub(super) team: Team,
    /// The spins as their members have written them last.
    written: Vec<Word>,
}

/// A bit of 512 reads.
type Word = [AtomicU32; LANES];

#[inline(always)]
fn read<S: Simd>(s: S, word: &Word) -> S::U {
    let mut lanes = Row([0; LANES]);
    for (lane, word) in lanes.0.iter_mut().zip(word) {
        *lane = word.load(Ordering::Relaxed);
    }
    s.ints(&lanes)
}

impl Together for Work<'_> {
    fn team(&self) -> &Team {
        &self.team
    }

    #[inline(always)]
    fn part<S: Simd>(&self, s: S, member: usize) {
        self.words(s, member, 0, self.initial_words(s));
    }
}

impl<'a> Work<'a> {
    pub(super) fn new(kernel: &'a Multispin<'a>, chunk: usize, reads: usize, shares: &'a Shares) -> Self {
        let (n, each) = (kernel.job.couplings.num_spins(), chunks_of_problem(kernel.job));
        let (problem, first_read) = (chunk / each, READS * (chunk % each));
        let written = if shares.members() > 1 { n } else { 0 };
        Work {
            kernel,
            problem,
            first_read,
            reads,
            fields: &kernel.integers.fields[problem * n..][..n],
            shares,
            team: Team::new(shares.members()),
            written: (0..written).map(|_| Word::default()).collect(),
        }
    }

    /// Each spin and its opposite, before the anneal.
    #[inline(always)]
    pub(super) fn initial_words<S: Simd>(&self, s: S) -> Vec<S::U> {
        let job = self.kernel.job;
        let first_run = self.problem * job.batch.num_reads + self.first_read;
        self.kernel.initial_words(s, &Keys::new(s, &job.key), &self.stream(), first_run, self.reads)
    }

    /// As the members have written them last.
    #[inline(always)]
    pub(super) fn written_words<S: Simd>(&self, s: S) -> Vec<S::U> {
        let mut words = vec![s.splat_int(0); 2 * self.written.len()];
        for (i, word) in self.written.iter().enumerate() {
            set_word(s, &mut words, i, read(s, word));
        }
        words
    }

    fn stream(&self) -> Stream {
        let id = self.kernel.job.batch.problem_ids[self.problem];
        Stream { id, block: (self.first_read / 128) as u32 }
    }

    /// The words after the anneal, of which so many sweeps are done.
    #[inline(always)]
    pub(super) fn words<S: Simd>(&self, s: S, member: usize, done: usize, words: Vec<S::U>) -> Vec<S::U> {
        if self.kernel.job.batch.method.is_gibbs() {
            self.anneal::<S, true>(s, member, done, words)
        } else {
            self.anneal::<S, false>(s, member, done, words)
        }
    }

    #[inline(always)]
    fn anneal<S: Simd, const GIBBS: bool>(
        &self,
        s: S,
        member: usize,
        done: usize,
        mut words: Vec<S::U>,
    ) -> Vec<S::U> {
        let (kernel, job) = (self.kernel, self.kernel.job);
        let keys = Keys::new(s, &job.key);
        let spins_of_problem: Vec<Spin> =
            self.fields.iter().enumerate().map(|(i, &h)| kernel.spin(i, h)).collect();
        let stream = self.stream();
        let survivors = survivors();
        let (shares, turns, mut waited) = (self.shares, self.shares.spins(member), Waited::none());
        for (t, beta) in job.betas().skip(done) {
            if self.team.is_dissolved(t) {
                break;
            }
            let step = (-2.0 * beta * kernel.integers.quantum).exp();
            let odds = odds(step, kernel.integers.largest as usize / 2 + 1, GIBBS);
            let starts = stream.starts(s, &keys, t);
            let sweep = Sweep { keys: &keys, odds: &odds, survivors: &survivors, starts };
            for (level, of_level) in shares.levels(member).enumerate() {
                for k in of_level.clone() {
                    if k % 4096 == 0 && job.stopped() {
                        self.team.give_up();
                        return words;
                    }
                    let i = turns[k] as usize;
                    let flips = kernel.flips::<S, GIBBS>(s, &sweep, i, &spins_of_problem[i], &words);
                    let spin = s.xor(words[2 * i], flips);
                    set_word(s, &mut words, i, spin);
                }
                if shares.members() > 1 {
                    if level + 1 == shares.num_levels() {
                        self.team.end_sweep(member, t, &waited);
                    }
                    self.hand_over(s, &turns[of_level], &words);
                    if !self.team.meet(&mut waited) {
                        return words;
                    }
                    for i in shares.of_others(member, level) {
                        set_word(s, &mut words, i, read(s, &self.written[i]));
                    }
                }
            }
        }
        words
    }

    /// Writes what became of these spins, for the others to read.
    #[inline(always)]
    fn hand_over<S: Simd>(&self, s: S, spins: &[u32], words: &[S::U]) {
        for &i in spins {
            for (word, lane) in self.written[i as usize].iter().zip(s.int_array(words[2 * i as usize])) {
                word.store(lane, Ordering::Relaxed);
            }
        }
    }
}

/// A spin and its opposite.
#[inline(always)]
fn set_word<S: Simd>(s: S, words: &mut [S::U], i: usize, spin: S::U) {
    words[2 * i] = spin;
    words[2 * i + 1] = s.and_not(s.splat_int(u32::MAX), spin);
}
