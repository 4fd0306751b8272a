//! The Python module `ising_ep._core`: checks shapes, releases the GIL, maps errors. Nothing else.

use crate::model::filled;
use crate::{Arithmetic, Batch, Control, Criterion, Error, Model, Pattern, Samples, Trotter, anneal, linear};
use numpy::ndarray::{Array2, Array3, Dimension};
use numpy::{
    Element, IntoPyArray, PyArray1, PyArray2, PyArray3, PyReadonlyArray, PyReadonlyArray1, PyReadonlyArray2,
    PyReadonlyArray3, PyReadonlyArrayDyn, PyReadwriteArray2, PyReadwriteArrayDyn, PyUntypedArrayMethods,
};
use pyo3::exceptions::{PyMemoryError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Input(text) => PyValueError::new_err(text),
            Error::Memory { .. } | Error::ModelMemory { .. } => PyMemoryError::new_err(error.to_string()),
            Error::Threads { .. } => PyRuntimeError::new_err(error.to_string()),
        }
    }
}

/// What an anneal returns: states `(batch, reads, spins)`, energies `(batch, reads)`, and the name of each problem's
/// arithmetic.
pub(crate) type Annealed<'py> = (Bound<'py, PyArray3<i8>>, Bound<'py, PyArray2<f64>>, Vec<&'static str>);

/// States `(batch, reads, spins)` and energies `(batch, reads)`.
pub(crate) type States<'py> = (Bound<'py, PyArray3<i8>>, Bound<'py, PyArray2<f64>>);

/// Below this many spin updates a call is over before anyone could press Ctrl-C.
const BRIEF: usize = 5_000_000;

/// How often a watched anneal is looked at.
const PERIOD: Duration = Duration::from_millis(20);

#[pymodule]
mod _core {
    #[pymodule_export]
    use super::{add, add_outer, anneal_batch, anneal_quantum, energies, products, project, rest_of_fields};
    #[pymodule_export]
    use crate::chip_python::{Logical, Placement};
    #[pymodule_export]
    use crate::dynamics_python::evolve;
}

#[pyfunction]
#[pyo3(name = "anneal", signature = (
    rows, cols, values, fields, betas, num_reads, initial_states, seed, problem_ids, num_threads,
    *, rest=None, gibbs=false, random_order=false, watch=None
))]
#[allow(clippy::too_many_arguments)]
fn anneal_batch<'py>(
    py: Python<'py>,
    rows: PyReadonlyArray1<'py, i64>,
    cols: PyReadonlyArray1<'py, i64>,
    values: PyReadonlyArray1<'py, f64>,
    fields: PyReadonlyArray2<'py, f64>,
    betas: PyReadonlyArray1<'py, f64>,
    num_reads: usize,
    initial_states: Option<PyReadonlyArray3<'py, i8>>,
    seed: u64,
    problem_ids: PyReadonlyArray1<'py, u32>,
    num_threads: Option<usize>,
    rest: Option<PyReadonlyArray2<'py, f64>>,
    gibbs: bool,
    random_order: bool,
    watch: Option<Py<PyAny>>,
) -> PyResult<Annealed<'py>> {
    let (problems, spins) = (fields.shape()[0], fields.shape()[1]);
    let rest = rest.as_ref().map(|rest| c_order_of(rest, "rest", &[problems, spins])).transpose()?;
    let (rows, cols, values) = (c_order(&rows, "rows")?, c_order(&cols, "cols")?, c_order(&values, "values")?);
    let (fields, betas) = (c_order(&fields, "fields")?, c_order(&betas, "betas")?);
    let ids = c_order_of(&problem_ids, "problem_ids", &[problems])?;
    let shape = [problems, num_reads, spins];
    let initial =
        initial_states.as_ref().map(|states| c_order_of(states, "initial_states", &shape)).transpose()?;
    let criterion = if gibbs { Criterion::Gibbs } else { Criterion::Metropolis };
    let samples = py.detach(|| -> PyResult<_> {
        let model = Model::on(pattern_of(spins, rows, cols)?, values)?;
        let batch = Batch::new(&model, fields, betas, num_reads, initial, seed, ids)?
            .accepting_by(criterion)
            .in_random_order(random_order);
        let batch = rest.map_or(Ok(batch), |rest| batch.with_rest(rest))?;
        annealed(&model, &batch, 1, num_threads, watch.as_ref())
    })?;
    into_arrays(py, samples, problems, num_reads, spins)
}

