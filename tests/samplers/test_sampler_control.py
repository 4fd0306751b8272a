"""Threads, signals, memory, and ways to end an anneal."""

import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from typing import Any

import dimod
import numpy as np
import pytest

from ising_ep import BatchResult, SimulatedAnnealingSampler
from support.problems import random_batch, random_bqm, same, sparse_batch

SAMPLER = SimulatedAnnealingSampler()
BETAS = np.geomspace(0.1, 5, 40)


def test_the_gil_is_released() -> None:
    """A counter in Python goes on while a long anneal runs in another thread."""
    couplings, fields = sparse_batch(0, 1, 1001)
    done = threading.Event()

    def anneal() -> None:
        SAMPLER.sample_batch(couplings, fields, num_reads=16, beta_schedule=[1.0] * 3000, num_threads=1)
        done.set()

    thread = threading.Thread(target=anneal)
    thread.start()
    ticks = 0
    while not done.wait(0.001):
        ticks += 1
    thread.join()
    assert ticks >= 10


def test_calls_from_several_threads_at_once_do_not_disturb_each_other() -> None:
    couplings, fields = random_batch(0, 4, 30)
    results: list[BatchResult] = []

    def anneal() -> None:
        call = {"num_reads": 20, "beta_schedule": BETAS, "seed": 3, "num_threads": 2}
        results.append(SAMPLER.sample_batch(couplings, fields, **call))

    threads = [threading.Thread(target=anneal) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6
    assert all(same(results[0], result) for result in results[1:])


LONG = {"num_reads": 10**5, "beta_range": [0.1, 3.0], "num_threads": 1, "seed": 5}


def long_anneal() -> Any:
    """1,000 sweeps of 300 spins: takes a minute or so with `LONG`."""
    return dimod.generators.ran_r(2, 300, seed=1)


def agree(some: Any, many: Any) -> bool:
    """Whether `some` reads are the first of `many`."""
    return np.array_equal(some.record, many.record[: len(some)])


@pytest.mark.slow
def test_interrupt_function_ends_with_the_reads_that_were_begun() -> None:
    calls = 0

    def fifth_time() -> bool:
        nonlocal calls
        calls += 1
        return calls == 5

    sampleset = SAMPLER.sample(long_anneal(), interrupt_function=fifth_time, **LONG)
    assert 1 <= len(sampleset) < LONG["num_reads"]
    assert calls == 5
    assert sampleset.info["ended_by"] == "interrupt_function"
    assert sampleset.info["num_reads_begun"] == len(sampleset)
    assert sampleset.info["num_reads"] == LONG["num_reads"]
    again = SAMPLER.sample(long_anneal(), **LONG | {"num_reads": len(sampleset) + 1})
    assert agree(sampleset, again)


@pytest.mark.slow
@pytest.mark.parametrize("end", [{"interrupt_function": lambda: True}, {"time_limit": 0}])
@pytest.mark.parametrize("start", [{}, {"initial_states": np.ones((5000, 300), np.int8)}])
def test_one_read_comes_back_at_least(end: dict[str, Any], start: dict[str, Any]) -> None:
    call = LONG | {"num_reads": 5000}
    sampleset = SAMPLER.sample(long_anneal(), **call, **start, **end)
    assert 1 <= len(sampleset) < 5000
    assert sampleset.info["ended_by"] in end


def test_time_limit_begins_no_more_reads() -> None:
    sampleset = SAMPLER.sample(long_anneal(), time_limit=0.2, **LONG)
    assert 1 <= len(sampleset) < LONG["num_reads"]
    assert sampleset.info["ended_by"] == "time_limit"


def test_nothing_is_said_of_limits_that_are_not_reached() -> None:
    call: dict[str, Any] = {"num_reads": 20, "seed": 1}
    plain = SAMPLER.sample(random_bqm(0), **call)
    for end in ({"time_limit": np.inf}, {"time_limit": 1e9}, {"interrupt_function": lambda: False}):
        sampleset = SAMPLER.sample(random_bqm(0), **call, **end)
        assert np.array_equal(sampleset.record, plain.record)
        assert sampleset.info["ended_by"] is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bqm", "kwargs"),
    [
        (random_bqm(0), {"num_reads": 1}),
        (random_bqm(0, 60), {"num_reads": 700}),
        (dimod.generators.ran_r(1, 60, seed=1), {"num_reads": 1500}),
        (random_bqm(0, 60), {"num_reads": 700, "randomize_order": True}),
        (random_bqm(0), {"num_reads": 7, "num_sweeps": 0}),
        (dimod.BQM("SPIN"), {"num_reads": 7, "beta_range": [1, 2]}),
    ],
)
def test_progress_rises_to_the_number_of_reads(bqm: Any, kwargs: dict[str, Any]) -> None:
    seen: list[tuple[int, int]] = []
    thread = set()

    def progress(done: int, total: int) -> None:
        seen.append((done, total))
        thread.add(threading.get_ident())

    sampleset = SAMPLER.sample(bqm, seed=1, progress=progress, **kwargs)
    assert seen == sorted(seen)
    assert {total for _, total in seen} == {len(sampleset)}
    assert seen[-1][0] == len(sampleset)
    assert thread == {threading.get_ident()}
    assert np.array_equal(sampleset.record, SAMPLER.sample(bqm, seed=1, **kwargs).record)


