//! Tabu search with flips of one spin, for quadratic problems whose states with broken constraints lie between those
//! without.
//!
//! Each step flips the spin whose flip changes the energy least, also where that is upwards, but for those flipped in the
//! last steps, which are barred unless they lead below the best state. A *round* ends when it has found nothing better
//! for a while; the next begins at the best state with some spins flipped.
//!
//! ```text
//! best state --kick--> descent --steps, spins barred--> no better for `patience` steps --> best state --kick--> ..
//! ```
//!
//! What suits a problem varies: a knapsack with slack variables wants rounds of ten steps and short bars, a maximum cut
//! rounds of thousands. So patience follows the sequence of Luby, Sinclair and Zuckerman (1, 1, 2, 1, 1, 2, 4, ..), which
//! spends as much time at each length; bars and kicks are drawn anew for each round, alike in each octave.
//!
//! A step costs a look at all changes and the addition of a row, `n / 4` vectors with AVX-512 (`problem.rs`); about 160 ns
//! for 200 spins all coupled, kicks included.
//!
//! Tried and worse, in 20 ms (knapsack of 100 items whose optimum is -3,624: -3,594 as it is now; salesman of 15 cities:
//! 3.87): one patience for all, of 20,000 steps (-2,747) or 2,200 (-3,130); bars of up to 20 steps as in dwave-samplers
//! (4.03); kicks alike in each number of flips rather than in each octave (-3,557); annealed chains of four to eight flips
//! in place of tabu search (-3,423).

use super::problem::{LANES, State};
use super::read::{LOOK, Read};

/// Steps without a better state after which the shortest rounds end.
const PATIENCE: u64 = 8;
/// The first round has that of so many of the shortest.
const FIRST: u64 = 64;
/// Flips of the largest kick: one spin in so many, ...
const KICK: usize = 8;
/// ... but so many at least.
const LEAST_KICK: usize = 8;
/// The longest bar of those drawn.
const LONGEST: usize = 20;

/// What bars and rounds are like, where they are not drawn.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rules {
    /// Steps for which a flipped spin is barred.
    pub(super) tenure: Option<usize>,
    /// Steps of the first round and of each other one.
    pub(super) rounds: Option<[u64; 2]>,
}

/// A tabu search under way.
pub(super) struct Tabu<'a> {
    rules: Rules,
    state: State<'a>,
    /// The step from which on a spin may be flipped.
    barred_until: Vec<i64>,
    step: i64,
    pub(super) rounds: u64,
    /// The best state of the last round.
    pub(super) signs: Vec<i64>,
    pub(super) twice_energy: i128,
}

impl<'a> Tabu<'a> {
    pub(super) fn new(state: State<'a>, rules: Rules) -> Self {
        let barred_until = vec![0; state.signs.len()];
        let (signs, twice_energy) = (state.signs.clone(), state.twice_energy);
        Tabu { rules, state, barred_until, step: 0, rounds: 0, signs, twice_energy }
    }

    /// A round from the best state of the read, or at first from the state given.
    pub(super) fn round(&mut self, read: &mut Read<'a>) {
        let n = read.problem.num_spins();
        let drawn = read.random.log_uniform(1, LONGEST.min(n / 4).max(1));
        let tenure = self.rules.tenure.unwrap_or(drawn);
        if self.rounds > 0 {
            self.kick(read, tenure);
        }
        let length = self.rules.rounds.map(|[first, later]| if self.rounds == 0 { first } else { later });
        let patience = match (length, self.rounds) {
            (Some(_), _) => u64::MAX,
            (None, 0) => FIRST * PATIENCE,
            (None, round) => luby(round) * PATIENCE,
        };
        self.rounds += 1;
        self.walk(read, tenure, patience, length.unwrap_or(u64::MAX));
    }

    /// Begins at the best state with some spins flipped.
    fn kick(&mut self, read: &mut Read<'a>, tenure: usize) {
        self.state.copy_from(&read.best);
        let n = read.problem.num_spins();
        let most = (n / KICK).max(LEAST_KICK).min(n);
        for _ in 0..read.random.log_uniform(2.min(most), most) {
            let i = read.random.below(n);
            self.state.flip(i);
            self.barred_until[i] = self.step + tenure as i64;
        }
    }

    fn walk(&mut self, read: &mut Read<'a>, tenure: usize, patience: u64, length: u64) {
        let (mut lowest, mut since, mut walked) = (self.state.twice_energy, 0, 0);
        self.twice_energy = i128::MAX;
        let length = length.min(read.steps_left());
        while since < patience && walked < length {
            if walked % LOOK == LOOK - 1 && read.is_over() {
                break;
            }
            if read.is_low_enough(self.state.twice_energy) {
                break;
            }
            let below = (read.best.twice_energy.min(lowest) - self.state.twice_energy) / 2;
            let below = below.clamp(-(1 << 62), 1 << 62) as i64;
            let word = read.random.word();
            self.step += 1;
            walked += 1;
            since += 1;
            let Some(k) = self.state.least(&self.barred_until, self.step, below, word) else {
                continue;
            };
            if self.state.change(k) >= 0 {
                self.keep(read);
            }
            self.state.flip(k);
            // Drawn bars vary by as much again, which ends cycles.
            let more = if self.rules.tenure.is_some() { 0 } else { (word as usize / LANES) % (tenure + 1) };
            self.barred_until[k] = self.step + 1 + (tenure + more) as i64;
            if self.state.twice_energy < lowest {
                (lowest, since) = (self.state.twice_energy, 0);
            }
        }
        self.keep(read);
        read.steps += walked;
    }

    /// Keeps a state that may be the best: before it is left for a worse one, not in the midst of a descent.
    fn keep(&mut self, read: &mut Read<'a>) {
        if self.state.twice_energy < self.twice_energy {
            self.twice_energy = self.state.twice_energy;
            self.signs.copy_from_slice(&self.state.signs);
            read.note(&self.state);
        }
    }
}

/// The sequence 1, 1, 2, 1, 1, 2, 4, 1, 1, 2, 1, 1, 2, 4, 8, .. of Luby, Sinclair and Zuckerman, from 1 on.
pub(super) fn luby(index: u64) -> u64 {
    let mut index = index;
    loop {
        let bits = u64::BITS - index.leading_zeros();
        if index + 1 == 1 << bits {
            return 1 << (bits - 1);
        }
        index -= (1 << (bits - 1)) - 1;
    }
}
