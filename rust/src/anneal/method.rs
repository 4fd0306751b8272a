//! What a machine does in a run, and its schedule: sweeps of an anneal, sweeps of a path integral, steps of a flow.

use crate::error::{Error, bad};

/// Above this the constants of a law, and gains, are refused: no state that is held to 1 tells more from less.
const MOST: f64 = 1e6;

/// How the spins of a run come to their states.
#[derive(Debug, Clone, Copy)]
pub enum Method<'a> {
    /// Simulated annealing: spins flip one by one.
    Sweeps {
        /// Inverse temperature of each sweep; an infinite one accepts what lowers the energy, and nothing else.
        betas: &'a [f64],
        /// Which flips are accepted.
        criterion: Criterion,
        /// Which spin is next.
        order: Order,
    },
    /// Quantum annealing: each read is one slice of a path, and initial states stand in all slices alike. Flips are
    /// accepted by Metropolis' criterion and in turn.
    Paths(&'a Trotter),
    /// Simulated annealing in which chains of spins flip as a whole beside the spins, all as a heat bath would set them.
    Chains(&'a Chains),
    /// Amplitudes or phases flow, and begin at initial states.
    Flow(&'a Dynamics),
}

/// How a flip that changes the energy by `dE` is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Criterion {
    /// With probability `min(1, exp(-beta dE))`.
    #[default]
    Metropolis,
    /// With probability `1 / (1 + exp(beta dE))`, which sets the spin as a heat bath would.
    Gibbs,
}

/// The order of the updates of a sweep, as many as there are spins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// All spins in turn.
    #[default]
    InTurn,
    /// Each update picks a spin at random, the same in up to 64 reads of a problem.
    Random,
}

impl<'a> Method<'a> {
    /// Simulated annealing by Metropolis' criterion, all spins in turn.
    pub fn sweeps(betas: &'a [f64]) -> Self {
        Method::Sweeps { betas, criterion: Criterion::Metropolis, order: Order::InTurn }
    }

    /// The inverse temperature of each sweep, of each slice where there are several; none where nothing flips.
    pub(super) fn betas(&self) -> &'a [f64] {
        match *self {
            Method::Sweeps { betas, .. } => betas,
            Method::Paths(trotter) => &trotter.betas,
            Method::Chains(chains) => &chains.betas,
            Method::Flow(_) => &[],
        }
    }

    /// Copies of each spin.
    pub fn slices(&self) -> usize {
        if let Method::Paths(trotter) = self { trotter.slices } else { 1 }
    }

    /// Sweeps or steps of a run.
    pub fn len(&self) -> usize {
        if let Method::Flow(dynamics) = self { dynamics.noise.len() } else { self.betas().len() }
    }

    /// Whether there is no sweep; such a method is refused.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn is_gibbs(&self) -> bool {
        matches!(self, Method::Sweeps { criterion: Criterion::Gibbs, .. })
    }

    pub(super) fn is_in_random_order(&self) -> bool {
        matches!(self, Method::Sweeps { order: Order::Random, .. })
    }

    /// Refuses a schedule that is none, and more spins than there are random numbers for.
    pub(super) fn check(&self, num_spins: usize) -> Result<(), Error> {
        if let Some(t) = self.infinite_scale() {
            return bad(format_args!(
                "problem scale of sweep {t} times beta is infinite, expected a finite number"
            ));
        }
        // The last number is the one that names the initial state in the random stream.
        if self.is_empty() || self.len() >= u32::MAX as usize {
            return bad(format_args!("{} sweeps, expected 1 to {}", self.len(), u32::MAX - 1));
        }
        if let Some((k, beta)) = self.betas().iter().enumerate().find(|(_, b)| b.is_nan() || **b < 0.0) {
            return bad(format_args!("beta of sweep {k} is {beta}, expected a number >= 0"));
        }
        if let Method::Chains(chains) = self
            && let Some(spin) = chains.spins.iter().find(|spin| **spin as usize >= num_spins)
        {
            return bad(format_args!("a chain holds spin {spin}, expected 0 to below {num_spins}"));
        }
        let slices = self.slices();
        if slices > 1 && num_spins.saturating_mul(slices.saturating_add(1)) > u32::MAX as usize {
            return bad(format_args!(
                "{num_spins} spins in {slices} slices are too many, expected spins x (slices + 1) up to {}",
                u32::MAX
            ));
        }
        Ok(())
    }

    /// The first sweep of a path integral whose numbers overflow.
    fn infinite_scale(&self) -> Option<usize> {
        let Method::Paths(trotter) = self else { return None };
        trotter.betas.iter().position(|beta| beta.is_infinite())
    }
}

