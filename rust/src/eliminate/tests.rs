use super::*;
use crate::rng::{Key, ars};

/// A few spins, many of which have few couplings: rows, columns, values and fields.
type Given = (Vec<i64>, Vec<i64>, Vec<f64>, Vec<f64>);

fn problem(n: usize, pairs: usize, seed: u64, number: fn(u32) -> f64, has_fields: bool) -> Given {
    let key = Key::new(seed);
    let random = |k: usize, what: u32| ars(&key, [k as u32, 0, 0, what]);
    let ends = (0..pairs).map(|k| {
        let [i, step, ..] = random(k, 0).map(|word| word as usize);
        (i % n, (i % n + 1 + step % (n - 1)) % n)
    });
    let (rows, cols) = ends.map(|(i, j)| (i as i64, j as i64)).unzip();
    let values = (0..pairs).map(|k| number(random(k, 1)[0])).collect();
    let fields = (0..n).map(|i| if has_fields { number(random(i, 2)[0]) } else { 0.0 }).collect();
    (rows, cols, values, fields)
}

fn whole(word: u32) -> f64 {
    f64::from(word % 7) - 3.0
}

fn real(word: u32) -> f64 {
    f64::from(word) / f64::from(u32::MAX) - 0.5
}

fn energy(rows: &[i64], cols: &[i64], values: &[f64], fields: &[f64], state: &[i8]) -> f64 {
    let spin = |i: i64| f64::from(state[i as usize]);
    let pairs: f64 = rows.iter().zip(cols).zip(values).map(|((&i, &j), v)| v * spin(i) * spin(j)).sum();
    pairs + fields.iter().zip(state).map(|(h, &s)| h * f64::from(s)).sum::<f64>()
}

fn all_states(n: usize) -> Vec<Vec<i8>> {
    let spin = |code: u32, i: usize| if code >> i & 1 == 1 { -1 } else { 1 };
    (0..1u32 << n).map(|code| (0..n).map(|i| spin(code, i)).collect()).collect()
}

#[test]
fn every_state_of_what_is_left_expands_to_the_lowest_of_those_given() {
    let n = 11;
    for seed in 0..40 {
        for number in [whole, real] {
            let (rows, cols, values, fields) = problem(n, 8 + seed as usize % 12, seed, number, seed % 2 == 1);
            let left = Elimination::new(&rows, &cols, &values, &fields).unwrap();
            let kept = left.kept.len();
            let of_kept = |state: &[i8]| -> usize {
                left.kept.iter().enumerate().map(|(k, &i)| usize::from(state[i as usize] < 0) << k).sum()
            };
            let mut lowest = vec![f64::INFINITY; 1 << kept];
            for state in all_states(n) {
                let place = &mut lowest[of_kept(&state)];
                *place = place.min(energy(&rows, &cols, &values, &fields, &state));
            }
            for state in all_states(kept) {
                let expected = left.constant + energy(&left.rows, &left.cols, &left.values, &left.fields, &state);
                let expanded = left.expand(&state, 1).unwrap();
                let found = energy(&rows, &cols, &values, &fields, &expanded);
                let rounding = if number(0) == whole(0) { 0.0 } else { 1e-12 };
                assert!((found - expected).abs() <= rounding, "{found} {expected}");
                assert!((found - lowest[of_kept(&expanded)]).abs() <= rounding);
            }
        }
    }
}

#[test]
fn nothing_is_left_of_trees_and_rings() {
    let n = 1000;
    let key = Key::new(3);
    let random = |k: usize, what: u32| ars(&key, [k as u32, 0, 0, what])[0];
    let rows: Vec<i64> = (1..n as i64).collect();
    let cols: Vec<i64> = (1..n).map(|i| i64::from(random(i, 0)) % i as i64).collect();
    let values: Vec<f64> = (1..n).map(|i| real(random(i, 1))).collect();
    let fields = vec![0.0; n];
    let left = Elimination::new(&rows, &cols, &values, &fields).unwrap();
    assert!(left.kept.is_empty());
    let sum: f64 = values.iter().map(|x| x.abs()).sum();
    assert!((left.constant + sum).abs() < 1e-9);

    let cols: Vec<i64> = (0..n as i64).map(|i| (i + 1) % n as i64).collect();
    let ring = Elimination::new(&(0..n as i64).collect::<Vec<_>>(), &cols, &vec![1.0; n], &fields).unwrap();
    assert!(ring.kept.is_empty());
    assert_eq!(ring.constant, -(n as f64));
    let state = ring.expand(&[], 1).unwrap();
    assert!((0..n).all(|i| state[i] != state[(i + 1) % n]));
}

#[test]
fn a_star_of_many_is_eliminated_in_no_time() {
    let n = 200_000;
    let left =
        Elimination::new(&vec![0; n - 1], &(1..n as i64).collect::<Vec<_>>(), &vec![1.0; n - 1], &vec![1.0; n]);
    let left = left.unwrap();
    assert!(left.kept.is_empty());
    // The hub is up; all couplings and the fields of the leaves have their way.
    assert_eq!(left.constant, 1.0 - 2.0 * (n - 1) as f64);
}

#[test]
fn small_integers_become_halves_at_most_and_others_stay_whole() {
    for (number, parts) in
        [((|word| f64::from(word & 2) - 1.0) as fn(u32) -> f64, 2.0), (|word| f64::from(word % 8), 1.0)]
    {
        let mut left_over = 0;
        for seed in 0..20 {
            let (rows, cols, values, fields) = problem(60, 90, seed, number, false);
            let left = Elimination::new(&rows, &cols, &values, &fields).unwrap();
            assert!(left.values.iter().all(|x| (parts * x).fract() == 0.0));
            left_over += left.values.len();
        }
        assert!(left_over > 100);
    }
}

#[test]
fn what_is_wrong_is_named() {
    let of = |rows: &[i64], values: &[f64], fields: &[f64]| {
        Elimination::new(rows, &[1], values, fields).unwrap_err().to_string()
    };
    assert!(of(&[1], &[1.0], &[0.0; 2]).contains("spin 1 to itself"));
    assert!(of(&[0], &[f64::NAN], &[0.0; 2]).contains("NaN"));
    assert!(of(&[0], &[1.0], &[0.0, f64::INFINITY]).contains("field 1 is inf"));
    let whole = Elimination::new(&[0], &[1], &[1e308], &[1e308, 1e308]).unwrap();
    assert_eq!(whole.kept, [0, 1]);
    assert!(whole.expand(&[1], 1).unwrap_err().to_string().contains("expected 2"));
    assert!(whole.expand(&[1, 0], 1).unwrap_err().to_string().contains("a spin 0"));
}
