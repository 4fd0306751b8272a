"""What all benchmarks say about themselves, and how they write their results."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import platform
import shlex
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import click
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")
RESULTS = Path(__file__).parents[1] / "results"
PACKAGES = (
    "ising-ep",
    "dwave-samplers",
    "dwave-system",
    "openjij",
    "simulated-bifurcation",
    "torch",
    "dwave-pytorch-plugin",
    "dimod",
    "numpy",
)
VECTOR_UNITS = (
    "sse4_2",
    "avx2",
    "fma",
    "avx512f",
    "avx512bw",
    "avx512vl",
    "avx512_vpopcntdq",
    "vaes",
    "gfni",
    "asimd",
)

console = Console(stderr=True)


out_option = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Folder for the results.  [default: {RESULTS.relative_to(RESULTS.parent.parent)} of a full run;"
    " otherwise nothing is written]",
)
data_dir_option = click.option(
    "--data-dir",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="ISING_EP_MNIST",
    help="Folder of MNIST's IDX files.  [default: $ISING_EP_MNIST]",
)
processes_option = click.option(
    "--processes", default=2, show_default=True, type=click.IntRange(1), help="Runs at once."
)


def one_thread() -> None:
    """No hidden threads: before the peers are imported, whose libraries read these once."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"


def cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine() -> dict[str, Any]:
    """Processor, versions, date and command line."""
    model, flags = platform.processor() or platform.machine(), []
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = (line.partition(":") for line in cpuinfo.read_text().splitlines())
        facts = {name.strip(): value.strip() for name, _, value in lines}
        model = facts.get("model name", model)
        have = (facts.get("flags") or facts.get("Features", "")).split()
        flags = [flag for flag in VECTOR_UNITS if flag in have]
    caches = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        caches[f"L{level} {kind}"] = size
    versions: dict[str, str | None] = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return {
        "cpu": model,
        "cpu_flags": flags,
        "caches": caches,
        "cores": cores(),
        "versions": versions,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command_line(sys.argv),
    }


def command_line(argv: Sequence[str]) -> str:
    """The command as anyone may repeat it: folders and files of this machine are DIR and FILE."""
    parts = Path(argv[0]).with_suffix("").parts
    package = RESULTS.parent.name
    begin = len(parts) - 1 - parts[::-1].index(package) if package in parts else -1
    return shlex.join(["python", "-m", ".".join(parts[begin:]), *map(_without_path, argv[1:])])


def _without_path(argument: str) -> str:
    option, equals, value = argument.rpartition("=")
    path = Path(value)
    if not path.is_absolute() and not (len(path.parts) > 1 and path.exists()):
        return argument
    return f"{option}{equals}{'FILE' if path.suffix else 'DIR'}"


def where(facts: dict[str, Any]) -> str:
    """One line of Markdown about the machine and the run."""
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items() if number)
    flags = " ".join(facts["cpu_flags"])
    return (
        f"{facts['cpu']} ({flags}), cores: {facts['cores']}; {versions}; {facts['date'][:10]},"
        f" `{facts['command']}`."
    )


def progress() -> Progress:
    """A bar with what is running and the time left."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    )


def folder(out: Path | None, full: bool) -> Path | None:
    """Where results go, made before the work so that a long run is not lost; None for nowhere."""
    out = out or (RESULTS if full else None)
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise click.BadParameter(f"{out} cannot be made: {error.strerror}", param_hint="--out") from None
    return out


def in_processes(
    jobs: Mapping[K, tuple[Callable[..., R], tuple[Any, ...]]], processes: int, name: str = "runs"
) -> Iterator[tuple[K, R]]:
    """Results by the name of the job, as they come, with a bar over them.

    Args:
        jobs: Functions, at the top of a module, and their arguments.
        processes: Jobs at once.
        name: Of the bar.
    """
    # Forked processes would inherit the threads of the core in whatever state they are.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context) as pool, progress() as bar:
        futures = {pool.submit(function, *given): key for key, (function, given) in jobs.items()}
        task = bar.add_task(name, total=len(jobs))
        for future in as_completed(futures):
            yield futures[future], future.result()
            bar.advance(task)


def write(out: Path, name: str, record: dict[str, Any], markdown: str, figure: Figure | None = None) -> None:
    """``name.json`` (null for infinity), and what `write_page` writes."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [plain(item) for item in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    (out / f"{name}.json").write_text(json.dumps(plain(record), indent=1, allow_nan=False) + "\n")
    console.print(f"wrote {out / name}.json")
    write_page(out, name, markdown, figure)


def write_page(out: Path, name: str, markdown: str, figure: Figure | None = None) -> None:
    """``name.md`` and, of a figure, ``name.png`` in the folder."""
    (out / f"{name}.md").write_text(markdown)
    if figure is not None:
        figure.savefig(out / f"{name}.png", dpi=150)
    console.print(f"wrote {out / name}.md" + (" and .png" if figure is not None else ""))
