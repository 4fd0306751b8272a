//! Several threads at one chunk of runs, which share its spins level by level.
//!
//! ```text
//! level            0            1            2           spins of a level wait for no other of it (`order.rs`)
//! member 0    [ 0 3 6 ] | [ 1 4 ]    | [ 2 5 ]    |
//! member 1    [ 9 12 ]  | [ 7 10 13] | [ 8 11 14 ]|      | all meet, and read what the others have written
//! ```
//!
//! Each member has all spins to itself and updates its share of a level; then it writes that out, meets the others, and
//! reads theirs. So every update sees what it would see in the order of the spins' numbers, and the states are the same
//! for any number of members.
//!
//! Members wait for each other awake: a level takes microseconds. Where cores are busy with other work that does not pay: a
//! member that does not have one keeps all others waiting. Then the team is dissolved after a sweep, and one thread goes
//! on alone.

use super::job::Job;
use super::order::Order;
use crate::simd::Simd;
use crate::simd::isa::{self, Isa, OnVectors};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Spins of a level for each member, on the average, from which on meeting is worth it.
const LEAST_SHARE: usize = if cfg!(test) { 1 } else { 16 };
/// Updates of a chunk from which on it is worth starting threads.
const LEAST_UPDATES: usize = if cfg!(test) { 2 } else { 50_000 };
/// Looks at the others, some microseconds, before the core is let go.
const PATIENCE: usize = 1 << 9;
/// Time spent waiting for others without a core, beyond a quarter of all time, after which a team is dissolved.
const GRACE: Duration = Duration::from_millis(1);

/// How many threads are to share each chunk, where there are so many chunks.
pub(super) fn members<'a>(job: &Job, threads: usize, chunks: usize, order: impl FnOnce() -> &'a Order) -> usize {
    let (n, each) = (job.couplings.num_spins(), threads / chunks.max(1));
    let is_in_turn = !job.batch.method.is_in_random_order();
    if each < 2 || !is_in_turn || n < 2 * LEAST_SHARE || n.saturating_mul(job.batch.method.len()) < LEAST_UPDATES {
        return 1;
    }
    (n / order().num_levels() / LEAST_SHARE).clamp(1, each)
}

/// The spins of a sweep, shared out.
pub(super) struct Shares(Vec<Share>);

/// Those of one member, level after level.
struct Share {
    spins: Vec<u32>,
    /// Where each level ends.
    ends: Vec<usize>,
}

impl Shares {
    /// All for one, in the order of their numbers.
    pub(super) fn alone(num_spins: usize) -> Self {
        Shares(vec![Share { spins: (0..num_spins as u32).collect(), ends: vec![num_spins] }])
    }

    pub(super) fn of(order: &Order, members: usize) -> Self {
        let share = |member: usize| {
            let mut share = Share { spins: vec![], ends: vec![] };
            for level in order.levels() {
                let part = |m: usize| level.start + level.len() * m / members;
                share.spins.extend(&order.spins[part(member)..part(member + 1)]);
                share.ends.push(share.spins.len());
            }
            share
        };
        Shares((0..members).map(share).collect())
    }

    pub(super) fn members(&self) -> usize {
        self.0.len()
    }

    pub(super) fn num_levels(&self) -> usize {
        self.0[0].ends.len()
    }

    /// The spins of a member.
    pub(super) fn spins(&self, member: usize) -> &[u32] {
        &self.0[member].spins
    }

    /// Which of a member's spins are of each level.
    pub(super) fn levels(&self, member: usize) -> impl Iterator<Item = Range<usize>> {
        let mut start = 0;
        self.0[member].ends.iter().map(move |&end| std::mem::replace(&mut start, end)..end)
    }

    /// The other members' spins of a level.
    pub(super) fn of_others(&self, member: usize, level: usize) -> impl Iterator<Item = usize> {
        let others = self.0.iter().enumerate().filter(move |(m, _)| *m != member);
        others.flat_map(move |(_, share)| {
            let start = if level == 0 { 0 } else { share.ends[level - 1] };
            share.spins[start..share.ends[level]].iter().map(|&i| i as usize)
        })
    }
}

/// Where the members meet.
pub(super) struct Team {
    members: usize,
    arrived: AtomicUsize,
    meetings: AtomicUsize,
    broken: AtomicBool,
    /// After how many sweeps the team is dissolved.
    done: AtomicUsize,
}

impl Team {
    pub(super) fn new(members: usize) -> Self {
        Team {
            members,
            arrived: AtomicUsize::new(0),
            meetings: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
            done: AtomicUsize::new(usize::MAX),
        }
    }

