//! The binding of [`crate::search::search`].

use super::arrays::{array2, c_order, c_order_of};
use super::calls::{check_threads, watched};
use super::model::Model;
use crate::Search;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

/// Searches of fewer seconds, and of fewer words, are over before anyone could press Ctrl-C.
const BRIEF: (f64, f64) = (0.05, 1e7);

/// What is found: states `(reads, spins)`, energies, restarts and steps `(reads,)`, the trace `(entries, 2)`, and groups.
type Found<'py> = (
    Bound<'py, PyArray2<i8>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<u64>>,
    Bound<'py, PyArray1<u64>>,
    Bound<'py, PyArray2<f64>>,
    Vec<Vec<u32>>,
);

#[pyfunction]
#[pyo3(signature = (
    model, fields, *, num_reads, seed, rest=None, initial_states=None, steps=None, seconds=None, target=None,
    restarts=None, tenure=None, rounds=None, groups=true, num_threads=None, watch=None
))]
#[expect(clippy::too_many_arguments, reason = "the keywords of a Python function")]
pub(super) fn search<'py>(
    py: Python<'py>,
    model: &Model,
    fields: PyReadonlyArray1<'py, f64>,
    num_reads: usize,
    seed: u64,
    rest: Option<PyReadonlyArray1<'py, f64>>,
    initial_states: Option<PyReadonlyArray2<'py, i8>>,
    steps: Option<u64>,
    seconds: Option<f64>,
    target: Option<f64>,
    restarts: Option<u64>,
    tenure: Option<usize>,
    rounds: Option<[u64; 2]>,
    groups: bool,
    num_threads: Option<usize>,
    watch: Option<Py<PyAny>>,
) -> PyResult<Found<'py>> {
    let spins = model.0.num_spins();
    let initial = initial_states.as_ref();
    let initial = initial.map(|states| c_order_of(states, "initial_states", &[num_reads, spins])).transpose()?;
    check_threads(num_threads)?;
    let what = Search {
        fields: c_order(&fields, "fields")?,
        rest: rest.as_ref().map(|rest| c_order(rest, "rest")).transpose()?,
        num_reads,
        seed,
        initial_states: initial,
        steps,
        seconds,
        target,
        restarts,
        tenure,
        rounds,
        without_groups: !groups,
    };
    let reads = num_reads as f64;
    let is_brief = seconds.is_some_and(|seconds| seconds * reads < BRIEF.0)
        || steps.is_some_and(|steps| steps as f64 * spins as f64 * reads < BRIEF.1);
    let work = if is_brief { 0 } else { usize::MAX };
    let job = |control: &_| crate::search::search(&model.0, &what, num_threads, control);
    let found = py.detach(|| watched(work, watch.as_ref(), job))??;
    let (reads, entries) = (found.energies.len(), found.trace.len());
    let trace = found.trace.into_iter().flat_map(|(seconds, energy)| [seconds, energy]).collect();
    Ok((
        array2(py, [reads, spins], found.states)?,
        found.energies.into_pyarray(py),
        found.restarts.into_pyarray(py),
        found.steps.into_pyarray(py),
        array2(py, [entries, 2], trace)?,
        found.groups,
    ))
}
