"""Training on many machines: the workers of a Dask scheduler share every batch, and the tests.

A batch is the same `learning.shards` however many workers there are. A task anneals some of them and returns
the gradient of each; the trainer adds them up in the order of the shards, as it does without workers, and
steps. So the result does not depend on who did what, or how often: the task of a worker that dies is done by
another one. docs/cluster.md says what that costs.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..checks import short
from ..config import TrainConfig
from ..errors import StoppedError
from ..extras import require
from ..learning import Optimizer, Rule
from ..learning.shards import SHARD, shard_weights, shards, total
from ..machines import Machine
from ..machines.usage import Usage
from ..network import Network, Parameters
from ..printable import one_line

if TYPE_CHECKING:
    from distributed import Client, Future

# Seconds until a scheduler that does not answer is given up.
CONNECT_TIMEOUT = 5.0
# Upper bound on the shards of a task: neither the task nor its answer grows with the batch.
MOST_SHARDS = 8
# Packages whose versions must be the same on all workers, so that the bits are.
PACKAGES = ("ising_ep", "numpy")

# Each thread of a worker has a rule of its own, as machines count what they are used for.
_thread = threading.local()


@contextmanager
def connected(address: str, say: Callable[[str], object]) -> Iterator[Client]:
    """A client of the scheduler at ``address``, as soon as it has a worker.

    Args:
        address: Such as ``tcp://127.0.0.1:8786``.
        say: Called with a line when there are no workers to begin with. They are waited for as long as Dask's
            ``distributed.scheduler.no-workers-timeout`` says; by default for ever.

    Raises:
        MissingExtraError: If Dask is not installed.
        ValueError: If no scheduler answers, no worker comes, or versions differ.
    """
    require("dask", "a scheduler")
    import dask
    from distributed import Client

    _check_scheduler(address)
    # Dask's log is silenced: errors are raised here in one line, and Dask would log them in many.
    with _silenced("distributed"), Client(address, timeout=CONNECT_TIMEOUT, set_as_default=False) as client:
        if not client.ncores():
            say(f"Waiting for workers. Start some with: dask worker {address}")
            limit = dask.config.get("distributed.scheduler.no-workers-timeout")
            try:
                client.wait_for_workers(1, timeout=limit)
            except TimeoutError:
                raise ValueError(f"scheduler {address} has no workers, and got none in {limit}") from None
        _check_versions(client)
        yield client


@contextmanager
def _silenced(family: str) -> Iterator[None]:
    """Silences a family of loggers."""
    loggers = [logging.getLogger(name) for name in list(logging.Logger.manager.loggerDict)]
    silenced = [each for each in loggers if each.name.split(".")[0] == family and not each.disabled]
    for logger in silenced:
        logger.disabled = True
    try:
        yield
    finally:
        for logger in silenced:
            logger.disabled = False


def _check_scheduler(address: str) -> None:
    """Refuses what is no scheduler. `Client` waits for ever for something else that listens, and one that met
    a malformed address leaves a thread and half of itself behind.

    Raises:
        ValueError: If nothing answers as a scheduler in time.
    """
    # Whatever speaks another protocol may end in any error of the parser.
    try:
        who = asyncio.run(asyncio.wait_for(_identity(address), CONNECT_TIMEOUT))
    except TimeoutError:
        why = f"no answer of a scheduler within {CONNECT_TIMEOUT:g} s"
    except Exception as error:
        why = one_line(error) or type(error).__name__
    else:
        if who == "Scheduler":
            return
        why = f"this is a {who}"
    raise ValueError(f"scheduler is {address}, expected one that answers: {why}")


async def _identity(address: str) -> str:
    """Asks a server of Dask's for its type."""
    from distributed.comm import connect
    from distributed.security import Security

    comm = await connect(address, timeout=CONNECT_TIMEOUT, **Security().get_connection_args("client"))
    try:
        await comm.write({"op": "identity", "reply": True})
        return str((await comm.read())["type"])
    finally:
        comm.abort()


