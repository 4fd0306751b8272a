//! What holds for every kernel on every instruction set.

use super::super::exponents::Short;
use super::super::kernel::{self, Kernel};
use super::super::precision::{self, Coldest, Digits, MOST_DIGITS};
use super::super::wide::{Integers, Long};
use super::super::{dense, dynamics, layered, multispin, quantum, single, sparse};
use super::*;
use crate::simd::isa::{self, Isa};

/// States and energies.
pub(super) type Reads = (Vec<i8>, Vec<f64>);

fn reads(samples: Samples) -> Reads {
    (samples.states, samples.energies)
}

/// What a kernel makes of all runs.
pub(super) fn all_chunks(isa: Isa, kernel: &impl Kernel, n: usize, runs: usize) -> Reads {
    let mut samples = Samples { states: vec![0; runs * n], energies: vec![0.0; runs], arithmetic: vec![] };
    let (mut chunk, mut at) = (0, 0);
    while at < runs {
        let end = kernel.end(chunk).min(runs);
        let (states, energies) = (&mut samples.states[at * n..end * n], &mut samples.energies[at..end]);
        kernel::run(isa, kernel, chunk, states, energies);
        (chunk, at) = (chunk + 1, end);
    }
    reads(samples)
}

#[test]
fn same_bits_on_every_instruction_set() {
    for (model, fields) in shapes() {
        let betas: Vec<f64> = (0..40).map(|k| 0.1 * f64::from(k)).collect();
        let (n, couplings) = (model.num_spins(), model.couplings());
        let (criterion, order) = (Criterion::Gibbs, Order::Random);
        let plain = Method::sweeps(&betas);
        let gibbs = Method::Sweeps { betas: &betas, criterion, order: Order::InTurn };
        let random = Method::Sweeps { betas: &betas, criterion: Criterion::Metropolis, order };
        for method in [plain, gibbs, random] {
            let batch = Batch::new(n, &fields[..], method, 7, None, 3, &[0, 1, 2]).unwrap();
            let control = Control::default();
            let job = Job { couplings, batch: &batch, scale: 1.0, key: Key::new(3), control: &control };
            let layouts = model.layouts(1.0);
            let fixed = layouts.fixed(couplings);
            let is_random = method.is_in_random_order();
            let on = |isa: Isa| {
                let mut found = vec![];
                if let Some(sides) = layered::sides(couplings.pattern()) {
                    let layout = layouts.layered(couplings, sides);
                    found.push(all_chunks(isa, &layered::Layered::new(&job, sides, layout, 1), n, 21));
                }
                let single = all_chunks(isa, &single::Single::<Short, 1>::new(&job, fixed), n, 21);
                if !is_random {
                    let sparse = [1, 2, 6].map(|threads| sparse::Sparse::<Short>::new(&job, fixed, threads));
                    assert!(sparse.iter().all(|kernel| all_chunks(isa, kernel, n, 21) == single));
                    let dense = [1, 2, 6].map(|threads| dense::Dense::<Short, 1>::new(&job, fixed, threads));
                    assert!(dense.iter().all(|kernel| all_chunks(isa, kernel, n, 21) == single));
                }
                found.push(single);
                found.push(wide_of_first(isa, &job));
                if let Some(integers) = multispin::Integers::of(&job) {
                    found.push(all_chunks(isa, &multispin::Multispin::new(&job, integers), n, 21));
                }
                found
            };
            let reference = on(Isa::Portable);
            for isa in isa::available() {
                assert!(on(isa) == reference, "{isa:?} differs on {n} spins");
            }
        }
    }
}

fn digits(job: &Job, count: usize, bits: i32) -> Digits {
    Digits::with(&precision::Extent::of_spins(job), Coldest::of(&job.batch.method), count, bits)
}