/// The schedule of a quantum anneal, as that of its classical slices.
///
/// ```
/// use ising_ep::{Batch, Method, Model, Trotter, anneal};
/// # fn main() -> Result<(), ising_ep::Error> {
/// // A ferromagnetic pair in a weak field: both up is the ground state.
/// let model = Model::new(2, &[0], &[1], &[-1.0])?;
/// let rise: Vec<f64> = (0..=100).map(|k| f64::from(k) / 100.0).collect();
/// let fall: Vec<f64> = rise.iter().map(|s| 3.0 * (1.0 - s)).collect();
/// let trotter = Trotter::new(10.0, 16, &fall, &rise)?;
/// let batch = Batch::new(2, &[-0.1, 0.0][..], Method::Paths(&trotter), 16, None, 7, &[0])?;
/// let samples = anneal(&model, &batch, None, &Default::default())?;
/// let lowest = samples.energies.iter().copied().fold(f64::INFINITY, f64::min);
/// assert!((lowest + 1.1).abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Trotter {
    pub(super) slices: usize,
    /// The inverse temperature of each slice in each sweep.
    betas: Vec<f64>,
    /// `K` of each sweep; infinite where the transverse field is 0.
    ties: Vec<f64>,
}

impl Trotter {
    /// At inverse temperature `beta`, in `slices` slices, with the transverse field `transverse[t]` and the
    /// problem times `problem[t]` in sweep `t`.
    ///
    /// # Errors
    /// On a `beta` that is not above 0, fewer than two slices, schedules of two lengths, or a number in them
    /// that is not finite or below 0.
    pub fn new(beta: f64, slices: usize, transverse: &[f64], problem: &[f64]) -> Result<Self, Error> {
        if !(beta.is_finite() && beta > 0.0) {
            return bad(format_args!("beta is {beta}, expected a finite number > 0"));
        }
        // With a single one there is no imaginary time: that is simulated annealing.
        if slices < 2 {
            return bad(format_args!("num_slices is {slices}, expected at least 2"));
        }
        if transverse.len() != problem.len() {
            return bad(format_args!(
                "the schedule has {} transverse fields and {} problem scales, expected as many",
                transverse.len(),
                problem.len()
            ));
        }
        for (what, values) in [("transverse field", transverse), ("problem scale", problem)] {
            if let Some((t, value)) = values.iter().enumerate().find(|(_, v)| !(v.is_finite() && **v >= 0.0)) {
                return bad(format_args!("{what} of sweep {t} is {value}, expected a finite number >= 0"));
            }
        }
        let step = beta / slices as f64;
        // ln coth x without loss where it is small.
        let tie = |gamma: &f64| 0.5 * (2.0 / (2.0 * step * gamma).exp_m1()).ln_1p();
        Ok(Trotter {
            slices,
            betas: problem.iter().map(|scale| step * scale).collect(),
            ties: transverse.iter().map(tie).collect(),
        })
    }

    /// What a neighbour in imaginary time adds to the exponent of a flip where it differs from the spin, and takes
    /// off where it does not, in each sweep. Without a transverse field it is as large as lets two of them be
    /// added: no exponent of the problem comes near it, short of energies of 1e37 temperatures.
    pub(super) fn steps(&self) -> impl Iterator<Item = f32> {
        let step = |tie: &f64| (2.0 * std::f64::consts::LOG2_E * tie).min(f64::from(f32::MAX) * 0.25) as f32;
        self.ties.iter().map(step)
    }
}