#[pyfunction]
#[pyo3(signature = (
    rows, cols, values, fields, beta, num_slices, transverse, problem, num_reads, initial_states, seed,
    problem_ids, num_threads, *, rest=None, watch=None
))]
#[allow(clippy::too_many_arguments)]
fn anneal_quantum<'py>(
    py: Python<'py>,
    rows: PyReadonlyArray1<'py, i64>,
    cols: PyReadonlyArray1<'py, i64>,
    values: PyReadonlyArray1<'py, f64>,
    fields: PyReadonlyArray2<'py, f64>,
    beta: f64,
    num_slices: usize,
    transverse: PyReadonlyArray1<'py, f64>,
    problem: PyReadonlyArray1<'py, f64>,
    num_reads: usize,
    initial_states: Option<PyReadonlyArray3<'py, i8>>,
    seed: u64,
    problem_ids: PyReadonlyArray1<'py, u32>,
    num_threads: Option<usize>,
    rest: Option<PyReadonlyArray2<'py, f64>>,
    watch: Option<Py<PyAny>>,
) -> PyResult<Annealed<'py>> {
    let (problems, spins) = (fields.shape()[0], fields.shape()[1]);
    let rest = rest.as_ref().map(|rest| c_order_of(rest, "rest", &[problems, spins])).transpose()?;
    let (rows, cols, values) = (c_order(&rows, "rows")?, c_order(&cols, "cols")?, c_order(&values, "values")?);
    let (fields, ids) = (c_order(&fields, "fields")?, c_order_of(&problem_ids, "problem_ids", &[problems])?);
    let (transverse, problem) = (c_order(&transverse, "transverse")?, c_order(&problem, "problem")?);
    let shape = [problems, num_reads, spins];
    let initial =
        initial_states.as_ref().map(|states| c_order_of(states, "initial_states", &shape)).transpose()?;
    let samples = py.detach(|| -> PyResult<_> {
        let model = Model::on(pattern_of(spins, rows, cols)?, values)?;
        let trotter = Trotter::new(beta, num_slices, transverse, problem)?;
        let batch = Batch::quantum(&model, fields, &trotter, num_reads, initial, seed, ids)?;
        let batch = rest.map_or(Ok(batch), |rest| batch.with_rest(rest))?;
        annealed(&model, &batch, num_slices, num_threads, watch.as_ref())
    })?;
    into_arrays(py, samples, problems, num_reads, spins)
}

/// Anneals `slices` copies of each spin, with an eye on Ctrl-C and on what `watch` has to say.
pub(crate) fn annealed(
    model: &Model,
    batch: &Batch,
    slices: usize,
    num_threads: Option<usize>,
    watch: Option<&Py<PyAny>>,
) -> PyResult<Samples> {
    let problems = batch.problem_ids.len();
    if num_threads == Some(0) {
        return Err(PyValueError::new_err("num_threads is 0, expected at least 1"));
    }
    if watch.is_some() && problems != 1 {
        return Err(PyValueError::new_err(format!("{problems} problems, expected 1 to be watched")));
    }
    let runs = problems.saturating_mul(batch.num_reads);
    // To ask the system how many cores there are takes as long as a small anneal.
    let num_threads = if runs == 1 { Some(1) } else { num_threads };
    let work = [runs, batch.betas.len(), slices].iter().fold(model.num_spins(), |a, b| a.saturating_mul(*b));
    Ok(watched(work, watch, |control| anneal(model, batch, num_threads, control))??)
}

