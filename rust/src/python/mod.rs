//! The Python module `ising_ep._core`: checks shapes, releases the GIL, maps errors. Nothing else.

mod anneal;
mod arrays;
mod calls;
mod chip;
mod dynamics;
mod linear;

use crate::Error;
use pyo3::exceptions::{PyMemoryError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

#[pymodule]
mod _core {
    #[pymodule_export]
    use super::anneal::{anneal_batch, anneal_quantum};
    #[pymodule_export]
    use super::chip::{Logical, Placement};
    #[pymodule_export]
    use super::dynamics::evolve;
    #[pymodule_export]
    use super::linear::{add, add_outer, energies, products, project, rest_of_fields};
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Input(text) => PyValueError::new_err(text),
            Error::Memory { .. } | Error::ModelMemory { .. } => PyMemoryError::new_err(error.to_string()),
            Error::Threads { .. } => PyRuntimeError::new_err(error.to_string()),
        }
    }
}
