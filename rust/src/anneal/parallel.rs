//! The runs of a segment, shared out among threads.

use super::job::Job;
use super::kernel::{self, Kernel};
use crate::error::Error;
use crate::simd::isa;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What is left to anneal: the next chunk, and where the reads from there on go.
struct Rest<'a> {
    chunk: usize,
    begun: usize,
    states: &'a mut [i8],
    energies: &'a mut [f64],
}

/// The runs of one chunk.
struct Chunk<'a> {
    chunk: usize,
    runs: usize,
    states: &'a mut [i8],
    energies: &'a mut [f64],
}

/// Shares out the chunks: whoever is free takes the next. The calling thread works too, so one thread needs
/// no pool, and a brief job is under way before the others have woken up. Returns how many runs were begun, the
/// first chunk at least.
pub(super) fn anneal(
    job: &Job,
    num_threads: usize,
    kernel: &impl Kernel,
    states: &mut [i8],
    energies: &mut [f64],
) -> Result<usize, Error> {
    let (n, runs) = (job.couplings.num_spins(), job.runs());
    let isa = isa::best();
    let rest = Mutex::new(Rest { chunk: 0, begun: 0, states, energies });
    let next = || {
        let mut rest = rest.lock().unwrap_or_else(PoisonError::into_inner);
        let finished = rest.begun > 0 && job.control.is_finishing();
        if rest.begun == runs || finished || job.stopped() {
            return None;
        }
        let chunk = rest.chunk;
        let count = kernel.end(chunk).min(runs) - rest.begun;
        let (states, later_states) = std::mem::take(&mut rest.states).split_at_mut(count * n);
        let energies = std::mem::take(&mut rest.energies);
        let (energies, later_energies) = energies.split_at_mut(count.min(energies.len()));
        *rest =
            Rest { chunk: chunk + 1, begun: rest.begun + count, states: later_states, energies: later_energies };
        Some(Chunk { chunk, runs: count, states, energies })
    };
    let work = || {
        while let Some(Chunk { chunk, runs, states, energies }) = next() {
            kernel::run(isa, kernel, chunk, states, energies);
            job.control.add_done(runs);
        }
    };
    let chunks = (0..num_threads).position(|chunk| kernel.end(chunk) >= runs).map_or(num_threads, |last| last + 1);
    share(chunks, &work)?;
    Ok(rest.into_inner().unwrap_or_else(PoisonError::into_inner).begun)
}

/// Does `work` on so many threads, of which the calling one is the first; what there is to do they take in turn.
pub(crate) fn share(threads: usize, work: &(impl Fn() + Sync)) -> Result<(), Error> {
    if threads <= 1 {
        work();
        return Ok(());
    }
    let pool = pool(threads - 1)?;
    JOBS.fetch_add(1, Ordering::Relaxed);
    pool.in_place_scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|_| work());
        }
        work();
    });
    pool.spawn_broadcast(|_| linger());
    Ok(())
}

/// By process and size: a forked child (Python's multiprocessing) inherits pools without threads.
type Pools = HashMap<(u32, usize), Arc<ThreadPool>>;

/// Thread pools, one for each size asked for, kept because starting threads costs more than a small anneal.
static POOLS: LazyLock<Mutex<Pools>> = LazyLock::new(Mutex::default);

/// Counts the jobs begun, for those who linger.
static JOBS: AtomicUsize = AtomicUsize::new(0);

/// How long a thread stays awake for the next job. To wake one takes 50 to 100 us on a virtual machine,
/// and training asks for the next anneal sooner than this.
const LINGER: Duration = Duration::from_micros(300);

fn linger() {
    let (seen, since) = (JOBS.load(Ordering::Relaxed), Instant::now());
    while JOBS.load(Ordering::Relaxed) == seen && since.elapsed() < LINGER {
        std::hint::spin_loop();
    }
}

/// The number of cores. Asked once: the answer takes longer than a small anneal.
pub(crate) fn cores() -> usize {
    static CORES: LazyLock<usize> = LazyLock::new(|| std::thread::available_parallelism().map_or(1, usize::from));
    *CORES
}

fn pool(threads: usize) -> Result<Arc<ThreadPool>, Error> {
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(match pools.entry((std::process::id(), threads)) {
        Entry::Occupied(pool) => pool.get().clone(),
        Entry::Vacant(place) => {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build();
            place.insert(Arc::new(pool.map_err(|_| Error::Threads { threads })?)).clone()
        }
    })
}