/// As many reads as there are; of no problems as many as were asked for.
pub(crate) fn into_arrays(
    py: Python<'_>,
    samples: Samples,
    problems: usize,
    num_reads: usize,
    spins: usize,
) -> PyResult<Annealed<'_>> {
    let num_reads = samples.energies.len().checked_div(problems).unwrap_or(num_reads);
    let arithmetic = samples.arithmetic.into_iter().map(Arithmetic::name).collect();
    Ok((
        array3(py, [problems, num_reads, spins], samples.states)?,
        array2(py, [problems, num_reads], samples.energies)?,
        arithmetic,
    ))
}

/// An array of numbers that are as many as the shape holds. Of none of them, sides may be too long for one.
pub(crate) fn array2<T: Element>(
    py: Python<'_>,
    shape: [usize; 2],
    numbers: Vec<T>,
) -> PyResult<Bound<'_, PyArray2<T>>> {
    let array = Array2::from_shape_vec(shape, numbers).map_err(|_| no_memory(&shape))?;
    Ok(array.into_pyarray(py))
}

/// The same with three sides.
pub(crate) fn array3<T: Element>(
    py: Python<'_>,
    shape: [usize; 3],
    numbers: Vec<T>,
) -> PyResult<Bound<'_, PyArray3<T>>> {
    let array = Array3::from_shape_vec(shape, numbers).map_err(|_| no_memory(&shape))?;
    Ok(array.into_pyarray(py))
}

/// Zeros of a shape, if there is memory.
fn zeros<T: Clone + Default>(shape: [usize; 2]) -> PyResult<Array2<T>> {
    // numpy refuses sides too long for an array even beside one of 0.
    let sides = shape.iter().filter(|&&side| side > 0);
    let bytes = sides.fold(size_of::<T>(), |bytes, &side| bytes.saturating_mul(side));
    let numbers = if bytes > isize::MAX as usize { None } else { filled(shape[0] * shape[1], T::default()).ok() };
    let numbers = numbers.ok_or_else(|| no_memory(&shape))?;
    Ok(Array2::from_shape_vec(shape, numbers).expect("as many numbers as the shape holds"))
}

fn no_memory(shape: &[usize]) -> PyErr {
    PyMemoryError::new_err(format!("an array of shape {shape:?} does not fit into memory"))
}

/// The numbers of an array row by row; a transposed one would be read in the wrong order.
pub(crate) fn c_order<'a, T: Element, D: Dimension>(
    array: &'a PyReadonlyArray<'_, T, D>,
    name: &str,
) -> PyResult<&'a [T]> {
    if array.is_c_contiguous() { Ok(array.as_slice()?) } else { Err(not_c_order(name)) }
}

/// The same of an array that has to have the shape given.
pub(crate) fn c_order_of<'a, T: Element, D: Dimension>(
    array: &'a PyReadonlyArray<'_, T, D>,
    name: &str,
    shape: &[usize],
) -> PyResult<&'a [T]> {
    if array.shape() != shape {
        return Err(PyValueError::new_err(format!("{name} has shape {:?}, expected {shape:?}", array.shape())));
    }
    c_order(array, name)
}

fn not_c_order(name: &str) -> PyErr {
    PyValueError::new_err(format!("{name} is not C-contiguous"))
}

/// The pattern of the couplings, from the last call if it was the same: while a network learns, only the
/// values change, and sorting the couplings takes as long as a short anneal.
pub(crate) fn pattern_of(spins: usize, rows: &[i64], cols: &[i64]) -> Result<Arc<Pattern>, Error> {
    struct Last {
        rows: Vec<i64>,
        cols: Vec<i64>,
        pattern: Arc<Pattern>,
    }
    static LAST: Mutex<Option<Last>> = Mutex::new(None);
    let last = || LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(last) = &*last()
        && last.pattern.num_spins() == spins
        && (&*last.rows, &*last.cols) == (rows, cols)
    {
        return Ok(last.pattern.clone());
    }
    let pattern = Arc::new(Pattern::new(spins, rows, cols)?);
    *last() = Some(Last { rows: rows.to_vec(), cols: cols.to_vec(), pattern: pattern.clone() });
    Ok(pattern)
}

