//! Layers with shared weights: the same on every instruction set, and what the definition says.

use super::super::shared::Shared;
use super::kernels::{Reads, all_chunks};
use super::*;
use crate::rng::{INITIAL, ars};
use crate::simd::isa::{self, Isa};

const BETAS: [f64; 30] = {
    let mut betas = [0.1; 30];
    let mut t = 0;
    while t < 30 {
        betas[t] = 0.1 + 0.15 * t as f64;
        t += 1;
    }
    betas
};

/// With `reads` of three problems.
fn on_every_isa(method: Method, reads: usize) -> Reads {
    let (model, fields) = layers();
    let (n, weights) = (model.num_spins(), model.shared().unwrap());
    let batch = Batch::new(n, &fields[..], method, reads, None, 3, &[7, 1, 2]).unwrap();
    let control = Control::default();
    let couplings = &weights.layout.unpaired;
    let job = Job { couplings, batch: &batch, scale: 1.0, key: Key::new(3), control: &control };
    let on = |isa: Isa, threads| all_chunks(isa, &Shared::new(&job, weights, threads), n, 3 * reads);
    let reference = on(Isa::Portable, 1);
    for isa in isa::available() {
        for threads in [1, 2, 6] {
            assert!(on(isa, threads) == reference, "{isa:?} differs on chunks for {threads} threads");
        }
    }
    let through_the_front = anneal(&model, &batch, Some(2), &control).unwrap();
    assert_eq!(through_the_front.arithmetic, [Arithmetic::Single; 3]);
    assert!((through_the_front.states, through_the_front.energies) == reference);
    reference
}

#[test]
fn same_bits_on_every_instruction_set() {
    let (criterion, order) = (Criterion::Gibbs, Order::InTurn);
    for reads in [1, 7, 30] {
        on_every_isa(Method::sweeps(&BETAS), reads);
        on_every_isa(Method::Sweeps { betas: &BETAS, criterion, order }, reads);
    }
}

/// Updates spin after spin in double precision, with the same random numbers.
#[test]
fn flips_are_those_of_the_definition() {
    let (states, _) = on_every_isa(Method::sweeps(&BETAS), 7);
    let (model, fields) = layers();
    let (n, couplings, key) = (model.num_spins(), model.couplings(), Key::new(3));
    let shapes = [[30usize, 3], [8, 18], [4, 18], [1, 7], [8, 18]];
    let mut fours: Vec<[usize; 2]> = vec![];
    for [places, channels] in shapes {
        for _ in 0..places {
            let first = fours.last().map_or(0, |[four, _]| four + 1);
            fours.extend((0..channels).map(|c| [first + c / 4, c % 4]));
        }
    }
    for (run, found) in states.chunks(n).enumerate() {
        let (problem, id) = (run / 7, [7, 1, 2][run / 7]);
        let number = |i: usize, t| {
            let [four, word] = fours[i];
            ars(&key, [four as u32, t, (run % 7) as u32, id])[word]
        };
        let mut state: Vec<f64> = (0..n).map(|i| if number(i, INITIAL) >> 31 == 1 { -1.0 } else { 1.0 }).collect();
        for (t, beta) in BETAS.iter().enumerate() {
            for i in 0..n {
                let (neighbours, values) = couplings.row(i);
                let of_pairs: f64 = neighbours.iter().zip(values).map(|(&j, v)| v * state[j as usize]).sum();
                let u = f64::from(number(i, t as u32) & i32::MAX as u32 | 1) / 2f64.powi(31);
                if u < (2.0 * beta * state[i] * (fields[problem * n + i] + of_pairs)).exp() {
                    state[i] = -state[i];
                }
            }
        }
        assert!(found.iter().zip(&state).all(|(&s, &wanted)| f64::from(s) == wanted), "run {run} differs");
    }
}

#[test]
fn local_fields_are_those_of_the_pairs() {
    let (model, fields) = layers();
    let n = model.num_spins();
    let states: Vec<i8> = (0..3 * 50 * n).map(|k| if k * k % 7 < 3 { -1 } else { 1 }).collect();
    let found = local_fields(&model, &states, &fields[..], 50, Some(2)).unwrap();
    for (run, (state, found)) in states.chunks(n).zip(found.chunks(n)).enumerate() {
        for (i, &found) in found.iter().enumerate() {
            let (neighbours, values) = model.couplings().row(i);
            let of_pairs = neighbours.iter().zip(values).map(|(&j, v)| v * f64::from(state[j as usize]));
            let wanted = fields[run / 50 * n + i] + of_pairs.sum::<f64>();
            assert!((f64::from(found) - wanted).abs() < 1e-5, "{found} {wanted}");
        }
        let h = &fields[run / 50 * n..][..n];
        assert_eq!(local_fields(&model, state, h, 1, Some(1)).unwrap(), found);
    }
}

#[test]
fn what_needs_pairs_gets_them() {
    let (model, fields) = layers();
    let n = model.num_spins();
    let cold = [0.1, f64::INFINITY];
    let batch = Batch::new(n, &fields[..], Method::sweeps(&cold), 4, None, 3, &[0, 1, 2]).unwrap();
    assert_eq!(anneal(&model, &batch, Some(1), &Control::default()).unwrap().arithmetic, [Arithmetic::Wide; 3]);
    // Weights of nothing leave each spin to its field.
    let free = model.with_values(&vec![0.0; model.shared().unwrap().values.len()]).unwrap();
    let batch = Batch::new(n, &fields[..], Method::sweeps(&[30.0; 9]), 4, None, 3, &[0, 1, 2]).unwrap();
    let samples = anneal(&free, &batch, Some(1), &Control::default()).unwrap();
    for (k, &s) in samples.states.iter().enumerate() {
        let h = fields[k / (4 * n) * n + k % n];
        assert!(f64::from(s) * h < 0.0 || h.abs() < 0.2);
    }
}
