//! What is refused and why, and memory that is asked for before it is used.

use std::collections::TryReserveError;
use std::fmt::Display;

/// Why a batch cannot be annealed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// What is wrong with the problem: the text names the value and what was expected.
    #[error("{0}")]
    Input(String),
    /// The samples do not fit into memory.
    #[error("{runs} reads of {spins} spins do not fit into memory")]
    Memory {
        /// Reads of all problems.
        runs: usize,
        /// Spins of a problem.
        spins: usize,
    },
    /// The couplings do not fit into memory.
    #[error("{spins} spins and {couplings} couplings do not fit into memory")]
    ModelMemory {
        /// Spins of a problem.
        spins: usize,
        /// As many as were given.
        couplings: usize,
    },
    /// The operating system starts no more threads.
    #[error("{threads} more threads cannot be started")]
    Threads {
        /// Asked for, beside the calling one.
        threads: usize,
    },
}

pub(crate) fn bad<T>(text: impl Display) -> Result<T, Error> {
    Err(Error::Input(text.to_string()))
}

/// An empty vector with room for `len` numbers, if there is memory.
pub(crate) fn room<T>(len: usize) -> Result<Vec<T>, TryReserveError> {
    let mut numbers = Vec::new();
    numbers.try_reserve_exact(len)?;
    Ok(numbers)
}

/// The same, filled with `number`.
pub(crate) fn filled<T: Clone>(len: usize, number: T) -> Result<Vec<T>, TryReserveError> {
    let mut numbers = room(len)?;
    numbers.resize(len, number);
    Ok(numbers)
}
