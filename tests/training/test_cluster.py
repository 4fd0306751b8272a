"""Training on a Dask scheduler: the bits of one process, whoever works, and whoever dies while it does.

All on the loopback: a real scheduler, and workers that are processes.
"""

from __future__ import annotations

import http.server
import os
import signal
import socketserver
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import dask
import joblib
import numpy as np
import pytest
from click.testing import CliRunner
from distributed import Client, LocalCluster
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from ising_ep import EPClassifier, cli, datasets, training
from ising_ep.config import TrainConfig
from ising_ep.errors import StoppedError
from ising_ep.learning import SGD, EquilibriumPropagation, Optimizer
from ising_ep.learning.shards import SHARD, total
from ising_ep.machines import AnnealingMachine
from ising_ep.network import FullyConnected, Reads
from ising_ep.training import cluster
from ising_ep.training.run_folder import RunFolder
from ising_ep.training.state import TrainState
from support.callbacks import calling

QUIET = {"host": "127.0.0.1", "dashboard_address": None, "threads_per_worker": 1}


@pytest.fixture(scope="module")
def workers():
    """A scheduler, with one worker to begin with."""
    with LocalCluster(n_workers=1, processes=True, **QUIET) as local:
        yield local


@pytest.fixture
def client(workers):
    with Client(workers.scheduler_address, set_as_default=False) as client:
        yield client


@pytest.fixture(scope="module")
def digits():
    return datasets.load_digits(train_per_class=13, test_per_class=3)


def config_of(**changes: Any) -> TrainConfig:
    settings = {"layers": (12, 10), "epochs": 2, "batch_size": 120, "num_reads": 3, "num_sweeps": 15}
    return TrainConfig.checked({"dataset": "digits"} | settings | changes)


ADAM = {"optimizer": "adam", "centre": True, "shift": 1, "statistic": "average"}
RUNS: dict[str, dict[str, Any]] = {
    "adam": ADAM,
    "symmetric": ADAM | {"symmetric": True},
    "few bits, errors": ADAM | {"weight_bits": 4, "weight_noise": 0.05},
    "lowest": {"statistic": "lowest", "test_reads": 2},
    "means first": {"standardise": True, "mean_field_epochs": 1},
    "small batches": {"batch_size": 40},
    "deterministic": {"machine": "deterministic", "num_reads": None, "num_sweeps": None},
    "chip": {"machine": "chip", "chip": "chimera:6", "copies": 1, "layers": (6, 10), "epochs": 1},
}


def assert_same(first: TrainState, second: TrainState) -> None:
    assert first.parameters.keys() == second.parameters.keys()
    for name, value in first.parameters.items():
        np.testing.assert_array_equal(value, second.parameters[name])
    for ours, theirs in zip(first.history, second.history, strict=True):
        assert ours | {"seconds": 0} == theirs | {"seconds": 0}
    assert first.predictions == second.predictions
    usage, other = asdict(first.usage), asdict(second.usage)
    assert usage.pop("access_time") == pytest.approx(other.pop("access_time"))
    assert usage == other


@pytest.fixture(scope="module")
def alone(digits):
    """What the runs come to without workers."""
    return {name: training.train(config_of(**changes), digits) for name, changes in RUNS.items()}


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_result_does_not_depend_on_the_workers(workers, client, digits, alone, number):
    workers.scale(number)
    client.wait_for_workers(number)
    for name in RUNS if number == 2 else ("adam",):
        assert_same(alone[name], training.train(config_of(**RUNS[name]), digits, scheduler=client))


def rule_of(kind: type[EquilibriumPropagation], digits: datasets.Dataset, **more: Any) -> Any:
    network = FullyConnected(digits.num_inputs, (12, 10), 10)
    machine = AnnealingMachine(num_reads=3, num_sweeps=15, num_threads=1)
    return kind(network, machine, statistic="average", **{"optimizer": SGD(0.1)} | more)


