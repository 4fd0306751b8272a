//! Run-time choice of the instruction set: each kernel is written once and compiled for each.

#[cfg(target_arch = "aarch64")]
use crate::simd::neon::{self, Neon};
#[cfg(target_arch = "x86_64")]
use crate::simd::x86::{self, Avx2, Avx512};
use crate::simd::{Portable, Simd};
use std::sync::OnceLock;

/// A problem in the layout of one kernel.
///
/// The runs of a batch are cut into chunks that a kernel anneals together, and threads take in turn.
pub(super) trait Kernel: Sync {
    /// The run after the last of chunk `chunk`; may be more than there are.
    fn end(&self, chunk: usize) -> usize;

    /// Anneals a chunk: `states` (runs, spins) and `energies` (runs,) are those of its runs.
    fn run<S: Simd>(&self, s: S, chunk: usize, states: &mut [i8], energies: &mut [f64]);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Isa {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx2Vaes,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

/// All that this processor has, best last.
pub(super) fn available() -> Vec<Isa> {
    let mut found = vec![Isa::Portable];
    #[cfg(target_arch = "x86_64")]
    {
        let sets =
            [(x86::has_avx2(), Isa::Avx2), (x86::has_vaes(), Isa::Avx2Vaes), (x86::has_avx512(), Isa::Avx512)];
        found.extend(sets.into_iter().filter_map(|(has, isa)| has.then_some(isa)));
    }
    #[cfg(target_arch = "aarch64")]
    if neon::has_neon() {
        found.push(Isa::Neon);
    }
    found
}

pub(super) fn best() -> Isa {
    static BEST: OnceLock<Isa> = OnceLock::new();
    *BEST.get_or_init(|| *available().last().expect("the portable path is always there"))
}

/// Runs a chunk with the instructions of `isa`, which must be among the [`available`] ones.
pub(super) fn run<K: Kernel>(isa: Isa, kernel: &K, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma,aes,bmi1,bmi2,lzcnt,popcnt")]
    fn avx2<K: Kernel>(kernel: &K, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        // SAFETY: the features are enabled here.
        kernel.run(unsafe { Avx2::<false>::new() }, chunk, states, energies);
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma,aes,bmi1,bmi2,lzcnt,popcnt,vaes")]
    fn avx2_vaes<K: Kernel>(kernel: &K, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        // SAFETY: the features are enabled here.
        kernel.run(unsafe { Avx2::<true>::new() }, chunk, states, energies);
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(
        enable = "avx2,fma,aes,bmi1,bmi2,lzcnt,popcnt,vaes,gfni,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi"
    )]
    fn avx512<K: Kernel>(kernel: &K, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        // SAFETY: the features are enabled here.
        kernel.run(unsafe { Avx512::new() }, chunk, states, energies);
    }
    #[cfg(target_arch = "aarch64")]
    #[target_feature(enable = "neon,aes")]
    fn neon<K: Kernel>(kernel: &K, chunk: usize, states: &mut [i8], energies: &mut [f64]) {
        // SAFETY: the features are enabled here.
        kernel.run(unsafe { Neon::new() }, chunk, states, energies);
    }
    match isa {
        Isa::Portable => kernel.run(Portable, chunk, states, energies),
        // SAFETY: `available` found the features before it named the instruction set.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2(kernel, chunk, states, energies) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2Vaes => unsafe { avx2_vaes(kernel, chunk, states, energies) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { avx512(kernel, chunk, states, energies) },
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => unsafe { neon(kernel, chunk, states, energies) },
    }
}
