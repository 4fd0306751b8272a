"""Times of calls that take turns, so that what the machine does besides meets all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def interleaved(
    ways: Mapping[K, Callable[[int], object]],
    rounds: int,
    *,
    warm_up: bool = True,
    on_round: Callable[[], object] = lambda: None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[K, list[float]]:
    """Seconds of every call: in a round each way is called once, one right after the other.

    Args:
        ways: What is timed by its name, given the number of the round.
        rounds: Rounds that count.
        warm_up: Whether there is one before them that does not.
        on_round: Called after each round.
        clock: What tells the seconds.
    """
    seconds: dict[K, list[float]] = {name: [] for name in ways}
    for number in range(-warm_up, rounds):
        for name, way in ways.items():
            start = clock()
            answer = way(number)
            seconds[name].append(clock() - start)
            del answer  # not within the next call
        on_round()
    return {name: times[warm_up:] for name, times in seconds.items()}