/// The reads of the first problem in integers of two digits and of four, by all kernels that have them.
fn wide_of_first(isa: Isa, job: &Job) -> Reads {
    let n = job.couplings.num_spins();
    let alone = job.batch.problems(0..1);
    let job = Job { batch: &alone, ..*job };
    let mut all = Reads::default();
    for bits in [16, 9] {
        let digits = digits(&job, 60 / bits as usize, bits);
        let integers = Integers::new(&job, &digits);
        let single = all_chunks(isa, &single::Single::<Long, MOST_DIGITS>::wide(&job, &integers), n, 7);
        if digits.count <= 4 {
            assert!(all_chunks(isa, &single::Single::<Long, 4>::wide(&job, &integers), n, 7) == single);
        }
        if !alone.method.is_in_random_order() {
            let sparse = [1, 2, 6].map(|threads| sparse::Sparse::<Long>::wide(&job, &integers, threads));
            assert!(sparse.iter().all(|kernel| all_chunks(isa, kernel, n, 7) == single));
            let dense = dense::Dense::<Long, MOST_DIGITS>::wide(&job, &integers, 1);
            assert!(all_chunks(isa, &dense, n, 7) == single);
        }
        all.0.extend(single.0);
        all.1.extend(single.1);
    }
    all
}

#[test]
fn same_bits_of_slices_on_every_instruction_set() {
    for slices in [2, 3, 8] {
        for (model, fields) in shapes() {
            let (n, couplings) = (model.num_spins(), model.couplings());
            let rise: Vec<f64> = (0..20).map(|k| 0.05 * f64::from(k)).collect();
            let fall: Vec<f64> = rise.iter().map(|s| 2.0 * (0.95 - s).max(0.0)).collect();
            let trotter = Trotter::new(5.0, slices, &fall, &rise).unwrap();
            let batch = Batch::new(n, &fields[..], Method::Paths(&trotter), 7, None, 3, &[0, 1, 2]).unwrap();
            let control = Control::default();
            let job = Job { couplings, batch: &batch, scale: 1.0, key: Key::new(3), control: &control };
            let layouts = model.layouts(1.0);
            let on = |isa: Isa, threads| {
                let fixed = layouts.fixed(couplings);
                all_chunks(isa, &quantum::Quantum::<Short>::new(&job, &trotter, fixed, threads), n, 21)
            };
            let reference = reads(anneal(&model, &batch, Some(2), &control).unwrap());
            let alone = batch.problems(0..1);
            let first = Job { batch: &alone, ..job };
            let integers = Integers::new(&first, &digits(&first, 3, 16));
            let wide = |isa: Isa, threads| {
                all_chunks(isa, &quantum::Quantum::<Long>::wide(&first, &trotter, &integers, threads), n, 7)
            };
            let wide_reference = wide(Isa::Portable, 1);
            for isa in isa::available() {
                for threads in [1, 2, 6] {
                    assert!(on(isa, threads) == reference, "{isa:?} differs on {n} spins");
                    assert!(wide(isa, threads) == wide_reference, "{isa:?} differs on {n} spins");
                }
            }
        }
    }
}

#[test]
fn same_bits_of_what_flows_on_every_instruction_set() {
    for motion in [Motion::Amplitude { saturation: 0.0 }, Motion::Amplitude { saturation: 0.3 }, Motion::Phase] {
        for (model, fields) in shapes() {
            let (n, couplings) = (model.num_spins(), model.couplings());
            let ramp: Vec<f64> = (0..20).map(|k| 0.05 * f64::from(k)).collect();
            let noise: Vec<f64> = ramp.iter().map(|r| 0.5 * (1.0 - r)).collect();
            let dynamics = Dynamics::new(motion, 0.2, 0.5, &ramp, &noise).unwrap();
            let down = vec![-1i8; 21 * n];
            for start in [None, Some(&*down)] {
                let method = Method::Flow(&dynamics);
                let batch = Batch::new(n, &fields[..], method, 7, start, 3, &[0, 1, 2]).unwrap();
                let control = Control::default();
                let job = Job { couplings, batch: &batch, scale: 1.0, key: Key::new(3), control: &control };
                let reference = reads(anneal(&model, &batch, Some(2), &control).unwrap());
                for isa in isa::available() {
                    let found = match motion {
                        Motion::Amplitude { saturation } => {
                            all_chunks(isa, &dynamics::amplitudes(&job, &dynamics, saturation), n, 21)
                        }
                        Motion::Phase => all_chunks(isa, &dynamics::phases(&job, &dynamics), n, 21),
                    };
                    assert!(found == reference, "{isa:?} differs on {n} spins");
                }
            }
        }
    }
}
