//! Whole ladders: the same bits everywhere, and Boltzmann's distribution at each temperature.

use super::*;
use crate::simd::isa::available;

/// A ring of so many spins with chords, integers or not.
fn ring(spins: usize, is_real: bool) -> Model {
    let (mut rows, mut cols, mut values) = (vec![], vec![], vec![]);
    for i in 0..spins as i64 {
        for (step, value) in [(1, 1.0), (3, -2.0)] {
            rows.push(i);
            cols.push((i + step) % spins as i64);
            values.push(
                value * if i % 3 == 0 { -1.0 } else { 1.0 } * if is_real { 1.0 + 0.01 * i as f64 } else { 1.0 },
            );
        }
    }
    Model::new(spins, &rows, &cols, &values).unwrap()
}

fn tempering<'a>(fields: &'a [f64], betas: &'a [f64]) -> Tempering<'a> {
    Tempering {
        fields: fields.into(),
        rest: None,
        betas,
        num_ladders: 2,
        num_rounds: 200,
        sweeps_per_round: 1,
        adapt: true,
        clusters: Clusters::Auto,
        seed: 7,
        target: None,
        with_last: true,
    }
}

/// All but the seconds.
fn bits(tempered: &Tempered) -> (Vec<i8>, Vec<i8>, Vec<u64>, Vec<u64>, u64) {
    let numbers = |numbers: &[f64]| numbers.iter().map(|number| number.to_bits()).collect();
    let rates = numbers(&tempered.exchange_rates);
    (tempered.best.clone(), tempered.last.clone(), numbers(&tempered.betas), rates, tempered.round_trips)
}

#[test]
fn the_same_on_any_processor_and_number_of_threads() {
    let betas: Vec<f64> = (1..=11).map(|k| 0.15 * f64::from(k)).collect();
    for is_real in [false, true] {
        let model = ring(19, is_real);
        for field in [0.0, 1.0] {
            let fields = [field; 19];
            let tempering = tempering(&fields, &betas);
            let on = |isa, threads| {
                bits(&temper_on(isa, &model, &tempering, Some(threads), &Control::default()).unwrap())
            };
            let wanted = on(isa::best(), 1);
            assert!(wanted.4 > 0);
            assert_eq!(on(isa::best(), 2), wanted);
            for isa in available() {
                assert!(on(isa, 1) == wanted, "{isa:?}");
            }
        }
    }
}

#[test]
fn mean_energies_are_those_of_all_states() {
    let betas = [0.2, 0.5, 0.9, 1.4];
    let fields: Vec<f64> = (0..11).map(|i| [0.0, 1.0, -2.0][i % 3]).collect();
    for (is_real, field, clusters) in
        [(false, 0.0, true), (false, 1.0, true), (false, 1.0, false), (true, 0.0, true), (true, 1.0, true)]
    {
        let model = ring(11, is_real);
        let fields: Vec<f64> = fields.iter().map(|h| field * h).collect();
        let clusters = if clusters { Clusters::On } else { Clusters::Off };
        let num_ladders = if is_real { 256 } else { 32 };
        let tempering = Tempering { adapt: false, clusters, num_ladders, ..tempering(&fields, &betas) };
        let tempered = temper(&model, &tempering, None, &Control::default()).unwrap();
        assert_eq!(tempered.arithmetic, if is_real { Arithmetic::Single } else { Arithmetic::Integer });
        let states: Vec<f64> = (0..1 << 11).map(|bits| energy(&model, &fields, bits)).collect();
        for (t, beta) in betas.iter().enumerate() {
            let weights: Vec<f64> = states.iter().map(|energy| (-beta * energy).exp()).collect();
            let z: f64 = weights.iter().sum();
            let moment = |power| {
                states.iter().zip(&weights).map(|(energy, weight)| energy.powi(power) * weight / z).sum::<f64>()
            };
            let (mean, variance) = (moment(1), moment(2) - moment(1).powi(2));
            let of_ladders = tempered.last_energies.chunks(4 * tempered.copies);
            let found: Vec<f64> =
                of_ladders.flat_map(|ladder| &ladder[t * tempered.copies..][..tempered.copies]).copied().collect();
            let error = (variance / found.len() as f64).sqrt();
            let off = found.iter().sum::<f64>() / found.len() as f64 - mean;
            // Drawn afresh, one of these twenty would fail in 30,000 runs.
            assert!(off.abs() < 5.0 * error, "{is_real} {field} {beta}: {off} +- {error}");
        }
        let lowest = states.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(tempered.energies.iter().all(|energy| (energy - lowest).abs() < 1e-9));
    }
}

fn energy(model: &Model, fields: &[f64], bits: usize) -> f64 {
    let spin = |i: usize| if bits >> i & 1 == 1 { -1.0 } else { 1.0 };
    let of_pairs = |i: usize| {
        let (neighbours, values) = model.couplings().row(i);
        neighbours.iter().zip(values).map(|(&j, value)| value * spin(j as usize) * spin(i) / 2.0).sum::<f64>()
    };
    (0..fields.len()).map(|i| fields[i] * spin(i) + of_pairs(i)).sum()
}

#[test]
fn what_is_out_of_range_is_named() {
    let model = ring(7, true);
    let fields = [0.0; 7];
    let text =
        |tempering: Tempering| temper(&model, &tempering, None, &Control::default()).unwrap_err().to_string();
    let many: Vec<f64> = (1..=65).map(f64::from).collect();
    assert!(text(tempering(&fields, &[1.0])).contains("1 temperatures, expected 2 to 64"));
    assert!(text(tempering(&fields, &many)).contains("65 temperatures"));
    assert!(text(tempering(&fields, &[1.0, 1.0])).contains("betas hold 1 after 1, expected rising ones"));
    assert!(text(tempering(&fields, &[0.0, 1.0])).contains("betas hold 0, expected"));
    let on = Tempering { clusters: Clusters::On, ..tempering(&fields, &many[..33]) };
    assert!(text(on).contains("at most 32 temperatures in place of 33"));
    assert!(text(Tempering { num_ladders: 0, ..tempering(&fields, &[1.0, 2.0]) }).contains("0 ladders"));
    let long = Tempering { sweeps_per_round: usize::MAX, ..tempering(&fields, &[1.0, 2.0]) };
    assert!(text(long).contains("expected 1 to 4294967293 sweeps"));
    assert!(text(tempering(&fields, &[1.0, 1e9])).contains("betas end at 1000000000, where this problem needs"));
}

#[test]
fn a_call_that_is_to_finish_does_one_round() {
    let control = Control::default();
    control.finish();
    let (model, fields) = (ring(9, false), [0.0; 9]);
    let tempered = temper(&model, &tempering(&fields, &[0.5, 1.0]), None, &control).unwrap();
    assert_eq!(tempered.rounds, [1, 1]);
    assert_eq!(control.done(), 2);
    assert!(tempered.energies.iter().all(|energy| *energy < 0.0));
}
