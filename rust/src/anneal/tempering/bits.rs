//! Tempering of small integers: a ladder of temperatures in the bits of a vector.
//!
//! ```text
//! spin i        [ temperature 0: copies 0..C | temperature 1 | ... | idle ]   one bit each, 1 = down, and its opposite
//! cost e        the lanes in which a flip costs e + 1 steps: one word for each e, from the count's planes (`multispin`)
//! threshold     digit d of cost e: the lanes whose temperature's threshold has a 1 there
//! ```
//!
//! A uniform number is compared with the threshold of each lane, digit by digit, as in `multispin`; there all lanes
//! have one temperature, and a digit of the threshold is the same in all of them. Here it is a word: the answer of a digit is
//! the union over the costs of `cost & threshold`. Leading digits that are 0 at all temperatures are left out.
//!
//! Cost of an update of 512 lanes with AVX-512, of a spin with 15 neighbours: about 300 instructions, of which 100 count.

use super::super::job::Job;
use super::super::multispin::{Integers, Multispin, STREAMS, Spin, Stream, WORDS};
use super::Kernel;
use super::ladder::Places;
use super::words::{Counter, Wide};
use crate::rng::{INITIAL, Keys};
use crate::simd::{LANES, Row, Simd};

/// Digits of a threshold.
const DIGITS: usize = 32;
/// Costs of a flip, with eight planes.
const COSTS: usize = 128;

pub(super) struct Bits<'a> {
    kernel: Multispin<'a>,
    spins: Vec<Spin>,
    costs: usize,
    /// The sum of all |couplings| and |fields|.
    total: i64,
}

impl<'a> Bits<'a> {
    /// None if there are more couplings than a counter holds.
    pub(super) fn new(job: &'a Job<'a>, integers: Integers) -> Option<Self> {
        let n = job.couplings.num_spins();
        let costs = integers.largest as usize / 2 + 1;
        let sum = |numbers: &[i8]| numbers.iter().map(|number| i64::from(number.unsigned_abs())).sum::<i64>();
        let total = sum(&integers.couplings) / 2 + sum(&integers.fields);
        let kernel = Multispin::alone(job, integers);
        let spins = (0..n).map(|i| kernel.spin(i, kernel.integers.fields[i])).collect();
        (total < 1 << 31).then_some(Bits { kernel, spins, costs, total })
    }
}

/// The thresholds of spins with an even and an odd total.
pub(super) struct Thresholds([Digits; 2]);

struct Digits {
    /// `(digits, costs)`
    rows: Vec<Row<u32>>,
    /// Costs of which a threshold has a 1 in this digit, and all below.
    costs: [usize; DIGITS],
}

impl Digits {
    /// A flip that costs `e + 1` steps is accepted with probability `step^(2e + 2)` or, of an odd total, `step^(2e + 1)`.
    fn new(places: Places, steps: &[f64], is_odd: bool, num_costs: usize) -> Self {
        let mut rows = vec![Row([0; LANES]); DIGITS * num_costs];
        let mut costs = [0; DIGITS];
        for (temperature, step) in steps.iter().enumerate() {
            let lanes = places.set(|t, _| t == temperature);
            let parts: [u32; LANES] = std::array::from_fn(|k| (lanes[k / 2] >> (32 * (k % 2))) as u32);
            let mut power = if is_odd { *step } else { step * step };
            for cost in 0..num_costs {
                let threshold = (power * 2f64.powi(32)).min(f64::from(u32::MAX)) as u32;
                power *= step * step;
                for digit in (0..DIGITS).filter(|digit| threshold >> (31 - digit) & 1 == 1) {
                    costs[digit] = costs[digit].max(cost + 1);
                    for (row, part) in rows[digit * num_costs + cost].0.iter_mut().zip(parts) {
                        *row |= part;
                    }
                }
            }
        }
        Digits { rows, costs }
    }

    /// The lanes whose threshold has a 1 in a digit, for what their flip costs.
    #[inline(always)]
    fn answer<S: Simd>(&self, s: S, costs: &[S::U], digit: usize) -> S::U {
        let rows = &self.rows[self.rows.len() / DIGITS * digit..];
        let mut answer = s.splat_int(0);
        for cost in 0..self.costs[digit].min(costs.len()) {
            answer = s.and_or(costs[cost], s.ints(&rows[cost]), answer);
        }
        answer
    }
}

