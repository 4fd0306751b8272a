//! Run-time choice of the instruction set: each kernel is written once and compiled for each.

use super::{Job, layered, sparse};
use crate::simd::Portable;
#[cfg(target_arch = "x86_64")]
use crate::simd::x86::{AesNi, Vaes};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Isa {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx2Vaes,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// All that this processor has, best last.
pub(super) fn available() -> Vec<Isa> {
    let mut found = vec![Isa::Portable];
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("aes") {
        found.push(Isa::Avx2);
        if is_x86_feature_detected!("vaes") {
            found.push(Isa::Avx2Vaes);
            let wide = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            if wide {
                found.push(Isa::Avx512);
            }
        }
    }
    found
}

pub(super) fn best() -> Isa {
    static BEST: std::sync::OnceLock<Isa> = std::sync::OnceLock::new();
    *BEST.get_or_init(|| *available().last().expect("the portable path is always there"))
}

/// Compiles `$module::run` for every instruction set, under the name `$name`.
macro_rules! kernel {
    ($name:ident, $module:ident) => {
        pub(super) fn $name(
            isa: Isa,
            job: &Job,
            problem: &$module::Couplings,
            first: usize,
            states: &mut [i8],
            energies: &mut [f64],
        ) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,aes")]
            fn avx2(
                job: &Job,
                problem: &$module::Couplings,
                first: usize,
                states: &mut [i8],
                energies: &mut [f64],
            ) {
                // SAFETY: the features that AesNi needs are enabled here.
                unsafe { $module::run::<AesNi>(job, problem, first, states, energies) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,aes,vaes")]
            fn avx2_vaes(
                job: &Job,
                problem: &$module::Couplings,
                first: usize,
                states: &mut [i8],
                energies: &mut [f64],
            ) {
                // SAFETY: the features that Vaes needs are enabled here.
                unsafe { $module::run::<Vaes>(job, problem, first, states, energies) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,aes,vaes,avx512f,avx512bw,avx512dq,avx512vl")]
            fn avx512(
                job: &Job,
                problem: &$module::Couplings,
                first: usize,
                states: &mut [i8],
                energies: &mut [f64],
            ) {
                // SAFETY: the features that Vaes needs are enabled here.
                unsafe { $module::run::<Vaes>(job, problem, first, states, energies) }
            }
            // SAFETY: `available` found the features before it named the instruction set, and Portable
            // needs none.
            unsafe {
                match isa {
                    Isa::Portable => $module::run::<Portable>(job, problem, first, states, energies),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => avx2(job, problem, first, states, energies),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2Vaes => avx2_vaes(job, problem, first, states, energies),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 => avx512(job, problem, first, states, energies),
                }
            }
        }
    };
}

kernel!(layered, layered);
kernel!(sparse, sparse);