/// A schedule in which each sweep is over the spins, or over the chains of one kind, as a chip's qubits and its chains
/// of each length turn at rates of their own.
///
/// ```
/// use ising_ep::{Batch, Chains, Method, Model, anneal};
/// # fn main() -> Result<(), ising_ep::Error> {
/// // A stiff ferromagnetic pair in a weak field: from up, spin by spin it would not turn at this temperature.
/// let model = Model::new(2, &[0], &[1], &[-10.0])?;
/// let chains = Chains::new(&[10.0; 4], &[0, 1, 0, 1], &[0, 2], &[0, 1], &[1])?;
/// let batch = Batch::new(2, &[0.5, 0.5][..], Method::Chains(&chains), 4, Some(&[1, 1]), 7, &[0])?;
/// let samples = anneal(&model, &batch, None, &Default::default())?;
/// assert!(samples.states.iter().all(|&spin| spin == -1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Chains {
    betas: Vec<f64>,
    /// Of each sweep: 0 for the spins, else of the chains that flip.
    pub(super) kinds: Vec<u32>,
    starts: Vec<usize>,
    spins: Vec<u32>,
    /// The chains of each kind, from 1 on.
    of_kind: Vec<Vec<u32>>,
    /// What multiplies the fields in each sweep; empty where they stay as they are.
    gains: Vec<f64>,
}

impl Chains {
    /// Sweeps at inverse temperatures `betas`, sweep `t` over the spins where `kinds[t]` is 0, else over the chains of that
    /// kind. Chain `c` holds `spins[starts[c]..starts[c + 1]]` and is of kind `kinds_of[c]`, which is 1 or more.
    ///
    /// # Errors
    /// On lengths that do not fit, an infinite inverse temperature, starts that do not rise from 0 to the number of spins, a spin that is in two chains, a
    /// chain of kind 0, and a sweep over a kind that no chain is of.
    pub fn new(
        betas: &[f64],
        kinds: &[u32],
        starts: &[usize],
        spins: &[u32],
        kinds_of: &[u32],
    ) -> Result<Self, Error> {
        if kinds.len() != betas.len() {
            return bad(format_args!(
                "kinds holds {} numbers, expected {}, one a sweep",
                kinds.len(),
                betas.len()
            ));
        }
        if let Some(t) = betas.iter().position(|beta| beta.is_infinite()) {
            return bad(format_args!("beta of sweep {t} is infinite, expected a finite number"));
        }
        let rising = starts.windows(2).all(|pair| pair[0] < pair[1]);
        if starts.first() != Some(&0) || starts.last() != Some(&spins.len()) || !rising {
            let count = spins.len();
            return bad(format_args!(
                "starts of chains are {starts:?}, expected numbers that rise from 0 to {count}"
            ));
        }
        if kinds_of.len() + 1 != starts.len() {
            let (found, wanted) = (kinds_of.len(), starts.len() - 1);
            return bad(format_args!("kinds_of holds {found} numbers, expected {wanted}, one a chain"));
        }
        let mut sorted = spins.to_vec();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return bad(format_args!("spin {} is in two chains", pair[0]));
        }
        let mut of_kind: Vec<Vec<u32>> = vec![];
        for (chain, &kind) in kinds_of.iter().enumerate() {
            // A kind is a place in a list, which no number of another meaning may make long.
            if kind == 0 || kind as usize > spins.len() {
                return bad(format_args!("chain {chain} is of kind {kind}, expected 1 to {}", spins.len()));
            }
            of_kind.resize(of_kind.len().max(kind as usize), vec![]);
            of_kind[kind as usize - 1].push(chain as u32);
        }
        let is_empty = |kind: u32| kind > 0 && of_kind.get(kind as usize - 1).is_none_or(Vec::is_empty);
        if let Some(t) = kinds.iter().position(|&kind| is_empty(kind)) {
            return bad(format_args!("sweep {t} is over chains of kind {}, of which there are none", kinds[t]));
        }
        let (betas, kinds) = (betas.to_vec(), kinds.to_vec());
        Ok(Chains { betas, kinds, starts: starts.to_vec(), spins: spins.to_vec(), of_kind, gains: vec![] })
    }

    /// The same with all fields times `gains[t]` in sweep `t`. What this adds to an exponent is in single precision.
    ///
    /// # Errors
    /// On another number of gains than of sweeps, and on one that is above a million, or none.
    pub fn with_gains(mut self, gains: &[f64]) -> Result<Self, Error> {
        if gains.len() != self.betas.len() {
            let (found, wanted) = (gains.len(), self.betas.len());
            return bad(format_args!("gains holds {found} numbers, expected {wanted}, one a sweep"));
        }
        if let Some(t) = gains.iter().position(|gain| gain.is_nan() || gain.abs() > MOST) {
            return bad(format_args!(
                "gain of sweep {t} is {}, expected a number from -{MOST} to {MOST}",
                gains[t]
            ));
        }
        self.gains = gains.to_vec();
        Ok(self)
    }

    /// What multiplies the fields in a sweep, less 1; none where they stay as they are in all.
    pub(super) fn extra_gain(&self, t: u32) -> Option<f64> {
        self.gains.get(t as usize).map(|gain| gain - 1.0)
    }

    /// How many chains there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The spins of a chain.
    pub(super) fn chain(&self, c: usize) -> &[u32] {
        &self.spins[self.starts[c]..self.starts[c + 1]]
    }

    /// The chains of a kind, from 1 on.
    pub(super) fn of_kind(&self, kind: u32) -> &[u32] {
        &self.of_kind[kind as usize - 1]
    }
}