/// Tells a Python function how many reads are finished; it answers whether to begin no more.
fn ask(py: Python, watch: &Py<PyAny>, control: &Control) -> PyResult<()> {
    if watch.bind(py).call1((control.done(),))?.is_truthy()? {
        control.finish();
    }
    Ok(())
}

/// Runs `job` on a thread of its own while this one looks for Ctrl-C and after `watch`; brief work that
/// nobody watches runs where it is.
fn watched<T: Send>(
    work: usize,
    watch: Option<&Py<PyAny>>,
    job: impl FnOnce(&Control) -> T + Send,
) -> PyResult<T> {
    let control = Control::default();
    if work < BRIEF && watch.is_none() {
        return Ok(job(&control));
    }
    let look = || {
        Python::attach(|py| {
            py.check_signals()?;
            watch.map_or(Ok(()), |watch| ask(py, watch, &control))
        })
    };
    std::thread::scope(|scope| {
        let (done, wait) = channel::<()>();
        let control = &control;
        let thread = std::thread::Builder::new().spawn_scoped(scope, move || {
            // Dropped when the job ends, also by a panic: the wait below ends with it.
            let _done = done;
            job(control)
        });
        let thread = thread.map_err(|_| Error::Threads { threads: 1 })?;
        let mut seen = look();
        loop {
            if seen.is_err() {
                control.abort();
            }
            if wait.recv_timeout(PERIOD) != Err(RecvTimeoutError::Timeout) {
                break;
            }
            seen = seen.and_then(|()| look());
        }
        match thread.join() {
            Ok(result) => seen.map(|()| result),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

#[pyfunction]
fn project<'py>(
    py: Python<'py>,
    x: PyReadonlyArray2<'py, f32>,
    w: PyReadonlyArray2<'py, f32>,
    bias: PyReadonlyArray1<'py, f32>,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let units = bias.shape()[0];
    if w.shape() != [x.shape()[1], units] || w.is_empty() {
        return Err(PyValueError::new_err(format!(
            "w has shape {:?}, expected ({}, {units}), neither of them 0",
            w.shape(),
            x.shape()[1]
        )));
    }
    // Before there is an answer: what is no array in memory may claim any number of rows.
    let (rows, w, bias) = (c_order(&x, "x")?, c_order(&w, "w")?, c_order(&bias, "bias")?);
    let mut out = zeros([x.shape()[0], units])?;
    linear::project(rows, w, bias, out.as_slice_mut().expect("a new array is contiguous"));
    Ok(out.into_pyarray(py))
}

#[pyfunction]
fn add_outer(
    mut w: PyReadwriteArray2<'_, f32>,
    x: PyReadonlyArray2<'_, f32>,
    d: PyReadonlyArray2<'_, f32>,
    limit: f32,
) -> PyResult<()> {
    let units = d.shape()[1];
    if w.shape() != [x.shape()[1], units] || w.is_empty() || x.shape()[0] != d.shape()[0] {
        return Err(PyValueError::new_err(format!(
            "w, x, d have shapes {:?}, {:?}, {:?}, expected (inputs, units), (batch, inputs), (batch, units)",
            w.shape(),
            x.shape(),
            d.shape()
        )));
    }
    if limit.is_nan() || limit < 0.0 {
        return Err(PyValueError::new_err(format!("limit is {limit:?}, expected a number >= 0")));
    }
    let (x, d) = (c_order(&x, "x")?, c_order(&d, "d")?);
    if !w.is_c_contiguous() {
        return Err(not_c_order("w"));
    }
    linear::add_outer(w.as_slice_mut()?, x, d, units, limit);
    Ok(())
}

#[pyfunction]
fn add(mut w: PyReadwriteArrayDyn<'_, f32>, change: PyReadonlyArrayDyn<'_, f32>, limit: f32) -> PyResult<()> {
    if w.shape() != change.shape() {
        return Err(PyValueError::new_err(format!(
            "change has shape {:?}, expected that of w, {:?}",
            change.shape(),
            w.shape()
        )));
    }
    if limit.is_nan() || limit < 0.0 {
        return Err(PyValueError::new_err(format!("limit is {limit:?}, expected a number >= 0")));
    }
    let change = c_order(&change, "change")?;
    if !w.is_c_contiguous() {
        return Err(not_c_order("w"));
    }
    linear::add(w.as_slice_mut()?, change, limit);
    Ok(())
}

#[pyfunction]
fn products<'py>(
    py: Python<'py>,
    states: PyReadonlyArray2<'py, i8>,
    before: (usize, usize),
    after: (usize, usize),
) -> PyResult<Bound<'py, PyArray2<i32>>> {
    let spins = states.shape()[1];
    for (start, stop) in [before, after] {
        if start > stop || stop > spins {
            return Err(PyValueError::new_err(format!(
                "spins {start}..{stop} are asked for, but states have {spins} spins"
            )));
        }
    }
    let states = c_order(&states, "states")?;
    let mut out = zeros([before.1 - before.0, after.1 - after.0])?;
    let sums = out.as_slice_mut().expect("a new array is contiguous");
    linear::add_products(states, spins, before.0..before.1, after.0..after.1, sums);
    Ok(out.into_pyarray(py))
}

#[pyfunction]
fn energies<'py>(
    py: Python<'py>,
    rows: PyReadonlyArray1<'py, i64>,
    cols: PyReadonlyArray1<'py, i64>,
    values: PyReadonlyArray1<'py, f64>,
    fields: PyReadonlyArray1<'py, f64>,
    states: PyReadonlyArray2<'py, i8>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (rows, cols) = (c_order(&rows, "rows")?, c_order(&cols, "cols")?);
    let (values, fields) = (c_order(&values, "values")?, c_order(&fields, "fields")?);
    let spins = fields.len();
    if states.shape()[1] != spins || rows.len() != values.len() || cols.len() != values.len() {
        return Err(PyValueError::new_err(format!(
            "states have {} spins and fields {spins}; rows, cols and values have {}, {} and {} numbers",
            states.shape()[1],
            rows.len(),
            cols.len(),
            values.len()
        )));
    }
    let count = states.shape()[0];
    let states = c_order(&states, "states")?;
    let mut out = filled(count, 0.0).map_err(|_| no_memory(&[count]))?;
    linear::energies(states, rows, cols, values, fields, &mut out).map_err(|k| {
        let i = if rows[k] < 0 || rows[k] as usize >= spins { rows[k] } else { cols[k] };
        PyValueError::new_err(format!("a coupling is on spin {i}, but there are {spins} spins"))
    })?;
    Ok(out.into_pyarray(py))
}

#[pyfunction]
fn rest_of_fields<'py>(
    py: Python<'py>,
    linear: PyReadonlyArray1<'py, f64>,
    rows: PyReadonlyArray1<'py, i64>,
    cols: PyReadonlyArray1<'py, i64>,
    quadratic: PyReadonlyArray1<'py, f64>,
    fields: PyReadonlyArray1<'py, f64>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let variables = linear.shape()[0];
    let (linear, fields) = (c_order(&linear, "linear")?, c_order_of(&fields, "fields", &[variables])?);
    let quadratic = c_order(&quadratic, "quadratic")?;
    let shape = [quadratic.len()];
    let (rows, cols) = (c_order_of(&rows, "rows", &shape)?, c_order_of(&cols, "cols", &shape)?);
    let rest = crate::linear::rest_of_fields(linear, rows, cols, quadratic, fields).map_err(|k| {
        PyValueError::new_err(format!("term {k} is of variables {} and {} of {variables}", rows[k], cols[k]))
    })?;
    Ok(rest.into_pyarray(py))
}
