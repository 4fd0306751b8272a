//! The Python module `ising_ep._core`: checks shapes, releases the GIL, maps errors. Nothing else.

mod arrays;
mod calls;
mod chip;
mod eliminate;
mod learning;
mod linear;
mod methods;
mod model;
mod recombine;
mod search;
mod tempering;

use crate::Error;
use pyo3::exceptions::{PyMemoryError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

#[pymodule]
mod _core {
    #[pymodule_export]
    use super::chip::{Logical, Placement};
    #[pymodule_export]
    use super::eliminate::Elimination;
    #[pymodule_export]
    use super::learning::{adam, add, add_outer, products, project, window_products};
    #[pymodule_export]
    use super::linear::{energies, rest_of_fields};
    #[pymodule_export]
    use super::methods::{Chains, Flow, Paths, Sweeps};
    #[pymodule_export]
    use super::model::Model;
    #[pymodule_export]
    use super::recombine::recombine;
    #[pymodule_export]
    use super::search::search;
    #[pymodule_export]
    use super::tempering::temper;
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