/// What moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Motion {
    /// An amplitude held to [-1, 1]: `x <- clip((ramp - saturation x^2) x - pull + noise xi)`.
    Amplitude {
        /// What the gain loses as an amplitude grows.
        saturation: f64,
    },
    /// A phase in half turns, modulo 2: `z <- z + pull sin(pi (z_i - z_j)) - ramp sin(2 pi z) + noise xi`.
    Phase,
}

/// A law of motion and its schedule.
///
/// ```
/// use ising_ep::{Batch, Dynamics, Method, Model, Motion, anneal};
/// # fn main() -> Result<(), ising_ep::Error> {
/// // A ferromagnetic pair in a weak field: both up is the ground state.
/// let model = Model::new(2, &[0], &[1], &[-1.0])?;
/// let noise: Vec<f64> = (0..100).map(|t| 0.2 - 0.002 * f64::from(t)).collect();
/// let dynamics = Dynamics::new(Motion::Amplitude { saturation: 0.0 }, 0.2, 0.01, &[0.9; 100], &noise)?;
/// let batch = Batch::new(2, &[-0.1, 0.0][..], Method::Flow(&dynamics), 16, None, 7, &[0])?;
/// let samples = anneal(&model, &batch, None, &Default::default())?;
/// let lowest = samples.energies.iter().copied().fold(f64::INFINITY, f64::min);
/// assert!((lowest + 1.1).abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Dynamics {
    pub(super) motion: Motion,
    pub(super) gain: f64,
    pub(super) spread: f64,
    pub(super) ramp: Vec<f64>,
    pub(super) noise: Vec<f64>,
}

impl Dynamics {
    /// Steps with `ramp[t]` and `noise[t]`, the standard deviation of what is added to each state; `gain` multiplies
    /// couplings and fields.
    ///
    /// States begin at random within `spread` of 0 (amplitudes) or of a quarter turn (phases), or of the spins given.
    ///
    /// # Errors
    /// On schedules of two lengths, and on a number below 0, above a million, or none.
    pub fn new(motion: Motion, gain: f64, spread: f64, ramp: &[f64], noise: &[f64]) -> Result<Self, Error> {
        if ramp.len() != noise.len() {
            return bad(format_args!(
                "the schedule has {} ramps and {} noises, expected as many",
                ramp.len(),
                noise.len()
            ));
        }
        let saturation = if let Motion::Amplitude { saturation } = motion { saturation } else { 0.0 };
        let most = if motion == Motion::Phase { 1.0 } else { MOST };
        for (name, value, most) in
            [("gain", gain, MOST), ("saturation", saturation, MOST), ("spread", spread, most)]
        {
            if !(0.0..=most).contains(&value) {
                return bad(format_args!("{name} is {value}, expected a number from 0 to {most}"));
            }
        }
        for (name, values) in [("ramp", ramp), ("noise", noise)] {
            if let Some((t, value)) = values.iter().enumerate().find(|(_, v)| !(0.0..=MOST).contains(*v)) {
                return bad(format_args!("{name} of step {t} is {value}, expected a number from 0 to {MOST}"));
            }
        }
        Ok(Dynamics { motion, gain, spread, ramp: ramp.to_vec(), noise: noise.to_vec() })
    }
}
