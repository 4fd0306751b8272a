//! What holds for spins in chains.

use super::super::chained::Chained;
use super::super::exponents::Short;
use super::super::precision::{self, Coldest, Digits};
use super::super::single;
use super::super::wide::{Integers, Long};
use super::kernels::all_chunks;
use super::*;
use crate::simd::isa;

/// Two chains of a small problem, of kinds 1 and 2, and sweeps over spins and chains in turn.
fn chains(betas: &[f64], sweeps: &[u32]) -> Chains {
    let kinds: Vec<u32> = (0..betas.len()).map(|t| sweeps[t % sweeps.len()]).collect();
    Chains::new(betas, &kinds, &[0, 3, 5], &[4, 0, 2, 1, 5], &[1, 2]).unwrap()
}

#[test]
fn without_sweeps_over_chains_reads_are_those_of_spins_alone() {
    let betas: Vec<f64> = (0..40).map(|k| 0.1 * f64::from(k)).collect();
    for (model, fields) in [problem(12, None, 12), problem(37, None, 37), problem(160, Some(120), 3)] {
        let (n, couplings) = (model.num_spins(), model.couplings());
        let spins_only = chains(&betas, &[0]);
        let batch = |method| Batch::new(n, &fields[..], method, 7, None, 3, &[0, 1, 2]).unwrap();
        let heat_bath = Method::Sweeps { betas: &betas, criterion: Criterion::Gibbs, order: Order::InTurn };
        let (plain, in_chains) = (batch(heat_bath), batch(Method::Chains(&spins_only)));
        let control = Control::default();
        let job = |batch| Job { couplings, batch, scale: 1.0, key: Key::new(3), control: &control };
        let (plain, in_chains) = (job(&plain), job(&in_chains));
        let layouts = model.layouts(1.0);
        let fixed = layouts.fixed(couplings);
        for isa in isa::available() {
            let wanted = all_chunks(isa, &single::Single::<Short, 1>::new(&plain, fixed), n, 21);
            for threads in [1, 2, 6] {
                let kernel = Chained::<Short>::new(&in_chains, &spins_only, fixed, threads);
                assert!(all_chunks(isa, &kernel, n, 21) == wanted, "{n} spins, {threads} threads");
            }
        }
    }
}

#[test]
fn same_bits_on_every_instruction_set_in_both_arithmetics() {
    let betas = [0.8; 60];
    let (model, fields) = problem(37, None, 5);
    let schedule = chains(&betas, &[0, 1, 2]);
    let batch = Batch::new(37, &fields[..37], Method::Chains(&schedule), 192, None, 3, &[0]).unwrap();
    let control = Control::default();
    let job = Job { couplings: model.couplings(), batch: &batch, scale: 1.0, key: Key::new(3), control: &control };
    let layouts = model.layouts(1.0);
    let fixed = layouts.fixed(model.couplings());
    assert!(precision::is_single_enough(&job, Coldest::of(&batch.method), || fixed));
    let digits = Digits::of(&job);
    let integers = Integers::new(&job, &digits);
    let on = |isa, threads| {
        let short = Chained::<Short>::new(&job, &schedule, fixed, threads);
        let long = Chained::<Long>::wide(&job, &schedule, &integers, threads);
        (all_chunks(isa, &short, 37, 192), all_chunks(isa, &long, 37, 192))
    };
    let wanted = on(isa::available()[0], 1);
    for isa in isa::available() {
        for threads in [1, 2, 6] {
            assert!(on(isa, threads) == wanted);
        }
    }
    // Rounded otherwise, a flip in some thousands falls otherwise.
    let like = wanted.0.0.iter().zip(&wanted.1.0).filter(|(a, b)| a == b).count();
    assert!(like > 37 * 192 * 9 / 10, "{like}");
}

