//! Run-time choice of the instruction set: what runs on vectors is written once and compiled for each.

#[cfg(target_arch = "aarch64")]
use super::neon::{self, Neon};
#[cfg(target_arch = "x86_64")]
use super::x86::{self, Avx2, Avx512};
use super::{Portable, Simd};
use std::sync::OnceLock;

/// Something to do with the vectors of any instruction set.
pub(crate) trait OnVectors {
    /// Must be `#[inline(always)]`, and so must be what it calls: only then is it compiled for the instruction set.
    fn run<S: Simd>(self, s: S);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isa {
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
pub(crate) fn available() -> Vec<Isa> {
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

pub(crate) fn best() -> Isa {
    static BEST: OnceLock<Isa> = OnceLock::new();
    *BEST.get_or_init(|| *available().last().expect("the portable path is always there"))
}

/// Does `work` with the instructions of `isa`, which must be among the [`available`] ones.
pub(crate) fn run<W: OnVectors>(isa: Isa, work: W) {
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma,aes,bmi1,bmi2,lzcnt,popcnt")]
    fn avx2<W: OnVectors>(work: W) {
        // SAFETY: the features are enabled here.
        work.run(unsafe { Avx2::<false>::new() });
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma,aes,bmi1,bmi2,lzcnt,popcnt,vaes")]
    fn avx2_vaes<W: OnVectors>(work: W) {
        // SAFETY: the features are enabled here.
        work.run(unsafe { Avx2::<true>::new() });
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(
        enable = "avx2,fma,aes,bmi1,bmi2,lzcnt,popcnt,vaes,gfni,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vnni"
    )]
    fn avx512<W: OnVectors>(work: W) {
        // SAFETY: the features are enabled here.
        work.run(unsafe { Avx512::new() });
    }
    #[cfg(target_arch = "aarch64")]
    #[target_feature(enable = "neon,aes")]
    fn neon<W: OnVectors>(work: W) {
        // SAFETY: the features are enabled here.
        work.run(unsafe { Neon::new() });
    }
    match isa {
        Isa::Portable => work.run(Portable),
        // SAFETY: `available` found the features before it named the instruction set.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2(work) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2Vaes => unsafe { avx2_vaes(work) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { avx512(work) },
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => unsafe { neon(work) },
    }
}
