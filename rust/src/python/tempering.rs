//! The bindings of [`crate::temper`].

use super::arrays::{array2, c_order, c_order_of};
use super::calls::{check_threads, watched};
use super::model::Model;
use crate::{Clusters, Tempered, Tempering};
use numpy::{IntoPyArray, PyReadonlyArray1, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;

#[pyfunction]
#[pyo3(signature = (
    model, fields, betas, *, num_ladders, num_rounds, sweeps_per_round, adapt, clusters, seed, target=None, last=false,
    rest=None, num_threads=None, watch=None
))]
#[expect(clippy::too_many_arguments, reason = "the keywords of a Python function")]
pub(super) fn temper<'py>(
    py: Python<'py>,
    model: &Bound<'py, Model>,
    fields: PyReadonlyArray1<'py, f64>,
    betas: PyReadonlyArray1<'py, f64>,
    num_ladders: usize,
    num_rounds: usize,
    sweeps_per_round: usize,
    adapt: bool,
    clusters: Option<bool>,
    seed: u64,
    target: Option<f64>,
    last: bool,
    rest: Option<PyReadonlyArray1<'py, f64>>,
    num_threads: Option<usize>,
    watch: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let model = &model.get().0;
    let spins = model.num_spins();
    let tempering = Tempering {
        fields: c_order_of(&fields, "fields", &[spins])?.into(),
        rest: rest.as_ref().map(|rest| c_order_of(rest, "rest", fields.shape())).transpose()?,
        betas: c_order(&betas, "betas")?,
        num_ladders,
        num_rounds,
        sweeps_per_round,
        adapt,
        clusters: clusters.map_or(Clusters::Auto, |on| if on { Clusters::On } else { Clusters::Off }),
        seed,
        target,
        with_last: last,
    };
    check_threads(num_threads)?;
    // Lanes are up to 512.
    let work = [num_ladders, num_rounds, sweeps_per_round, 64].iter().fold(spins, |a, b| a.saturating_mul(*b));
    let tempered = py.detach(|| -> PyResult<_> {
        Ok(watched(work, watch.as_ref(), |control| crate::temper(model, &tempering, num_threads, control))??)
    })?;
    into_dict(py, tempered, [num_ladders, spins])
}

fn into_dict(py: Python<'_>, tempered: Tempered, [ladders, spins]: [usize; 2]) -> PyResult<Bound<'_, PyDict>> {
    let states = tempered.last_energies.len();
    let dict = PyDict::new(py);
    dict.set_item("states", array2(py, [ladders, spins], tempered.best)?)?;
    dict.set_item("energies", tempered.energies.into_pyarray(py))?;
    dict.set_item("last_states", array2(py, [states, spins], tempered.last)?)?;
    dict.set_item("last_energies", tempered.last_energies.into_pyarray(py))?;
    dict.set_item("num_copies", tempered.copies)?;
    dict.set_item("betas", tempered.betas.into_pyarray(py))?;
    dict.set_item("exchange_rates", tempered.exchange_rates.into_pyarray(py))?;
    dict.set_item("round_trips", tempered.round_trips)?;
    dict.set_item("clusters", tempered.clusters)?;
    dict.set_item("cluster_sizes", tempered.cluster_sizes.into_pyarray(py))?;
    dict.set_item("cluster_rates", tempered.cluster_rates.into_pyarray(py))?;
    dict.set_item("rounds", tempered.rounds)?;
    dict.set_item("trace", tempered.trace)?;
    dict.set_item("arithmetic", tempered.arithmetic.name())?;
    Ok(dict)
}
