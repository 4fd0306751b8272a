//! From a bit for each read to states and energies.

use super::{Multispin, READS};
use crate::bits::{SPINS, mirrored};
use crate::simd::Simd;

impl Multispin<'_> {
    /// Spins by read, and energies if they are wanted.
    #[inline(always)]
    pub(super) fn write_out<S: Simd>(
        &self,
        s: S,
        spins: &[S::U],
        fields: &[i8],
        states: &mut [i8],
        energies: &mut [f64],
    ) {
        let n = spins.len();
        if !energies.is_empty() {
            self.add_up(s, spins, fields, energies);
        }
        let reads = states.len() / n;
        for (at, eight) in (0..n).step_by(8).zip(spins.chunks(8)) {
            let mut bytes = [[0u8; READS / 8]; 8];
            for (row, &spin) in bytes.iter_mut().zip(eight) {
                let words = s.int_array(spin).map(u32::to_le_bytes);
                row.copy_from_slice(words.as_flattened());
            }
            for byte in 0..reads.div_ceil(8) {
                let turned = mirrored(u64::from_le_bytes(bytes.map(|row| row[byte])));
                for (read, bits) in (8 * byte..reads).zip(turned.to_le_bytes()) {
                    let state = &mut states[read * n + at..][..eight.len()];
                    state.copy_from_slice(&SPINS[bits as usize][..eight.len()]);
                }
            }
        }
    }

    /// Energies: the quantum times what the couplings and fields count.
    #[inline(always)]
    fn add_up<S: Simd>(&self, s: S, spins: &[S::U], fields: &[i8], energies: &mut [f64]) {
        // Of each read, the |couplings| and |fields| that would rather see their spins otherwise.
        let mut unhappy = Counter { planes: vec![s.splat_int(0); 40] };
        let mut total = 0i64;
        for (i, &spin) in spins.iter().enumerate() {
            let (neighbours, at) = self.job.couplings.pattern().row(i);
            let me = [spin, s.and_not(s.splat_int(u32::MAX), spin)];
            let earlier = neighbours.iter().take_while(|&&j| (j as usize) < i);
            for (&j, coupling) in earlier.zip(&self.integers.couplings[at..]) {
                unhappy.add(s, coupling.unsigned_abs(), s.xor(me[usize::from(*coupling > 0)], spins[j as usize]));
                total += i64::from(coupling.unsigned_abs());
            }
            unhappy.add(s, fields[i].unsigned_abs(), me[usize::from(fields[i] > 0)]);
            total += i64::from(fields[i].unsigned_abs());
        }
        for (energy, count) in energies.iter_mut().zip(unhappy.counts(s)) {
            *energy = self.integers.quantum * (2 * count - total) as f64;
        }
    }
}

/// A count for each read.
struct Counter<S: Simd> {
    planes: Vec<S::U>,
}

impl<S: Simd> Counter<S> {
    /// Adds `weight` where `which` is set.
    #[inline(always)]
    fn add(&mut self, s: S, weight: u8, which: S::U) {
        for digit in (0..8).filter(|digit| weight >> digit & 1 == 1) {
            let mut carry = which;
            for plane in &mut self.planes[digit..] {
                if s.no_bits(carry) {
                    break;
                }
                let sum = s.xor(*plane, carry);
                carry = s.and(*plane, carry);
                *plane = sum;
            }
        }
    }

    fn counts(&self, s: S) -> [i64; READS] {
        let mut counts = [0; READS];
        for (k, &plane) in self.planes.iter().enumerate() {
            for (read, count) in counts.iter_mut().enumerate() {
                *count |= i64::from(s.int_array(plane)[read / 32] >> (read % 32) & 1) << k;
            }
        }
        counts
    }
}