def check(config: TrainConfig, machine: Machine | None = None) -> None:
    """Refuses what workers cannot share, as far as it is known.

    Raises:
        ValueError: If the machine is not computed, or its answer for an image depends on others of the batch.
    """
    if not (config.machine_settings if machine is None else machine).shared:
        name = config.machine if machine is None else type(machine).__name__
        raise ValueError(f"machine is {name}, but only machines that are computed are shared by a scheduler")
    copies = 1 if machine is None else machine.images_together
    if copies > 1 and config.batch_size > SHARD:
        raise ValueError(
            f"batch_size is {config.batch_size}, but a chip of {copies} copies anneals images together and"
            f" takes at most {SHARD} with a scheduler; take 1 copy"
        )


def busy(client: Client) -> bool:
    """Tells whether workers have still to answer. The trainer waits then, its state that of a whole batch."""
    return any(future.status == "pending" for future in list(client.futures.values()))


def shared(rule: Rule, client: Client) -> SharedRule:
    """The rule, worked out by the workers."""
    return SharedRule(rule, client)


class SharedRule:
    """A learning rule that the workers of a scheduler share: a `learning.Rule`.

    The workers have the rule itself, of whatever class it is, and with whatever settings. They compare shard
    by shard; the optimizer steps here.

    Args:
        rule: The rule.
        client: A client of the scheduler.
    """

    def __init__(self, rule: Rule, client: Client) -> None:
        if not hasattr(client, "submit"):
            raise TypeError(
                f"scheduler is {short(client)}, expected a client, such as distributed.Client(address)"
            )
        self.rule = rule
        self.client = client
        # Held by a task, not scattered, so that Dask makes it again where its worker died.
        self._sent = client.submit(_both, rule, _versions(), pure=False)

    @property
    def network(self) -> Network:
        """See `learning.Rule`."""
        return self.rule.network

    @property
    def machine(self) -> Machine:
        """See `learning.Rule`; here it counts what those of the workers were used for."""
        return self.rule.machine

    @property
    def optimizer(self) -> Optimizer:
        """See `learning.Rule`."""
        return self.rule.optimizer

    @property
    def seed(self) -> int:
        """See `learning.Rule`."""
        return self.rule.seed

    def with_seed(self, seed: int) -> SharedRule:
        """See `learning.Rule`."""
        return SharedRule(self.rule.with_seed(seed), self.client)

    def compare(
        self,
        parameters: Parameters,
        x: NDArray[np.float32],
        target: NDArray[np.float32],
        ids: NDArray[np.uint32],
        weights: NDArray[np.floating] | None = None,
    ) -> tuple[Parameters, NDArray[np.float32]]:
        """See `learning.Rule`."""
        num_shards = -(-len(x) // SHARD)

        def parts(num_threads: int) -> Iterator[tuple[Any, ...]]:
            # The fewest tasks that keep all threads busy: a task costs milliseconds, whatever its size.
            num_tasks = max(min(num_threads, num_shards), -(-num_shards // MOST_SHARDS))
            ends = [SHARD * (k * num_shards // num_tasks) for k in range(num_tasks + 1)]
            for part in map(slice, ends[:-1], ends[1:]):
                of_part = None if weights is None else weights[part]
                yield parameters, x[part], target[part], ids[part], of_part, len(x)

        def gradients() -> Iterator[Parameters]:
            for of_shards, found in self._map(_compare, parts):
                outputs.append(found)
                yield from map(_copied, of_shards)

        outputs: list[NDArray[np.float32]] = []
        return total(gradients()), np.concatenate(outputs)

    def predict(
        self, parameters: Parameters, batches: Iterable[tuple[NDArray[np.float32], NDArray[np.uint32]]]
    ) -> Iterator[NDArray[np.float32]]:
        """See `learning.Rule`."""
        return self._map(_predict, lambda _: ((parameters, *batch) for batch in batches))

    def _map(
        self, task: Callable[..., Any], arguments: Callable[[int], Iterable[tuple[Any, ...]]]
    ) -> Iterator[Any]:
        """Runs the task on the workers and yields its results in the order of the arguments.

        The arguments are made for a number of threads.

        Counts what the machines were used for.
        """
        waiting: deque[Future] = deque()
        try:
            # Each thread in turn, the first of every worker before the second of any. Dask by itself would
            # leave short tasks to the worker that has the rule already.
            threads = sorted((k, who) for who, n in self.client.ncores().items() for k in range(n))
            places = [who for _, who in threads] or [None]
            for some, who in zip(arguments(len(places)), cycle(places), strict=False):
                asked = {"workers": who, "allow_other_workers": who is not None, "pure": False}
                waiting.append(self.client.submit(_run, task, self._sent, some, **asked))
                if len(waiting) > 2 * len(places):
                    yield self._next(waiting)
            while waiting:
                yield self._next(waiting)
        except Exception as error:
            # Dask's own errors: workers that die again and again, none that comes, no scheduler any longer.
            if isinstance(error, OSError) or type(error).__module__.startswith("distributed."):
                why = one_line(error).rstrip(".")
                raise StoppedError(f"the scheduler gave up: {why}") from None
            raise
        finally:
            waiting.clear()  # Dask cancels what nobody waits for

    def _next(self, waiting: deque[Future]) -> Any:
        found, usage = waiting[0].result()
        waiting.popleft()
        self.machine.usage.add(usage)
        return found


def _both(*both: Any) -> Any:
    return both


def _run(task: Callable[..., Any], sent: tuple[Rule, dict[str, str]], some: Any) -> Any:
    """Runs the task on a worker and returns its result with the usage of its machine."""
    if getattr(_thread, "sent", None) is not sent:
        rule, versions = sent
        if versions != _versions():
            raise StoppedError(_difference("a worker", _versions(), versions))
        _thread.sent, _thread.rule = sent, copy.deepcopy(rule)
    usage = _thread.rule.machine.usage
    usage.restore(Usage())
    return task(_thread.rule, *map(_copied, some)), usage.copy()


def _copied(value: Any) -> Any:
    """Arrays, or parameters, in memory of their own: as they come they may be unaligned, or read-only."""
    if isinstance(value, dict):
        return {name: _copied(array) for name, array in value.items()}
    return np.array(value) if isinstance(value, np.ndarray) else value


def _compare(
    rule: Rule,
    parameters: Parameters,
    x: NDArray[np.float32],
    target: NDArray[np.float32],
    ids: NDArray[np.uint32],
    weights: NDArray[np.floating] | None,
    num_images: int,
) -> tuple[list[Parameters], NDArray[np.float32]]:
    """The gradient of each shard of these images of a batch, and the outputs of all."""
    found = [
        rule.compare(
            parameters, x[shard], target[shard], ids[shard], shard_weights(weights, shard, num_images)
        )
        for shard in shards(len(x))
    ]
    return [gradient for gradient, _ in found], np.concatenate([outputs for _, outputs in found])


def _predict(
    rule: Rule, parameters: Parameters, x: NDArray[np.float32], ids: NDArray[np.uint32]
) -> NDArray[np.float32]:
    return next(iter(rule.predict(parameters, [(x, ids)])))


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in PACKAGES}


def _check_versions(client: Client) -> None:
    """Refuses a scheduler or workers of other versions; `_run` looks at workers that come later."""
    found = client.get_versions(packages=list(PACKAGES))
    for who, facts in {"the scheduler": found["scheduler"], **found["workers"]}.items():
        theirs = {name: facts["packages"].get(name) for name in PACKAGES}
        if theirs != _versions():
            raise ValueError(_difference(who, theirs, _versions()))


def _difference(who: str, theirs: dict[str, Any], ours: dict[str, str]) -> str:
    has, wanted = (", ".join(f"{k} {v}" for k, v in versions.items()) for versions in (theirs, ours))
    return f"{who} has {has}, expected what the trainer has, {wanted}"
