//! Exchanges of states between neighbours of the ladder, and what is counted of them.

use super::ladder::Places;
use super::words::Set;

/// Where a replica was last, of the ladder's ends.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Unknown,
    /// Has been at the hot end, and not at the cold one since.
    Down,
    /// Has come from the hot end to the cold one.
    Up,
}

/// Which replica is where, and the counts since they were last [`Exchange::cleared`].
pub(super) struct Exchange {
    places: Places,
    /// The replica in each lane.
    replica: Vec<u16>,
    way: Vec<Way>,
    /// Probabilities of each step, added up, and how many there were.
    accepted: Vec<f64>,
    tried: Vec<u64>,
    pub(super) round_trips: u64,
}

impl Exchange {
    pub(super) fn new(places: Places) -> Self {
        let (used, steps) = (places.used(), places.temperatures - 1);
        Exchange {
            places,
            replica: (0..used as u16).collect(),
            way: vec![Way::Unknown; used],
            accepted: vec![0.0; steps],
            tried: vec![0; steps],
            round_trips: 0,
        }
    }

    /// Begins all counts anew.
    pub(super) fn clear(&mut self) {
        self.way.fill(Way::Unknown);
        self.accepted.fill(0.0);
        self.tried.fill(0);
        self.round_trips = 0;
    }

    /// Probabilities of each step, added up, and how many there were.
    pub(super) fn counts(&self) -> impl Iterator<Item = (f64, u64)> {
        self.accepted.iter().copied().zip(self.tried.iter().copied())
    }

    /// Decides which lanes exchange with those one temperature colder; by turns the even steps of the ladder and the odd
    /// ones, which carries replicas further than steps at random (Okabe, Kawashima, Okamoto, Mikami, Chem. Phys. Lett. 335,
    /// 435, 2001; Syed et al. 2022).
    pub(super) fn decide(&mut self, betas: &[f64], energies: &[f64], is_odd: bool, randoms: &[u32]) -> Set {
        let copies = self.places.copies;
        let mut set = [0; _];
        for step in (usize::from(is_odd)..self.tried.len()).step_by(2) {
            let width = betas[step + 1] - betas[step];
            let mut sum = 0.0;
            for lane in step * copies..(step + 1) * copies {
                let exponent = width * (energies[lane + copies] - energies[lane]);
                let probability = if exponent >= 0.0 { 1.0 } else { exponent.exp() };
                sum += probability;
                if (f64::from(randoms[lane]) + 0.5) * 2f64.powi(-32) < probability {
                    set[lane / 64] |= 1 << (lane % 64);
                    self.replica.swap(lane, lane + copies);
                }
            }
            self.accepted[step] += sum;
            self.tried[step] += copies as u64;
        }
        self.follow();
        set
    }

    /// Notes who has come to an end of the ladder.
    fn follow(&mut self) {
        let copies = self.places.copies;
        for &replica in &self.replica[self.replica.len() - copies..] {
            let way = &mut self.way[usize::from(replica)];
            if *way == Way::Down {
                *way = Way::Up;
            }
        }
        for &replica in &self.replica[..copies] {
            let way = &mut self.way[usize::from(replica)];
            self.round_trips += u64::from(*way == Way::Up);
            *way = Way::Down;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_that_always_exchange_go_round() {
        let places = Places { temperatures: 4, copies: 2 };
        let mut exchange = Exchange::new(places);
        for round in 0..80 {
            let set = exchange.decide(&[1.0; 4], &[0.0; 8], round % 2 == 1, &[0; 8]);
            assert_eq!(set[0], if round % 2 == 0 { 0b0011_0011 } else { 0b0000_1100 });
        }
        // Each of the eight replicas takes 8 rounds there and back.
        assert!((8 * 8..=8 * 10).contains(&exchange.round_trips), "{}", exchange.round_trips);
        assert!(exchange.counts().all(|(accepted, tried)| accepted == 80.0 && tried == 80));
    }

    #[test]
    fn exchanges_are_as_probable_as_the_energies_say() {
        let places = Places { temperatures: 2, copies: 1 };
        let mut exchange = Exchange::new(places);
        // exp(-0.5 ln 4) = 1/2.
        let energies = [0.0, -(4f64.ln())];
        for (random, is_accepted) in
            [(0, true), (u32::MAX / 2, true), (u32::MAX / 2 + 1, false), (u32::MAX, false)]
        {
            let set = exchange.decide(&[1.0, 1.5], &energies, false, &[random, 0]);
            assert_eq!(set[0] == 1, is_accepted);
            let mirrored = [energies[1], energies[0]];
            assert_eq!(exchange.decide(&[1.0, 1.5], &mirrored, false, &[random, 0])[0], 1);
        }
    }
}
