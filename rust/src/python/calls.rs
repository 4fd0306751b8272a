//! Anneals that Python asks for: watched, and interrupted by Ctrl-C.

use crate::{Batch, Control, Error, Model, Samples, anneal};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// Below this many spin updates a call is over before anyone could press Ctrl-C.
const BRIEF: usize = 5_000_000;

/// How often a watched anneal is looked at.
const PERIOD: Duration = Duration::from_millis(20);

/// Anneals with an eye on Ctrl-C and on what `watch` has to say.
pub(super) fn annealed(
    model: &Model,
    batch: &Batch,
    num_threads: Option<usize>,
    watch: Option<&Py<PyAny>>,
) -> PyResult<Samples> {
    let (problems, runs) = (batch.num_problems(), batch.runs());
    check_threads(num_threads)?;
    if watch.is_some() && problems != 1 {
        return Err(PyValueError::new_err(format!("{problems} problems, expected 1 to be watched")));
    }
    // To ask the system how many cores there are takes as long as a small anneal.
    let num_threads = if runs == 1 { Some(1) } else { num_threads };
    let work = batch.updates();
    Ok(watched(work, watch, |control| anneal(model, batch, num_threads, control))??)
}

pub(super) fn check_threads(num_threads: Option<usize>) -> PyResult<()> {
    if num_threads == Some(0) {
        return Err(PyValueError::new_err("num_threads is 0, expected at least 1"));
    }
    Ok(())
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
pub(super) fn watched<T: Send>(
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
