"""What a call of the QPU costs besides the service: our dispatch, and dwave-system's beside it.

    python -m benchmarks.qpu.overhead [--calls 50]

A full chip: as many copies of K(120,40) as fit on a Pegasus P16 with 0.5 % of its qubits missing, ten reads.
The service is the stand-in, in a process of its own, with the real client on both sides. Overhead is the wall
time of a call less the time in which a request was out, of any thread (`HTTPAdapter.send`); bodies of answers
are read within it, and so are new connections. CPU time is that of all threads less that of these requests:
where other work takes turns on the machine, it is what remains of the overhead. Ours is
`EmbeddedMachine.sample`: placing, gauges, checks, journal on disk, encoding, decoding with every check,
unembedding. Theirs is `FixedEmbeddingComposite(DWaveSampler())` on the same copies, until the sample set's
states are there.
"""

from __future__ import annotations

import functools
import multiprocessing
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.support import report
from studies.markdown import table

COPIES, READS = 4, 10


def serve(pipe: Any) -> None:
    from ising_ep.chip import Chip
    from ising_ep.emulator import Emulator
    from ising_ep.machines.chip_model import ChipModel

    chip = Chip.perfect("pegasus", 16).without(0.005, seed=0)
    # One sweep to a microsecond: the reads do not matter here.
    with Emulator(ChipModel(chip, sweeps_per_us=1.0, num_threads=1)) as service:
        pipe.send((service.endpoint, service.token))
        pipe.recv()


class Spans:
    """When some functions were at work, in any thread, and the CPU time that they took."""

    def __init__(self) -> None:
        self.spans: list[tuple[float, float, float]] = []

    def watch(self, owner: Any, name: str) -> None:
        function = getattr(owner, name)

        @functools.wraps(function)
        def timed(*args: Any, **settings: Any) -> Any:
            started, cpu = time.perf_counter(), time.thread_time()
            try:
                found = function(*args, **settings)
                # Where it is not streamed, `requests` reads it next anyhow.
                _ = getattr(found, "content", None)
                return found
            finally:
                self.spans.append((started, time.perf_counter(), time.thread_time() - cpu))

        setattr(owner, name, timed)

    def seconds(self, started: float, ended: float) -> NDArray[np.float64]:
        """Seconds between these times in which at least one of them was, and of CPU time."""
        total, until, cpu = 0.0, started, sum(cpu for *_, cpu in self.spans)
        for first, last, _ in sorted(self.spans):
            first, last = max(first, until), min(last, ended)
            if last > first:
                total, until = total + last - first, last
        self.spans.clear()
        return np.array([total, cpu])


@click.command()
@click.option("--calls", default=50, show_default=True, help="Calls of each.")
@report.out_option
def main(calls: int, out: Path | None) -> None:
    """Time our dispatch to a QPU, and dwave-system's.

    \b
    Example: python -m benchmarks.qpu.overhead --calls 5
    """
    folder = report.folder(out, full=calls >= 50)
    facts = report.machine()
    pipe, other = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(other,), daemon=True)
    server.start()
    endpoint, token = pipe.recv()
    from dwave.cloud import api
    from requests.adapters import HTTPAdapter

    requests, client = Spans(), Spans()
    requests.watch(HTTPAdapter, "send")
    for name in ("submit_problems", "get_problem"):  # the layer of the client that we call
        client.watch(api.Problems, name)
    with tempfile.TemporaryDirectory() as place:
        ways = {
            "ising-ep": _ours(endpoint, token, Path(place)),
            "dwave-system": _theirs(endpoint, token),
        }
        times: dict[str, list[list[list[float]]]] = {name: [] for name in ways}
        for k in range(calls + 2):
            for name, call in ways.items():
                started, cpu = time.perf_counter(), time.process_time()
                call(k)
                ended, cpu = time.perf_counter(), time.process_time() - cpu
                whole = np.array([ended - started, cpu])
                out_there = requests.seconds(started, ended)
                in_client = (client.seconds(started, ended) - out_there).clip(0)
                if k >= 2:
                    times[name].append((1e3 * np.array([whole, whole - out_there, in_client])).tolist())
    pipe.send("stop")
    rows = []
    for name, values in times.items():
        (whole, _), besides, in_client = np.median(values, axis=0)
        parts = [f"{part:.2f} ms" if in_client.any() else "not told apart" for part in in_client]
        (least, _), (most, _) = np.min(values, axis=0)[1], np.max(values, axis=0)[1]
        span = f"{least:.2f} to {most:.2f} ms"
        wall, cpu_time = (f"{each:.2f} ms" for each in besides)
        rows.append((name, wall, parts[0], span, cpu_time, parts[1], f"{whole:.1f} ms"))
    header = (
        "way",
        "besides the service, median",
        "of it in dwave-cloud-client",
        "least to most",
        "CPU time, median",
        "of it in dwave-cloud-client",
        "whole call, median",
    )
    text = table(header, rows)
    click.echo(text)
    if folder is not None:
        record = {"machine": facts, "milliseconds": times}
        report.write(folder, "qpu_overhead", record, f"{text}\n{report.where(facts)}\n")


