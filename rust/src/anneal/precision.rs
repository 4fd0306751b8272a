//! Which arithmetic a problem needs, from its numbers and its coldest temperature alone.
//!
//! A flip is decided by its exponent `rate s_i f_i`, with the local field `f_i = h_i + sum_j J_ij s_j` and
//! `rate = 2 beta log2 e`. Numbers may be large and cancel: of a penalty of 1e8 and its field nothing is left but a
//! weight of 1. What a field is off by is therefore compared with the temperature, not with the numbers:
//!
//! | arithmetic | couplings | fields | a problem has it where |
//! |---|---|---|---|
//! | integer | small multiples of a quantum | the same | it is so (`multispin/integers.rs`) |
//! | single | 31 bits of a spin's sum | 24 bits of their own | no exponent is off by more than `TOLERANCE` |
//! | wide | as many digits as it takes, one of 30 bits or more of some 20 | the same | anything else, and sweeps at zero temperature |
//!
//! Most problems are told apart by two numbers, their largest coupling and field; only where these are large, or
//! the temperature is low, every spin is looked at.

use super::batch::largest;
use super::fixed::Fixed;
use super::job::{Job, RATE};
use super::method::Method;
use super::samples::Arithmetic;

/// What an exponent may be off by at the coldest temperature: a flip's probability is then off by half a percent.
const TOLERANCE: f64 = 1.0 / 128.0;

/// The coldest sweep of a job.
#[derive(Clone, Copy)]
pub(super) struct Coldest {
    /// The largest finite rate.
    rate: f64,
    pub(super) zero_temperature: bool,
}

impl Coldest {
    pub(super) fn of(method: &Method) -> Self {
        let betas = method.betas();
        let mut beta = betas.iter().copied().fold(0.0, f64::max);
        let zero_temperature = beta.is_infinite();
        if zero_temperature {
            let finite = betas.iter().copied().filter(|beta| beta.is_finite());
            beta = finite.fold(0.0, f64::max);
        }
        // A path integral flips a spin in all slices at once, whose fields add up.
        Coldest { rate: beta * RATE * method.slices() as f64, zero_temperature }
    }

    /// Whether exponents of fields up to this stay finite, or zero times infinity is no number.
    pub(super) fn is_finite(self, field: f64) -> bool {
        self.rate * field < 2f64.powi(100)
    }

    /// Whether a field that is off by so much decides flips as it should.
    pub(super) fn allows(self, off: f64) -> bool {
        off == 0.0 || !self.zero_temperature && self.rate * off <= TOLERANCE
    }
}

/// Whether single precision is enough for the one problem of `job`.
pub(super) fn is_single_enough<'a>(job: &Job, coldest: Coldest, fixed: impl FnOnce() -> &'a Fixed) -> bool {
    let degree = job.couplings.pattern().max_degree() as f64;
    let (total, field) = (degree * job.couplings.largest(), job.batch.fields.largest());
    if coldest.zero_temperature || !coldest.is_finite(total + field) {
        return false;
    }
    let off = job.batch.rest.map_or(0.0, largest)
        + field * 2f64.powi(-23)
        + total * (2f64.powi(-24) + degree * 2f64.powi(-30));
    coldest.allows(off) || every_field_is_right(job, coldest, fixed())
}

/// The same question, spin by spin.
fn every_field_is_right(job: &Job, coldest: Coldest, fixed: &Fixed) -> bool {
    let scale = job.scale;
    job.batch.fields.iter().enumerate().all(|(i, h)| {
        let (neighbours, couplings) = job.couplings.row(i);
        let total: f64 = couplings.iter().map(|value| value.abs()).sum();
        let kept = job.scaled(h);
        let mut off = job.batch.rest.map_or(0.0, |rest| rest[i].abs());
        // Of a larger field not enough is cancelled to matter: it is right to 22 bits of what is left.
        if h != 0.0 && (h.abs() < 2.0 * total || !kept.is_normal()) {
            off += (h.abs() + total) * 2f64.powi(-24) + (h - f64::from(kept) / scale).abs();
        }
        let unit = f64::from(fixed.unit[i]) / scale;
        let rounding = neighbours.len() as f64 * unit / 2.0;
        if coldest.allows(2.0 * rounding) {
            return coldest.allows(off + rounding);
        }
        let kept = &fixed.terms.twice[job.couplings.pattern().row(i).1..][..couplings.len()];
        off += couplings.iter().zip(kept).map(|(j, k)| (j - f64::from(k / 2) * unit).abs()).sum::<f64>();
        coldest.allows(off)
    })
}