    /// Waits until all are here, who then see what each has written before. Returns whether none gave up.
    pub(super) fn meet(&self, waited: &mut Waited) -> bool {
        let meeting = self.meetings.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.members {
            self.arrived.store(0, Ordering::Relaxed);
            self.meetings.store(meeting.wrapping_add(1), Ordering::Release);
        } else {
            let has_met = || self.meetings.load(Ordering::Acquire) != meeting || self.is_broken();
            let mut looks = 0;
            while looks < PATIENCE && !has_met() {
                looks += 1;
                std::hint::spin_loop();
            }
            if looks == PATIENCE {
                let since = Instant::now();
                while !has_met() {
                    thread::yield_now();
                }
                waited.time += since.elapsed();
            }
        }
        !self.is_broken()
    }

    /// Before the last meeting of sweep `t`: dissolves the team if its first member has waited too long.
    pub(super) fn end_sweep(&self, member: usize, t: u32, waited: &Waited) {
        if member == 0 && waited.time > GRACE + waited.since.elapsed() / 4 {
            self.done.store(t as usize + 1, Ordering::Release);
        }
    }

    /// Whether sweep `t` is left to one who is alone: the same for all members at its beginning.
    pub(super) fn is_dissolved(&self, t: u32) -> bool {
        self.sweeps_done() <= t as usize
    }

    /// After how many sweeps the team was dissolved; none is as many.
    pub(super) fn sweeps_done(&self) -> usize {
        self.done.load(Ordering::Acquire)
    }

    /// Lets the others go, too.
    pub(super) fn give_up(&self) {
        self.broken.store(true, Ordering::Release);
    }

    fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }
}

/// How long a member has waited without a core for all to meet.
pub(super) struct Waited {
    since: Instant,
    time: Duration,
}

impl Waited {
    pub(super) fn none() -> Self {
        Waited { since: Instant::now(), time: Duration::ZERO }
    }
}

/// What the members of a team do.
pub(super) trait Together: Sync {
    fn team(&self) -> &Team;

    /// Must be `#[inline(always)]`.
    fn part<S: Simd>(&self, s: S, member: usize);
}

/// Has all parts done, each by a thread of its own, with the instructions of `isa`. Returns whether that went well: threads
/// may not start, and members give up when an anneal is stopped.
pub(super) fn together(isa: Isa, work: &impl Together) -> bool {
    let team = work.team();
    thread::scope(|scope| {
        for member in 1..team.members {
            let begun = thread::Builder::new().spawn_scoped(scope, move || do_part(isa, work, member));
            if begun.is_err() {
                team.give_up();
            }
        }
        do_part(isa, work, 0);
    });
    !team.is_broken()
}

fn do_part(isa: Isa, work: &impl Together, member: usize) {
    // Who panics must not be waited for.
    let guard = GiveUp(work.team());
    isa::run(isa, Part { work, member });
    std::mem::forget(guard);
}

struct GiveUp<'a>(&'a Team);

impl Drop for GiveUp<'_> {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

struct Part<'a, W> {
    work: &'a W,
    member: usize,
}

impl<W: Together> OnVectors for Part<'_, W> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.work.part(s, self.member);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::couplings::Pattern;

    #[test]
    fn every_spin_has_one_member_and_waits_for_earlier_levels_only() {
        let n = 60i64;
        let pairs =
            (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).filter(|(i, j)| (i * 7 + j * j) % 11 == 0);
        let (rows, cols): (Vec<i64>, Vec<i64>) = pairs.unzip();
        let pattern = Pattern::new(n as usize, &rows, &cols).unwrap();
        let order = Order::of(&pattern);
        for members in [1, 2, 5] {
            let shares = Shares::of(&order, members);
            let mut level_of = vec![None; n as usize];
            for member in 0..members {
                for (level, of_level) in shares.levels(member).enumerate() {
                    for &i in &shares.spins(member)[of_level] {
                        assert_eq!(level_of[i as usize].replace(level), None);
                    }
                }
            }
            for (&i, &j) in rows.iter().zip(&cols) {
                assert!(level_of[i as usize].unwrap() < level_of[j as usize].unwrap());
            }
        }
    }

    struct Count<'a> {
        team: Team,
        seen: &'a [AtomicUsize],
    }

    impl Together for Count<'_> {
        fn team(&self) -> &Team {
            &self.team
        }

        #[inline(always)]
        fn part<S: Simd>(&self, _: S, member: usize) {
            let mut waited = Waited::none();
            for round in 1..=100 {
                self.seen[member].store(round, Ordering::Relaxed);
                assert!(self.team.meet(&mut waited));
                assert!(self.seen.iter().all(|seen| seen.load(Ordering::Relaxed) == round));
                assert!(self.team.meet(&mut waited));
            }
        }
    }

    #[test]
    fn who_meets_sees_what_the_others_have_written() {
        let seen: Vec<AtomicUsize> = (0..3).map(|_| AtomicUsize::new(0)).collect();
        assert!(together(isa::best(), &Count { team: Team::new(3), seen: &seen }));
    }
}