def _ours(endpoint: str, token: str, folder: Path) -> Any:
    from ising_ep.embedding import embed
    from ising_ep.machines.embedded import EmbeddedMachine
    from ising_ep.network import FullyConnected
    from ising_ep.qpu.connection import Connection
    from ising_ep.qpu.dispatch import QPU
    from ising_ep.qpu.journal import Journal

    connection = Connection.open(endpoint=endpoint, token=token, config_file=False, cache_enabled=False)
    network = FullyConnected(784, (120, 40), 10)
    embedding = embed(network, connection.chip, copies=COPIES)
    qpu = QPU(connection, Journal(folder / "qpu.sqlite"))
    machine = EmbeddedMachine(qpu, embedding, network, num_reads=READS)
    couplings, fields = _problem(network)

    def call(k: int) -> None:
        machine.sample(couplings, fields, seed=k, problem_ids=np.arange(COPIES, dtype=np.uint32))

    return call


def _theirs(endpoint: str, token: str) -> Any:
    import dimod
    from dwave.system import DWaveSampler, FixedEmbeddingComposite

    from ising_ep.chip import Chip
    from ising_ep.embedding import embed
    from ising_ep.network import FullyConnected

    network = FullyConnected(784, (120, 40), 10)
    sampler = DWaveSampler(endpoint=endpoint, token=token, config_file=False)
    embedding = embed(network, Chip.of_solver(sampler.properties, sampler.solver.graph_id), copies=COPIES)
    chains = {
        (copy, spin): chain
        for copy, of_copy in enumerate(embedding.chains)
        for spin, chain in enumerate(of_copy)
    }
    composite = FixedEmbeddingComposite(sampler, chains)
    (rows, cols, values), fields = _problem(network)
    bqm = dimod.BinaryQuadraticModel(
        {(c, i): float(fields[c, i]) for c in range(COPIES) for i in range(network.num_spins)},
        {
            ((c, int(i)), (c, int(j))): float(v)
            for c in range(COPIES)
            for i, j, v in zip(rows, cols, values, strict=True)
        },
        "SPIN",
    )

    def call(k: int) -> None:
        del k
        found = composite.sample(
            bqm, num_reads=READS, chain_strength=1.0, auto_scale=False, answer_mode="raw"
        )
        _ = found.record.sample

    return call


def _problem(network: Any) -> Any:
    rng = np.random.default_rng(0)
    values = rng.uniform(-0.3, 0.3, len(network.rows))
    fields = rng.uniform(-1, 1, (COPIES, network.num_spins)).astype(np.float32)
    return (network.rows, network.cols, values), fields


if __name__ == "__main__":
    main()