/// Integers of several digits: where the digits of each spin's numbers stand.
///
/// ```text
/// number of spin i    [ digit 0 | digit 1 | ... | last digit ]     `bits` to a digit, and the rest in digit 0
///                                                           ^ 2^last[i]
/// ```
///
/// One digit alone has 30 bits, of which a float holds 24 of what is left when terms have cancelled. Of more than one,
/// digits go from `-2^(bits - 1)` to `2^(bits - 1)`, so few bits that all digits of one place that meet in a sum make less than
/// `2^24`: a float holds it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Digits {
    pub(super) count: usize,
    pub(super) bits: i32,
    pub(super) last: Vec<i32>,
    /// Whether no exponent is off by more than `TOLERANCE`.
    pub(super) enough: bool,
}

/// Bits of an integer of one digit.
const BITS_OF_ONE: i32 = 30;
/// Bits of the longest integer: what is added up of it in floats must stay finite.
const MOST_BITS: i32 = 100;
/// Digits of the longest integer; of a spin with more than `2^15` neighbours they have less than 100 bits.
pub(super) const MOST_DIGITS: usize = 8;
/// Every double is a multiple of two to this power.
const LEAST_EXPONENT: i32 = -1074;

impl Digits {
    /// As many as the one problem of `job` needs.
    pub(super) fn of(job: &Job) -> Self {
        let bits = (25 - ceil_log2(job.couplings.pattern().max_degree() + 2)).max(1);
        let most = MOST_DIGITS.min((1 + (MOST_BITS - 23) / bits) as usize);
        let (spins, coldest) = (Extent::of_spins(job), Coldest::of(&job.batch.method));
        let of_count = |count| Digits::with(&spins, coldest, count, bits);
        (1..most).map(of_count).find(|digits| digits.enough).unwrap_or_else(|| of_count(most))
    }

    /// So many, of so many bits.
    pub(super) fn with(spins: &[Extent], coldest: Coldest, count: usize, bits: i32) -> Self {
        let kept = if count == 1 { BITS_OF_ONE } else { 23 + bits * (count as i32 - 1) };
        let last: Vec<i32> = spins.iter().map(|spin| (spin.top - kept).max(LEAST_EXPONENT)).collect();
        let enough = spins
            .iter()
            .zip(&last)
            .all(|(spin, &last)| last <= spin.low || coldest.allows(spin.terms * power_of_two(last - 1)));
        Digits { count, bits, last, enough }
    }

    pub(super) fn arithmetic(&self) -> Arithmetic {
        if self.enough { Arithmetic::Wide } else { Arithmetic::Rounded }
    }

    /// The digits of a number of spin `i`, the first one first.
    pub(super) fn split(&self, i: usize, value: f64, digits: &mut [i32]) {
        let (mantissa, exponent) = parts(value);
        let shift = exponent - self.last[i];
        let mut rest = if shift >= 0 { i128::from(mantissa) << shift } else { rounded_shift(mantissa, -shift) };
        let (first, later) = digits.split_first_mut().expect("there is a digit");
        for digit in later.iter_mut().rev() {
            let half = 1 << (self.bits - 1);
            *digit = ((rest + half) & ((1 << self.bits) - 1)) as i32 - half as i32;
            rest = (rest - i128::from(*digit)) >> self.bits;
        }
        *first = rest as i32;
    }
}

/// Which powers of two the numbers of a spin lie between.
pub(super) struct Extent {
    /// All of them together are less than two to this.
    top: i32,
    /// Each is a multiple of two to this.
    low: i32,
    /// How many they are.
    terms: f64,
}

impl Extent {
    pub(super) fn of_spins(job: &Job) -> Vec<Self> {
        (0..job.couplings.num_spins()).map(|i| Extent::new(job, i)).collect()
    }

    fn new(job: &Job, i: usize) -> Self {
        let (mut top, mut low) = (LEAST_EXPONENT, i32::MAX);
        let couplings = job.couplings.row(i).1;
        let rest = job.batch.rest.map_or(0.0, |rest| rest[i]);
        let field = job.batch.fields.at(i);
        for &value in couplings.iter().chain([&field, &rest]).filter(|value| **value != 0.0) {
            let (mantissa, exponent) = parts(value);
            top = top.max(exponent + 64 - mantissa.unsigned_abs().leading_zeros() as i32);
            low = low.min(exponent + mantissa.trailing_zeros() as i32);
        }
        let terms = couplings.len() + 2;
        Extent { top: top + ceil_log2(terms), low, terms: terms as f64 }
    }
}

/// A double as `m 2^e`.
fn parts(x: f64) -> (i64, i32) {
    let (bits, fraction) = (x.to_bits(), (x.to_bits() & ((1 << 52) - 1)) as i64);
    let exponent = (bits >> 52 & 0x7FF) as i32;
    let mantissa = if exponent == 0 { fraction } else { fraction | 1 << 52 };
    (if x < 0.0 { -mantissa } else { mantissa }, exponent.max(1) - 1075)
}

/// `m / 2^shift`, to the nearest integer.
fn rounded_shift(mantissa: i64, shift: i32) -> i128 {
    if shift > 60 { 0 } else { (i128::from(mantissa) + (1 << (shift - 1))) >> shift }
}

