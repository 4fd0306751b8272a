//! Parallel simulated annealing of batches of Ising problems.
//!
//! A batch is a set of problems that share their couplings and differ in their fields, which is what
//! training an Ising machine on a minibatch of images needs:
//!
//! ```text
//! E(s) = sum_{i<j} J_ij s_i s_j + sum_i h_i s_i ,   s_i in {-1, +1} ,   low E is sought
//! ```
//!
//! The data flow one way: [`Model`] holds the couplings, made ready once, [`Batch`] the fields and the [`Method`],
//! [`anneal`](anneal::anneal) picks the kernel that suits the couplings and fills in [`Samples`].
//!
//! ```
//! use ising_ep::{Batch, Method, Model, anneal};
//! # fn main() -> Result<(), ising_ep::Error> {
//! // A ferromagnetic pair in a weak field: both up is the ground state.
//! let model = Model::new(2, &[0], &[1], &[-1.0])?;
//! let fields: &[f64] = &[-0.1, 0.0];
//! let betas: Vec<f64> = (1..=50).map(|k| 0.2 * k as f64).collect();
//! let batch = Batch::new(2, fields, Method::sweeps(&betas), 16, None, 7, &[0])?;
//! let samples = anneal(&model, &batch, None, &Default::default())?;
//! let lowest = samples.energies.iter().copied().fold(f64::INFINITY, f64::min);
//! assert!((lowest + 1.1).abs() < 1e-12);
//! # Ok(())
//! # }
//! ```

pub mod anneal;
mod bits;
pub mod chip;
mod couplings;
pub mod eliminate;
mod error;
pub mod learning;
pub mod linear;
#[cfg(feature = "python")]
mod python;
pub mod recombine;
mod rng;
pub mod search;
mod simd;
mod structure;

pub use anneal::{
    Arithmetic, Batch, Chains, Clusters, Control, Criterion, Dynamics, Fields, Means, Method, Model, Motion,
    Order, Samples, TEMPERATURES, Tempered, Tempering, Trotter, anneal, local_fields, mean_field, temper,
};
pub use couplings::{Couplings, Pattern};
pub use error::Error;
pub use search::{Found, Search, search};
pub use structure::{Block, Join, Structure, Windows};