def test_progress_ends_where_an_interrupt_ends() -> None:
    seen: list[int] = []
    sampleset = SAMPLER.sample(
        long_anneal(),
        progress=lambda done, total: seen.append(done),
        interrupt_function=lambda: len(seen) > 3,
        **LONG,
    )
    assert seen[0] == 0
    assert seen[-1] == len(sampleset)


class OutOfPatience(BaseException):
    """Not an Exception: nothing may swallow it."""


@pytest.mark.parametrize("error", [RuntimeError("enough"), KeyboardInterrupt(), OutOfPatience()])
@pytest.mark.parametrize("name", ["interrupt_function", "progress"])
def test_what_a_function_raises_ends_the_anneal(name: str, error: BaseException) -> None:
    calls = 0

    def fails_the_third_time(*_: int) -> bool:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise error
        return False

    with pytest.raises(type(error)) as caught:
        SAMPLER.sample(long_anneal(), **LONG, **{name: fails_the_third_time})
    assert caught.value is error
    assert calls == 3


def test_a_function_may_anneal_itself() -> None:
    bqm = random_bqm(0)
    inner = []

    def progress(done: int, total: int) -> None:
        inner.append(SAMPLER.sample(bqm, num_reads=3, seed=1, interrupt_function=lambda: False))

    SAMPLER.sample(random_bqm(1, 50), num_reads=100, progress=progress)
    outer = SAMPLER.sample(bqm, num_reads=3, seed=1)
    assert inner
    assert all(np.array_equal(sampleset.record, outer.record) for sampleset in inner)


ENDLESS = """
import numpy as np
from ising_ep.samplers.simulated import SimulatedAnnealingSampler
spins = 2001
ring = np.arange(spins)
couplings = {couplings}
print("started", flush=True)
SimulatedAnnealingSampler().sample_batch(
    couplings, np.ones((4, spins)), num_reads=64, beta_schedule=np.full(10**6, 0.5), num_threads={threads})
"""
RING = "(ring, (ring + 1) % spins, np.ones(spins))"
STAR = "(np.zeros(spins - 1, int), ring[1:], np.ones(spins - 1))"  # K(1, 2000), layered


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGINT is POSIX")
@pytest.mark.parametrize("threads", [1, None])
@pytest.mark.parametrize("couplings", [RING, STAR], ids=["sparse", "layered"])
def test_ctrl_c_ends_an_anneal(couplings: str, threads: int | None) -> None:
    script = ENDLESS.format(couplings=couplings, threads=threads)
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    time.sleep(0.3)
    sent = time.perf_counter()
    process.send_signal(signal.SIGINT)
    try:
        _, stderr = process.communicate(timeout=20)
    finally:
        process.kill()
    # The promise is 0.1 s plus the end of the interpreter; the machines that test are noisy.
    assert time.perf_counter() - sent < 2.0
    assert stderr.rstrip().endswith("KeyboardInterrupt")


def run_python(script: str, timeout: float = 20) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=timeout, check=False
    )


def test_no_warnings_from_ordinary_calls() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SAMPLER.sample(random_bqm(0))
        SAMPLER.sample(
            random_bqm(0, vartype="BINARY"), num_reads=3, initial_states={f"v{k}": 1 for k in range(8)}
        )


@pytest.mark.slow
def test_too_many_reads_for_the_memory_is_an_exception() -> None:
    script = """
import numpy as np
from ising_ep.samplers.simulated import SimulatedAnnealingSampler
try:
    SimulatedAnnealingSampler().sample_batch(
        ([], [], []), np.zeros((1, 10**6)), num_reads=2**32 - 1, beta_schedule=[1.0])
except MemoryError:
    print("refused")
"""
    assert run_python(script).stdout == "refused\n"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("threads", [1, 2, None])
def test_a_forked_child_can_anneal_too(threads: int | None) -> None:
    """joblib and multiprocessing fork; the parent's worker threads do not exist in the child."""
    script = f"""
import os, numpy as np
from ising_ep.samplers.simulated import SimulatedAnnealingSampler
def anneal():
    SimulatedAnnealingSampler().sample_batch(
        ([0], [1], [1.0]), np.zeros((8, 101)), num_reads=64, beta_schedule=[1.0] * 100, num_threads={threads})
anneal()
child = os.fork()
if child == 0:
    anneal()
    os._exit(0)
print(os.waitpid(child, 0)[1], flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        stdout, _ = process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # the group: the child that hangs, too
        process.wait()
        pytest.fail("the child hangs")
    assert stdout == "0\n"