/// `2f64.powi`, of numbers below the normal ones too.
pub(super) fn power_of_two(exponent: i32) -> f64 {
    2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2)
}

fn ceil_log2(x: usize) -> i32 {
    x.next_power_of_two().trailing_zeros() as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anneal::{Batch, Control};
    use crate::couplings::Couplings;
    use crate::rng::Key;

    /// Asks about a star of spin 0 with these couplings and this field.
    fn of_star<T>(values: &[f64], h: f64, beta: f64, ask: impl Fn(&Job) -> T) -> T {
        let n = values.len() + 1;
        let ends: Vec<i64> = (1..n as i64).collect();
        let couplings = Couplings::new(n, &vec![0; n - 1], &ends, values).unwrap();
        let mut fields = vec![0.0; n];
        fields[0] = h;
        let betas = [beta];
        let batch = Batch::new(n, &fields[..], Method::sweeps(&betas), 1, None, 0, &[0]).unwrap();
        let (key, control) = (Key::new(0), &Control::default());
        ask(&Job { couplings: &couplings, batch: &batch, scale: 1.0, key, control })
    }

    #[test]
    fn parts_of_doubles() {
        for x in [1.0, -3.7, 0.1, 1e300, -1e-300, 5e-324, f64::MAX, f64::MIN_POSITIVE] {
            let (mantissa, exponent) = parts(x);
            assert_eq!(mantissa as f64 * power_of_two(exponent), x);
        }
        assert_eq!(parts(0.0).0, 0);
    }

    #[test]
    fn digits_make_the_number_again() {
        let numbers = [1e15, -1e15 + 0.125, 0.5, -1.0, 3e-4, 1.0 / 3.0, -7e14];
        of_star(&numbers, 1e15, 30.0, |job| {
            let digits = Digits::of(job);
            assert!(digits.enough);
            let mut sums = vec![0i32; digits.count];
            for &value in &numbers {
                let mut found = vec![0; digits.count];
                digits.split(0, value, &mut found);
                let base = 2f64.powi(digits.bits);
                let back = found.iter().fold(0.0, |sum, &digit| sum * base + f64::from(digit));
                let off = back * 2f64.powi(digits.last[0]) - value;
                assert!(off.abs() <= 2f64.powi(digits.last[0] - 1), "{value} is off by {off}");
                sums.iter_mut().zip(&found).for_each(|(sum, digit)| *sum += digit.abs());
            }
            assert!(sums.iter().all(|&sum| sum <= 1 << 24), "{sums:?}");
        });
    }

    #[test]
    fn single_precision_is_kept_for_what_it_holds() {
        for (couplings, h, beta, wanted) in [
            (vec![1.0; 6], 1.0, 10.0, true),
            (vec![1.0 / 3.0; 100], 0.1, 20.0, true),
            (vec![0.1; 1000], 0.0, 100.0, true),
            // Integers of any size are exact where no field is beside them.
            (vec![2f64.powi(28); 2], 0.0, 1e6, true),
            // A field that nothing can cancel.
            (vec![1.0; 6], 1e9, 10.0, true),
            (vec![1e7 / 6.0; 6], 1e7 + 0.5, 10.0, false),
            (vec![1e9, -1e9, -1.0], 0.0, 5.0, false),
            (vec![1.0; 6], 1.0, f64::INFINITY, false),
            (vec![1.0; 6], 1.0, 1e7, false),
        ] {
            assert_eq!(
                of_star(&couplings, h, beta, |job| {
                    let fixed = Fixed::new(job.couplings, job.scale);
                    is_single_enough(job, Coldest::of(&job.batch.method), || &fixed)
                }),
                wanted,
                "{couplings:?} {h} {beta}"
            );
        }
    }

    #[test]
    fn as_many_digits_as_it_takes() {
        let count = |couplings: &[f64], h, beta| {
            of_star(couplings, h, beta, |job| {
                let digits = Digits::of(job);
                (digits.count, digits.enough)
            })
        };
        assert_eq!(count(&[1e8, -1e8, -1.0], 0.0, 5.0), (1, true));
        assert_eq!(count(&[1e9, -1e9, -1.0], 0.0, 5.0), (2, true));
        assert_eq!(count(&[2f64.powi(53), 1.0 - 2f64.powi(53)], -1.0, f64::INFINITY), (3, true));
        assert!(count(&[1e15, -1e15, 1e-6], 0.0, 1e7).1);
        assert!(count(&[0.1, 0.2, -0.3], 1e-9, f64::INFINITY).1);
        assert!(!count(&[1e300, 1e-300], 0.0, f64::INFINITY).1);
        assert!(!count(&[1e300, 1e-300], 0.0, 1e300).1);
        assert!(count(&[1e300, 1e-300], 0.0, 1e-290).1);
    }
}
