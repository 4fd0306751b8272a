//! Annealing with moves within one-hot groups, for problems whose constraints "exactly one of these" freeze single flips.
//!
//! ```text
//! one group      . . X . .      ->   X . . . .        a flip on, and off the one that was on: 2 flips
//!
//! rows and       X . .    ->    . X .                 on at (0, 1), off what was on in its row and in its column,
//! columns        . X .          X . .                 and on where those two lack one: 4 flips, two rows exchanged
//!                . . X          . . X
//! ```
//!
//! All of a move is accepted or refused at once, by the energy of the problem as it is; penalties cancel in it. A spin in
//! no group, or in one that has not exactly one up, is flipped by itself, and so is now and then any other, so that states
//! with broken constraints can be reached. Temperatures go with the changes that such moves make, not with penalties.
//!
//! A proposal costs up to four changes and six couplings, and one that is accepted the flips: about 85 ns for the 225 spins
//! of 15 cities.
//!
//! Tried and slower: chains that flip a spin and then whatever changes the energy least, which find the same moves in 8
//! times the time.

use super::groups::{Groups, NONE};
use super::problem::State;
use super::random::Random;
use super::read::{LOOK, Read};

/// Sweeps of the shortest anneal.
pub(super) const SWEEPS: u64 = 30;
/// One proposal in so many flips a spin by itself.
const SINGLE: usize = 16;
/// Moves that the temperatures are taken from.
const TRIALS: usize = 1000;
/// Temperatures over the median change: the first is drawn from between two.
const HOTTEST: f64 = 1.0;
const LEAST_HOT: f64 = 0.1;
const COLDEST: f64 = 0.02;
/// Changes of more than so many temperatures are refused without a random number.
const NEVER: f64 = 40.0;

/// A state and how many spins of each group are up.
pub(super) struct Exchange<'a, 'g> {
    groups: &'g Groups,
    state: State<'a>,
    ups: Vec<u32>,
    /// The sum of the numbers of the spins up: the one that is up where it is one.
    up: Vec<u64>,
}

impl<'a, 'g> Exchange<'a, 'g> {
    pub(super) fn new(groups: &'g Groups, state: State<'a>) -> Self {
        let count = groups.members.len();
        let mut exchange = Exchange { groups, state, ups: vec![0; count], up: vec![0; count] };
        for i in 0..groups.of.len() {
            if exchange.is_up(i) {
                exchange.count(i);
            }
        }
        exchange
    }

    /// Anneals for so many sweeps, a proposal for each spin; returns the number of proposals.
    pub(super) fn anneal(&mut self, read: &mut Read<'a>, sweeps: u64) {
        let Some(median) = self.median_change(&mut read.random) else {
            return;
        };
        let n = self.groups.of.len() as u64;
        let hottest = HOTTEST * (LEAST_HOT / HOTTEST).powf(read.random.unit());
        let (mut temperature, factor) = (median * hottest, (COLDEST / hottest).powf(1.0 / sweeps as f64));
        let proposals = (sweeps * n).min(read.steps_left());
        for proposal in 0..proposals {
            if proposal % n == 0 {
                temperature *= factor;
            }
            if proposal % (8 * LOOK) == 8 * LOOK - 1 && read.is_over() {
                break;
            }
            let (spins, length) = self.proposal(&mut read.random);
            let change = self.state.change_of(&spins[..length]);
            if is_accepted(change, temperature, &mut read.random) {
                if change > 0 {
                    read.note(&self.state);
                }
                for &i in &spins[..length] {
                    self.flip(i as usize);
                }
                if read.is_low_enough(self.state.twice_energy) {
                    break;
                }
            }
            read.steps += 1;
        }
        read.note(&self.state);
    }

    /// The median size of what moves of several flips change.
    fn median_change(&self, random: &mut Random) -> Option<f64> {
        let mut sizes = vec![];
        for _ in 0..TRIALS {
            let (spins, length) = self.proposal(random);
            let change = self.state.change_of(&spins[..length]);
            if length > 1 && change != 0 {
                sizes.push(change.unsigned_abs());
            }
        }
        let middle = sizes.len() / 2;
        (!sizes.is_empty()).then(|| *sizes.select_nth_unstable(middle).1 as f64)
    }

    /// The spins of a move, and how many they are.
    #[inline(always)]
    fn proposal(&self, random: &mut Random) -> ([u32; 4], usize) {
        let groups = self.groups;
        let i = random.below(groups.of.len());
        let of = groups.of[i];
        let single = ([i as u32; 4], 1);
        if of[0] == NONE || self.is_up(i) || (random.word() as usize).is_multiple_of(SINGLE) {
            return single;
        }
        let mut spins = [i as u32; 4];
        let (mut length, mut lacking) = (1, [NONE; 2]);
        for (group, lacks) in of.into_iter().zip(&mut lacking) {
            if group == NONE {
                continue;
            }
            if self.ups[group as usize] != 1 {
                return single;
            }
            let up = self.up[group as usize] as usize;
            let [one, other] = groups.of[up];
            *lacks = if one == group { other } else { one };
            spins[length] = up as u32;
            length += 1;
        }
        if length == 3 && spins[1] == spins[2] {
            return (spins, 2);
        }
        if let (3, [one, other]) = (length, lacking)
            && one != NONE
            && other != NONE
            && let Some(last) = groups.meeting(one, other)
            && last != spins[0]
            && !self.is_up(last as usize)
        {
            spins[3] = last;
            length = 4;
        }
        (spins, length)
    }

    #[inline(always)]
    fn is_up(&self, i: usize) -> bool {
        self.state.signs[i] == 0
    }

    #[inline(always)]
    fn flip(&mut self, i: usize) {
        if self.is_up(i) {
            for group in self.groups.of[i].into_iter().filter(|&group| group != NONE) {
                self.ups[group as usize] -= 1;
                self.up[group as usize] -= i as u64;
            }
        } else {
            self.count(i);
        }
        self.state.flip(i);
    }

    /// Counts a spin that is or will be up.
    #[inline(always)]
    fn count(&mut self, i: usize) {
        for group in self.groups.of[i].into_iter().filter(|&group| group != NONE) {
            self.ups[group as usize] += 1;
            self.up[group as usize] += i as u64;
        }
    }
}

/// Metropolis' rule.
#[inline(always)]
fn is_accepted(change: i64, temperature: f64, random: &mut Random) -> bool {
    let change = change as f64;
    change <= 0.0 || (change < NEVER * temperature && random.unit() < (-change / temperature).exp())
}