/// Means over all states of six spins in a Boltzmann distribution, of what is told of spins and their energy.
fn exact<const K: usize>(
    model: &Model,
    fields: &[f64],
    beta: f64,
    told: impl Fn(&[i8], f64) -> [f64; K],
) -> [f64; K] {
    let batch = Batch::new(6, fields, Method::sweeps(&[0.0]), 1, None, 0, &[0]).unwrap();
    let control = Control::default();
    let job = Job { couplings: model.couplings(), batch: &batch, scale: 1.0, key: Key::new(0), control: &control };
    let (mut sums, mut total) = ([0.0; K], 0.0);
    for state in 0..64u32 {
        let spins: Vec<i8> = (0..6).map(|i| if state >> i & 1 == 1 { -1 } else { 1 }).collect();
        let energy = job.energy(0, &spins);
        let weight = (-beta * energy).exp();
        total += weight;
        for (sum, of_state) in sums.iter_mut().zip(told(&spins, energy)) {
            *sum += weight * of_state;
        }
    }
    sums.map(|sum| sum / total)
}

#[test]
fn broken_and_whole_chains_sample_the_boltzmann_distribution() {
    // Six spins, all states of them: mean energy and how often the first chain is whole.
    let (model, fields) = problem(6, None, 6);
    let fields = &fields[..6];
    let beta = 1.5;
    let is_whole = |s: &[i8]| s[4] == s[0] && s[0] == s[2];
    let [exact_mean, exact_whole] =
        exact(&model, fields, beta, |spins, energy| [energy, f64::from(u8::from(is_whole(spins)))]);
    for sweeps in [&[0, 1, 2][..], &[1, 0], &[0, 2, 2]] {
        let schedule = chains(&[beta; 90], sweeps);
        let reads = 20_000;
        let batch = Batch::new(6, fields, Method::Chains(&schedule), reads, None, 1, &[0]).unwrap();
        let samples = anneal(&model, &batch, None, &Control::default()).unwrap();
        let mean = samples.energies.iter().sum::<f64>() / reads as f64;
        let whole = samples.states.chunks(6).filter(|spins| is_whole(spins)).count() as f64;
        // Five standard errors of 20,000 independent reads: a false alarm in a million.
        let spread = samples.energies.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / reads as f64;
        let root = (reads as f64).sqrt();
        assert!((mean - exact_mean).abs() < 5.0 * spread.sqrt() / root, "{mean} {exact_mean}");
        assert!((whole / reads as f64 - exact_whole).abs() < 5.0 * 0.5 / root);
    }
}

#[test]
fn a_gain_multiplies_the_fields_of_its_sweep_in_both_arithmetics() {
    let (model, fields) = problem(6, None, 6);
    let fields = &fields[..6];
    let (beta, reads) = (1.1, 20_000);
    // What the gain was before does not matter: all is forgotten in the last 60 sweeps.
    for gain in [-1.0, 0.0, 0.4, 2.0] {
        let gains: Vec<f64> = (0..90).map(|t| if t < 30 { 3.0 } else { gain }).collect();
        let schedule = chains(&[beta; 90], &[0, 1, 2]).with_gains(&gains).unwrap();
        let gained: Vec<f64> = fields.iter().map(|h| gain * h).collect();
        let batch = Batch::new(6, fields, Method::Chains(&schedule), reads, None, 1, &[0]).unwrap();
        let control = Control::default();
        let job =
            Job { couplings: model.couplings(), batch: &batch, scale: 1.0, key: Key::new(1), control: &control };
        let layouts = model.layouts(1.0);
        let integers = Integers::new(&job, &Digits::of(&job));
        let isa = *isa::available().last().unwrap();
        let short = Chained::<Short>::new(&job, &schedule, layouts.fixed(model.couplings()), 1);
        let long = Chained::<Long>::wide(&job, &schedule, &integers, 1);
        let wanted = exact(&model, &gained, beta, |spins, _| [0, 1, 2].map(|i| f64::from(u8::from(spins[i] > 0))));
        for states in [all_chunks(isa, &short, 6, reads).0, all_chunks(isa, &long, 6, reads).0] {
            for (i, wanted) in wanted.iter().enumerate() {
                let up = states.chunks(6).filter(|spins| spins[i] > 0).count() as f64 / reads as f64;
                // Five standard errors of independent reads: a false alarm in a million.
                assert!((up - wanted).abs() < 5.0 * 0.5 / (reads as f64).sqrt(), "{gain} {i} {up} {wanted}");
            }
        }
    }
    let [plain, gained] = [None, Some([1.0; 60])].map(|gains| {
        let schedule = chains(&[0.8; 60], &[0, 1, 2]);
        let schedule = gains.map_or(schedule.clone(), |gains| schedule.with_gains(&gains).unwrap());
        let batch = Batch::new(6, fields, Method::Chains(&schedule), 64, None, 1, &[0]).unwrap();
        anneal(&model, &batch, None, &Control::default()).unwrap().states
    });
    assert!(plain == gained, "a gain of 1 changes nothing");
}

