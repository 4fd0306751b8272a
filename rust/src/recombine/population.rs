//! States side by side, a bit each.

/// States of one problem and their energies.
///
/// ```text
/// spin i   [ member 0 | member 1 | ... ]   a bit each, 1 = down, in words of 64
/// ```
pub(super) struct Population {
    /// Words of a spin.
    words: usize,
    /// `(spins, words)`.
    bits: Vec<u64>,
    pub(super) energies: Vec<f64>,
}

/// Some members of a population.
pub(super) struct Members {
    pub(super) which: Vec<usize>,
    mask: Vec<u64>,
}

impl Members {
    pub(super) fn new(population: &Population, which: Vec<usize>) -> Self {
        let mut mask = vec![0; population.words];
        for member in &which {
            mask[member / 64] |= 1 << (member % 64);
        }
        Members { which, mask }
    }
}

impl Population {
    /// Of `states`, `(members, spins)` of -1 and +1.
    pub(super) fn new(states: &[i8], energies: &[f64]) -> Self {
        let size = energies.len();
        let (n, words) = (states.len() / size.max(1), size.div_ceil(64));
        let mut bits = vec![0; n * words];
        for (member, state) in states.chunks_exact(n.max(1)).enumerate() {
            for (i, _) in state.iter().enumerate().filter(|(_, spin)| **spin < 0) {
                bits[i * words + member / 64] |= 1 << (member % 64);
            }
        }
        Population { words, bits, energies: energies.to_vec() }
    }

    pub(super) fn size(&self) -> usize {
        self.energies.len()
    }

    pub(super) fn everyone(&self) -> Members {
        Members::new(self, (0..self.size()).collect())
    }

    fn row(&self, spin: usize) -> &[u64] {
        &self.bits[spin * self.words..][..self.words]
    }

    #[inline]
    pub(super) fn is_down(&self, spin: usize, member: usize) -> bool {
        self.bits[spin * self.words + member / 64] >> (member % 64) & 1 == 1
    }

    /// Whether two spins are equal in all of the members, or opposite in all.
    #[inline]
    pub(super) fn agree(&self, i: usize, j: usize, members: &Members) -> bool {
        let (mut equal, mut opposite) = (true, true);
        for ((a, b), mask) in self.row(i).iter().zip(self.row(j)).zip(&members.mask) {
            let unlike = (a ^ b) & mask;
            equal &= unlike == 0;
            opposite &= unlike == *mask;
        }
        equal || opposite
    }

    /// Whether one of the members of this energy has this state.
    pub(super) fn has(&self, energy: f64, down: &[bool]) -> bool {
        let is_like = |member: usize| down.iter().enumerate().all(|(i, &down)| self.is_down(i, member) == down);
        let is_near = |member: usize| (self.energies[member] - energy).abs() <= 1e-9 * energy.abs();
        (0..self.size()).any(|member| is_near(member) && is_like(member))
    }

    pub(super) fn replace(&mut self, member: usize, energy: f64, down: &[bool]) {
        let (words, bit) = (self.words, 1u64 << (member % 64));
        for (row, &down) in self.bits.chunks_exact_mut(words).zip(down) {
            let word = &mut row[member / 64];
            *word = if down { *word | bit } else { *word & !bit };
        }
        self.energies[member] = energy;
    }

    /// The same states in groups of spins, which are up where their spins are as in member 0; `group` is each spin's.
    pub(super) fn contracted(&self, group: &[u32], groups: usize) -> Self {
        let mut bits = vec![0; groups * self.words];
        for (i, &g) in group.iter().enumerate() {
            let turned = if self.is_down(i, 0) { u64::MAX } else { 0 };
            for (to, from) in bits[g as usize * self.words..][..self.words].iter_mut().zip(self.row(i)) {
                *to = from ^ turned;
            }
        }
        Population { words: self.words, bits, energies: self.energies.clone() }
    }

    pub(super) fn lowest(&self) -> f64 {
        self.energies.iter().copied().fold(f64::INFINITY, f64::min)
    }
}