impl Kernel for Bits<'_> {
    type X<S: Simd> = Wide<S>;
    type Table = Thresholds;
    const LANES: usize = 32 * LANES;
    const STRIDE: usize = 2;

    #[inline(always)]
    fn words<S: Simd>(s: S) -> Wide<S> {
        Wide(s)
    }

    fn table(&self, places: Places, betas: &[f64]) -> Thresholds {
        let quantum = self.kernel.integers.quantum;
        let steps: Vec<f64> = betas.iter().map(|beta| (-2.0 * beta * quantum).exp()).collect();
        Thresholds([false, true].map(|is_odd| Digits::new(places, &steps, is_odd, self.costs)))
    }

    #[inline(always)]
    fn random_spins<S: Simd>(&self, s: S, vector: usize, spins: &mut [S::U]) {
        let keys = Keys::new(s, &self.kernel.job.key);
        let start = stream(vector).starts(s, &keys, INITIAL)[0];
        for (i, spin) in spins.chunks_exact_mut(2).enumerate() {
            let [bits] = keys.finish(s, [s.xor(start, s.quarters(i as u32))]);
            spin[0] = bits;
            spin[1] = s.and_not(s.splat_int(u32::MAX), bits);
        }
    }

    #[inline(always)]
    fn sweep<S: Simd>(&self, s: S, spins: &mut [S::U], table: &Thresholds, vector: usize, sweep: u32) -> bool {
        let keys = Keys::new(s, &self.kernel.job.key);
        let draws = Draws { starts: stream(vector).starts(s, &keys, sweep), keys };
        let mut costs = [s.splat_int(0); COSTS];
        for (i, spin) in self.spins.iter().enumerate() {
            if i % 4096 == 0 && self.kernel.job.stopped() {
                return false;
            }
            let table = &table.0[usize::from(spin.odd)];
            match spin.planes {
                3 => self.update::<S, 3>(s, i, spins, table, &draws, &mut costs),
                4 => self.update::<S, 4>(s, i, spins, table, &draws, &mut costs),
                5 => self.update::<S, 5>(s, i, spins, table, &draws, &mut costs),
                6 => self.update::<S, 6>(s, i, spins, table, &draws, &mut costs),
                7 => self.update::<S, 7>(s, i, spins, table, &draws, &mut costs),
                _ => self.update::<S, 8>(s, i, spins, table, &draws, &mut costs),
            }
        }
        true
    }

    #[inline(always)]
    fn energies<S: Simd>(&self, s: S, spins: &[S::U], energies: &mut [f64]) {
        let (x, integers) = (Wide(s), &self.kernel.integers);
        // The |couplings| and |fields| that would rather see their spins otherwise.
        let mut unhappy = Counter::new(x);
        for (i, me) in spins.chunks_exact(2).enumerate() {
            let (neighbours, at) = self.kernel.job.couplings.pattern().row(i);
            for (&j, &coupling) in neighbours.iter().zip(&integers.couplings[at..]) {
                if j as usize >= i {
                    break;
                }
                let word = s.xor(me[usize::from(coupling > 0)], spins[2 * j as usize]);
                add(x, &mut unhappy, coupling, word);
            }
            let field = integers.fields[i];
            add(x, &mut unhappy, field, me[usize::from(field > 0)]);
        }
        for (energy, count) in energies.iter_mut().zip(unhappy.counts(x)) {
            *energy = integers.quantum * (2 * i64::from(count) - self.total) as f64;
        }
    }
}

/// Adds |weight| in the lanes of a word.
#[inline(always)]
fn add<S: Simd>(x: Wide<S>, counter: &mut Counter<Wide<S>>, weight: i8, word: S::U) {
    let mut weight = weight.unsigned_abs();
    while weight > 0 {
        counter.add(x, weight.trailing_zeros() as usize, word);
        weight &= weight - 1;
    }
}

fn stream(vector: usize) -> Stream {
    Stream { id: 0, block: 4 * vector as u32 }
}

/// What the random numbers of a sweep begin from.
struct Draws<S: Simd> {
    keys: Keys<S>,
    starts: [S::U; STREAMS],
}

impl Bits<'_> {
    /// Updates spin `i`, which has `K` planes.
    #[inline(always)]
    fn update<S: Simd, const K: usize>(
        &self,
        s: S,
        i: usize,
        words: &mut [S::U],
        table: &Digits,
        draws: &Draws<S>,
        costs: &mut [S::U; COSTS],
    ) {
        let (all, place) = (s.splat_int(u32::MAX), s.quarters(i as u32));
        let count = self.kernel.count::<S, K>(s, i, &self.spins[i], words);
        // Loops, not closures: those that are called twice are compiled without the instruction set.
        let mut numbers = draws.starts;
        for number in &mut numbers {
            *number = s.xor(*number, place);
        }
        let numbers = draws.keys.finish(s, numbers);
        costs_of(s, &count, costs);
        let free = count[K - 1];
        let costs = &costs[..1 << (K - 1)];
        let accepted = accepted(s, &draws.keys, costs, table, numbers, s.and_not(all, free));
        let spin = s.xor(words[2 * i], s.or(accepted, free));
        words[2 * i] = spin;
        words[2 * i + 1] = s.and_not(all, spin);
    }
}

/// The lanes of each cost, the digits of which are turned over in the count.
#[inline(always)]
fn costs_of<S: Simd, const K: usize>(s: S, count: &[S::U; K], costs: &mut [S::U; COSTS]) {
    costs[0] = s.and(count[0], count[1]);
    costs[1] = s.and_not(count[1], count[0]);
    costs[2] = s.and_not(count[0], count[1]);
    costs[3] = s.and_not(s.splat_int(u32::MAX), s.or(count[0], count[1]));
    for k in 2..K - 1 {
        for e in 0..1 << k {
            costs[e + (1 << k)] = s.and_not(costs[e], count[k]);
            costs[e] = s.and(costs[e], count[k]);
        }
    }
}

/// Which of the lanes `left` accept a flip, by the lanes of each cost.
#[inline(always)]
fn accepted<S: Simd>(
    s: S,
    keys: &Keys<S>,
    costs: &[S::U],
    digits: &Digits,
    mut numbers: [S::U; STREAMS],
    mut left: S::U,
) -> S::U {
    let mut accepted = s.splat_int(0);
    for first in (0..WORDS).step_by(STREAMS) {
        for (k, number) in numbers.iter_mut().enumerate() {
            accepted = s.choose(left, digits.answer(s, costs, first + k), accepted);
            left = s.and_not(left, *number);
            *number = keys.next(s, *number);
        }
    }
    for digit in WORDS..DIGITS {
        if s.no_bits(left) {
            break;
        }
        accepted = s.choose(left, digits.answer(s, costs, digit), accepted);
        left = s.and_not(left, numbers[0]);
        numbers[0] = keys.next(s, numbers[0]);
    }
    accepted
}