#[test]
fn a_chain_turns_where_its_spins_cannot() {
    // A chain of eight whose couplings are stiff, all up, in a weak field that wants it down.
    let n = 8;
    let (rows, cols): (Vec<i64>, Vec<i64>) = (0..n as i64 - 1).map(|i| (i, i + 1)).unzip();
    let model = Model::new(n, &rows, &cols, &vec![-20.0; n - 1]).unwrap();
    let spins: Vec<u32> = (0..n as u32).collect();
    let turned = |kinds: &[u32]| {
        let schedule = Chains::new(&vec![3.0; kinds.len()], kinds, &[0, n], &spins, &[1]).unwrap();
        let (fields, up) = ([0.25; 8], [1; 8]);
        let batch = Batch::new(n, &fields[..], Method::Chains(&schedule), 64, Some(&up), 1, &[0]).unwrap();
        let samples = anneal(&model, &batch, Some(1), &Control::default()).unwrap();
        samples.states.iter().filter(|&&spin| spin < 0).count()
    };
    assert_eq!(turned(&[0; 50]), 0);
    assert_eq!(turned(&[0, 1, 0]), 64 * n);
}

#[test]
fn schedules_that_are_none() {
    let schedule = |betas: &[f64], kinds: &[u32], starts: &[usize], spins: &[u32], of: &[u32]| {
        Chains::new(betas, kinds, starts, spins, of).unwrap_err().to_string()
    };
    assert!(schedule(&[1.0], &[0, 1], &[0, 1], &[0], &[1]).starts_with("kinds holds 2 numbers"));
    assert!(schedule(&[f64::INFINITY], &[0], &[0, 1], &[0], &[1]).starts_with("beta of sweep 0 is infinite"));
    for starts in [&[][..], &[0], &[0, 0, 2], &[1, 2], &[0, 1]] {
        assert!(schedule(&[1.0], &[0], starts, &[0, 1], &[1]).starts_with("starts of chains are"));
    }
    assert!(schedule(&[1.0], &[0], &[0, 2], &[0, 1], &[1, 1]).starts_with("kinds_of holds 2 numbers"));
    assert!(schedule(&[1.0], &[0], &[0, 2], &[3, 3], &[1]).starts_with("spin 3 is in two chains"));
    assert!(schedule(&[1.0], &[0], &[0, 2], &[0, 1], &[0]).starts_with("chain 0 is of kind 0"));
    assert!(schedule(&[1.0], &[0], &[0, 2], &[0, 1], &[9]).starts_with("chain 0 is of kind 9"));
    assert!(schedule(&[1.0], &[2], &[0, 2], &[0, 1], &[1]).starts_with("sweep 0 is over chains of kind 2"));
    let gains = |gains: &[f64]| chains(&[1.0; 2], &[0]).with_gains(gains).unwrap_err().to_string();
    assert!(gains(&[1.0]).starts_with("gains holds 1 numbers, expected 2"));
    assert!(gains(&[1.0, f64::NAN]).starts_with("gain of sweep 1 is NaN"));
    assert!(gains(&[-2e6, 1.0]).starts_with("gain of sweep 0 is -2000000"));
    let far = Chains::new(&[1.0], &[0], &[0, 1], &[7], &[1]).unwrap();
    let batch = Batch::new(2, &[0.0, 0.0][..], Method::Chains(&far), 1, None, 1, &[0]);
    assert!(batch.unwrap_err().to_string().starts_with("a chain holds spin 7"));
}
