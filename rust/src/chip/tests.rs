//! What Python cannot see; the rest is tested against dwave-system in tests/embedding/test_placement.py.

use super::*;

/// Two copies of a pair of spins, chains of 3 and 2 qubits.
fn pairs() -> Placement {
    let couplers: (&[i64], &[i64]) = (&[0, 1, 2, 3, 5, 6, 7, 8, 4], &[1, 2, 3, 4, 6, 7, 8, 9, 5]);
    let starts = [0, 3, 5, 8, 10];
    let qubits: Vec<i64> = (0..10).collect();
    Placement::new(10, &starts, &qubits, Some(couplers), 2, &[0], &[1]).unwrap()
}

#[test]
fn majority_counts_any_chain() {
    for length in 1..=70usize {
        let qubits: Vec<i64> = (0..length as i64).collect();
        let placement = Placement::new(length, &[0, length as i64], &qubits, None, 1, &[], &[]).unwrap();
        // Read r has r qubits down.
        let samples: Vec<i8> =
            (0..=length).flat_map(|r| (0..length).map(move |q| if q < r { -1 } else { 1 })).collect();
        let logical = placement.unembed(States::Spins(&samples), Rule::Majority, 1, 0, None).unwrap();
        for (r, s) in logical.states().unwrap().into_iter().enumerate() {
            match (2 * r).cmp(&length) {
                std::cmp::Ordering::Equal => assert!(s == 1 || s == -1),
                more => assert_eq!(s, if more.is_gt() { -1 } else { 1 }, "{r} of {length}"),
            }
        }
        let broken = logical.broken();
        assert!((1..length).all(|r| broken[r] == 1) && broken[0] == 0 && broken[length] == 0);
    }
}

#[test]
fn memory_is_not_asked_for_in_vain() {
    assert!(Placement::new(usize::MAX, &[0, 1], &[0], None, 1, &[], &[]).is_err());
    assert!(Placement::new(1, &[0], &[], None, 1, &[], &[]).is_err());
    assert!(Placement::new(1, &[], &[], None, 0, &[], &[]).is_err());
}

#[test]
fn reads_of_another_placement_are_refused() {
    let logical = pairs().unembed(States::Spins(&[1; 10]), Rule::Majority, 0, 0, None).unwrap();
    let other = Placement::new(2, &[0, 1, 2], &[0, 1], None, 2, &[0], &[1]).unwrap();
    assert!(other.moments(&logical, None).is_err());
    assert!(other.energies(&logical, &[1.0], &[0.0, 0.0]).is_err());
}