def epoch_of(rule: Any, digits: datasets.Dataset) -> Any:
    """Parameters after an epoch, and the outputs of the test images."""
    state = TrainState(rule.network.initial_parameters(np.random.default_rng(0)))
    training.train_epoch(rule, state, digits.x_train, digits.y_train, batch_size=120, first_id=0)
    ids = np.arange(len(digits.x_test), dtype=np.uint32)
    return state.parameters, training.free_outputs(rule, state.parameters, digits.x_test, ids)


@pytest.mark.slow
def test_a_rule_of_ones_own_stays_what_it_is(client, digits):
    """A class that changes phases, gradients and outputs, with a setting and an optimizer of its own."""

    @dataclass(frozen=True)
    class Own(EquilibriumPropagation):
        factor: float = 1.0

        def nudge_phase(self, *given: Any) -> Any:
            nudged = super().nudge_phase(*given)
            return Reads(-nudged.states) if self.factor > 1 else nudged

        def gradient(self, *given: Any) -> Any:
            return {name: value * np.float32(self.factor) for name, value in super().gradient(*given).items()}

        def outputs(self, reads: Any) -> Any:
            return super().outputs(reads) * np.float32(self.factor)

    class Pushed(SGD):
        def step(self, network: Any, parameters: Any, *given: Any, **more: Any) -> None:
            super().step(network, parameters, *given, **more)
            parameters["b0"] += 1

    rule = rule_of(Own, digits, factor=2.0, optimizer=Pushed(0.1))
    shared, alone = epoch_of(cluster.shared(rule, client), digits), epoch_of(rule, digits)
    plain = epoch_of(rule_of(Own, digits), digits)
    for name, value in alone[0].items():
        np.testing.assert_array_equal(shared[0][name], value)
        assert (plain[0][name] != value).any()
    np.testing.assert_array_equal(shared[1], alone[1])
    assert np.abs(shared[1]).max() == 2


