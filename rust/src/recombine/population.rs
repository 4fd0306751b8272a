//! States side by side, a bit each.

use std::collections::HashMap;

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

    fn num_spins(&self) -> usize {
        self.bits.len() / self.words.max(1)
    }

    fn row(&self, spin: usize) -> &[u64] {
        &self.bits[spin * self.words..][..self.words]
    }

    #[inline]
    pub(super) fn is_down(&self, spin: usize, member: usize) -> bool {
        self.bits[spin * self.words + member / 64] >> (member % 64) & 1 == 1
    }

    /// The spins of a member as signs.
    pub(super) fn signs(&self, member: usize) -> Vec<f64> {
        (0..self.num_spins()).map(|spin| if self.is_down(spin, member) { -1.0 } else { 1.0 }).collect()
    }

    /// Classes of spins that are equal, or opposite, in all of up to 32 members.
    pub(super) fn classes_of(&self, members: &[usize]) -> Vec<u32> {
        let class = |row: &[u64]| {
            let bit = |member: usize| row[member / 64] >> (member % 64) & 1;
            let first = bit(members[0]);
            members[1..].iter().fold(0, |class, &member| class << 1 | (bit(member) ^ first) as u32)
        };
        self.bits.chunks_exact(self.words).map(class).collect()
    }

    /// The same of all members.
    pub(super) fn classes(&self) -> Vec<u32> {
        let turned = |row: &[u64]| -> Vec<u64> {
            let first = if row[0] & 1 == 1 { u64::MAX } else { 0 };
            row.iter().map(|word| word ^ first).collect()
        };
        // Bits beyond the last member are 0 in all rows, or 1 in those that were turned.
        let mut last = u64::MAX;
        if !self.size().is_multiple_of(64) {
            last = (1 << (self.size() % 64)) - 1;
        }
        let mut names = HashMap::new();
        let class = |row: &[u64]| {
            let mut row = turned(row);
            row[self.words - 1] &= last;
            let next = names.len() as u32;
            *names.entry(row).or_insert(next)
        };
        self.bits.chunks_exact(self.words).map(class).collect()
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