@dataclass(frozen=True)
class DeltaRule:
    """No equilibrium propagation: the output's biases alone follow its errors, in one phase."""

    network: FullyConnected
    machine: AnnealingMachine
    optimizer: Optimizer = field(default_factory=lambda: SGD(bias_learning_rate=0.5))
    seed: int = 0

    def with_seed(self, seed: int) -> DeltaRule:
        return replace(self, seed=seed)

    def compare(self, parameters, x, target, ids, weights=None):
        [outputs] = self.predict(parameters, [(x, ids)])
        counts = np.ones(len(x)) if weights is None else weights
        errors = counts[:, None] * (target - outputs)
        return {"b1": errors.mean(axis=0, dtype=np.float64).astype(np.float32)}, outputs

    def predict(self, parameters, batches):
        problem = self.network.couplings(parameters)
        for x, ids in batches:
            fields = self.network.fields(parameters, x)
            reads = self.machine.sample(problem, fields, seed=self.seed, problem_ids=ids)
            yield reads.states[:, :, self.network.outputs].mean(axis=1, dtype=np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("weighted", [False, True])
def test_a_rule_of_another_kind_is_shared(client, digits, weighted):
    """It has not more than `learning.Rule` asks for, and its gradient is the mean over the batch's shards."""
    network = FullyConnected(digits.num_inputs, (12, 10), 10)
    rule = DeltaRule(network, AnnealingMachine(num_reads=3, num_sweeps=15, num_threads=1))
    parameters = network.initial_parameters(np.random.default_rng(0))
    x, target = digits.x_train[:120], network.targets(digits.y_train[:120])
    weights = np.random.default_rng(1).choice([0.5, 2.0], 120) if weighted else None
    given = parameters, x, target, np.arange(120, dtype=np.uint32), weights
    (found, outputs), (wanted, same) = cluster.shared(rule, client).compare(*given), rule.compare(*given)
    np.testing.assert_array_equal(outputs, same)
    np.testing.assert_allclose(found["b1"], wanted["b1"], rtol=1e-5)
    state, _ = epoch_of(cluster.shared(rule, client), digits)
    assert (state["b1"] != parameters["b1"]).any()


def executed(client: Client) -> list[int]:
    """Tasks that each worker has done so far."""
    return list(client.run(lambda dask_worker: dask_worker.state.executed_count).values())


@pytest.mark.slow
def test_every_worker_works(workers, client, digits):
    workers.scale(3)
    client.wait_for_workers(3)
    before = executed(client)
    training.train(config_of(**ADAM), digits, scheduler=client)  # 2 epochs: 3 shards, 1 shard, 1 test
    done = np.subtract(executed(client), before)
    assert done.sum() >= 2 * (3 + 1 + 1)
    assert (done > 0).all()


@pytest.mark.slow
def test_workers_that_are_killed_change_nothing(client, digits):
    """Two of three, one between two updates and one in the middle of one; a nanny brings up others."""
    config = config_of(**ADAM | {"num_sweeps": 2000, "batch_size": 130})
    client.wait_for_workers(3)
    pids = list(client.run(os.getpid).values())

    def on_batch(state: TrainState) -> None:
        if state.epoch == 0:
            os.kill(pids[0], signal.SIGKILL)
            threading.Timer(0.05, os.kill, (pids[1], signal.SIGKILL)).start()

    shared = training.train(config, digits, scheduler=client, callbacks=calling(on_batch=on_batch))
    assert not {*pids[:2]} & {*client.run(os.getpid).values()}
    assert_same(training.train(config, digits), shared)


def ising_ep(*arguments: object) -> Any:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


@pytest.mark.slow
def test_a_run_goes_on_with_a_scheduler_or_without(workers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = ["--train-per-class", 13, "--test-per-class", 3, "--layers", "12,10", "--batch-size", 120]
    settings += ["--num-reads", 3, "--num-sweeps", 15, "--optimizer", "adam"]
    scheduler = ["--scheduler", workers.scheduler_address]
    for out, first, second in (("a", scheduler, []), ("b", [], scheduler)):
        begun = ising_ep("train", *settings, "--epochs", 1, "--out", out, *first)
        assert begun.exit_code == 0, begun.output
        assert ising_ep("train", "--resume", out, "--epochs", 2, *second).exit_code == 0
    assert_same(*(RunFolder.open(tmp_path / name).load() for name in ("a", "b")))


def refused(result: Any, *texts: str) -> None:
    assert result.exit_code == 2, result.output
    assert len(result.stderr.splitlines()) == 1
    for text in texts:
        assert text in result.stderr


def test_what_cannot_be_shared_is_refused(workers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train = ["train", "--layers", "6,10", "--scheduler", workers.scheduler_address]
    refused(ising_ep(*train, "--machine", "qpu"), "machine is qpu", "computed")
    chip = [*train, "--machine", "chip", "--chip", "chimera:6", "--copies", 2, "--batch-size", SHARD + 1]
    *_, line = ising_ep(*chip).stderr.splitlines()  # after the one that says where the network is
    assert line.startswith(f"Error: batch_size is {SHARD + 1}, but a chip of 2 copies")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "127.0.0.1", "nonsense://127.0.0.1:1"])
def test_a_scheduler_that_does_not_answer_is_named(address, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cluster, "CONNECT_TIMEOUT", 0.2)
    refused(ising_ep("train", "--scheduler", address), f"scheduler is {address}")
    assert not list(tmp_path.iterdir())


class SilentServer(socketserver.BaseRequestHandler):
    """Takes what comes, and says nothing."""

    def handle(self) -> None:
        while self.request.recv(1024):
            pass


class WebServer(http.server.BaseHTTPRequestHandler):
    """As a dashboard: what is no request is refused in HTML."""

    def log_message(self, *_: Any) -> None:
        pass


@pytest.mark.parametrize("handler", [SilentServer, WebServer])
def test_a_server_that_is_no_scheduler_is_refused(handler, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cluster, "CONNECT_TIMEOUT", 0.3)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"tcp://127.0.0.1:{server.server_address[1]}"
        result = ising_ep("train", "--scheduler", address)
        server.shutdown()
    refused(result, f"scheduler is {address}, expected one that answers")
    assert not list(tmp_path.iterdir())


def test_a_worker_is_no_scheduler(client, workers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    worker = next(iter(client.ncores()))
    refused(ising_ep("train", "--scheduler", worker), f"scheduler is {worker}", "this is a Worker")


def test_without_dask_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    refused(ising_ep("train", "--scheduler", "tcp://127.0.0.1:1"), "pip install 'ising-ep[dask]'")


def test_workers_are_waited_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with (
        LocalCluster(n_workers=0, processes=True, **QUIET) as empty,
        dask.config.set({"distributed.scheduler.no-workers-timeout": "0.2s"}),
    ):
        result = ising_ep("train", "--scheduler", empty.scheduler_address)
        address = empty.scheduler_address
    assert result.exit_code == 2
    waiting, error = result.stderr.splitlines()
    assert waiting.endswith(f"dask worker {address}")
    assert error == f"Error: scheduler {address} has no workers, and got none in 0.2s"


def test_other_versions_are_refused(workers, client, monkeypatch):
    ours = {"ising_ep": "0.0.1", "numpy": np.__version__}
    monkeypatch.setattr(cluster, "_versions", lambda: ours)
    refused(
        ising_ep("train", "--scheduler", workers.scheduler_address),
        "the scheduler has ising_ep",
        "expected what the trainer has, ising_ep 0.0.1",
    )
    # And a worker that comes later looks for itself.
    with pytest.raises(
        StoppedError, match=r"a worker has .* expected what the trainer has, ising_ep 0\.0\.1"
    ):
        client.submit(cluster._run, None, (None, ours), (), pure=False).result()


@pytest.mark.slow
def test_searches_go_through_joblib(client):
    """The same scores as alone; and as many threads as are asked for, not as many as the cluster has."""
    x, y = load_iris(return_X_y=True)
    model = EPClassifier((8,), max_iter=3, num_reads=2, num_sweeps=10, random_state=0)
    search = GridSearchCV(model, {"learning_rate": [0.02, 0.05], "nudge": [2.0, 5.0]}, cv=2)
    wanted = search.fit(x / 4, y).cv_results_
    search = GridSearchCV(model, search.param_grid, cv=2, n_jobs=-1)
    with joblib.parallel_config("dask", client=client):
        found = search.fit(x / 4, y).cv_results_
        threads = joblib.Parallel()(joblib.delayed(threads_of)(n_jobs) for n_jobs in (None, 2))
    np.testing.assert_array_equal(found["mean_test_score"], wanted["mean_test_score"])
    assert threads == [1, 2]


def threads_of(n_jobs: int | None) -> int:
    x, y = np.eye(2), [0, 1]
    fitted = EPClassifier((2,), max_iter=1, random_state=0, n_jobs=n_jobs).fit(x, y)
    return fitted._rule().machine.num_threads


def test_a_batch_of_one_shard_is_summed_as_it_is():
    gradient = {"W0": np.array([-0.0, 0.1], dtype=np.float32)}
    assert total([gradient, {}]) == {"W0": gradient["W0"]}
    assert total([]) == {}


@pytest.mark.parametrize("weighted", [False, True])
def test_shards_add_up_to_the_gradient_of_the_batch(digits, weighted, monkeypatch):
    rule = training.learning_rule(config_of(**ADAM), digits)
    rng = np.random.default_rng(1)
    x = digits.x_train[:120]
    free, nudged = rng.choice(np.array([-1, 1], dtype=np.int8), (2, len(x), 3, rule.network.num_spins))
    weights = rng.choice(np.array([1, 3], dtype=np.float32), len(x)) if weighted else None
    found = rule.gradient(x, Reads(free), Reads(nudged), weights)
    monkeypatch.setattr("ising_ep.learning.shards.SHARD", len(x))
    wanted = rule.gradient(x, Reads(free), Reads(nudged), weights)
    assert found.keys() == wanted.keys() == {"W0", "b0", "W1", "b1"}
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, atol=1e-6)
        assert np.abs(value).max() > 1e-3


@pytest.mark.slow
def test_without_a_scheduler_dask_is_not_imported():
    program = (
        "import sys, ising_ep.cli, ising_ep.training, ising_ep.estimator; print('distributed' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert printed.stdout == "False\n"
