"""The command `ising-ep doctor`: what this computer has, for a report of a problem."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from ..extras import EXTRAS, PLAIN, missing
from .errors import one_line_errors
from .help import Command

# Instruction sets that the core has kernels for, the best first, and what it asks of the processor for each
# (`rust/src/simd`), by the names of /proc/cpuinfo.
_AVX2 = {"avx2", "fma", "aes", "bmi1", "bmi2", "abm", "popcnt"}
_VAES = _AVX2 | {"vaes"}
_512 = {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512vbmi", "avx512_vnni", "gfni"}
KERNELS = {"AVX-512": _VAES | _512, "AVX2 with VAES": _VAES, "AVX2": _AVX2, "NEON": {"asimd", "aes"}}
PORTABLE = "portable"


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@one_line_errors
def doctor(as_json: bool) -> None:
    """Show what this computer has: versions, extras, kernels, threads, D-Wave's configuration, caches.

    Nobody is asked, and no token is shown: only whether there is one.

    \b
    Examples:
      ising-ep doctor
      ising-ep doctor --json
    """
    found = examined()
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(_lines(found)))


def examined() -> dict[str, Any]:
    """All that is found, as JSON has it."""
    from ..qpu.configuration import described

    plain = ("numpy", "dimod", *EXTRAS[PLAIN])
    return {
        "ising-ep": _version("ising-ep"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "kernels": kernels(),
        "threads": _threads(),
        "terminal": {"stdout": sys.stdout.isatty(), "columns": shutil.get_terminal_size().columns},
        "packages": {package: _version(package) for package in plain},
        "extras": {
            extra: {package: _version(package) for package in packages}
            for extra, packages in EXTRAS.items()
            if extra != PLAIN
        },
        "dwave": described(),
        "caches": {name: {"path": str(path), **_size(path)} for name, path in _caches()},
    }


def kernels(cpuinfo: Path = Path("/proc/cpuinfo")) -> str | None:
    """The instruction set whose kernels the core runs; None where the system does not tell.

    Args:
        cpuinfo: Where Linux tells what the processor has.
    """
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return "NEON"
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return None
    # The first word of the line is "flags" on x86 and "Features" on ARM.
    flags = next((line.partition(":")[2] for line in lines if line.lower().startswith(("flags", "feat"))), "")
    there = set(flags.split())
    return next((name for name, needed in KERNELS.items() if needed <= there), PORTABLE)


def _threads() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _version(package: str) -> str | None:
    """The version that is installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _caches() -> Iterator[tuple[str, Path]]:
    """Folders in which something is kept for the next time, by what it is."""
    from dwave.cloud.config import get_cache_dir

    if not missing("chip"):
        from ..embedding.cache import cache_folder

        yield "embeddings", cache_folder()
    yield "D-Wave's client", Path(get_cache_dir())
    # scikit-learn's own function would make the folder.
    yield "data sets of OpenML", Path(os.environ.get("SCIKIT_LEARN_DATA", "~/scikit_learn_data")).expanduser()


def _size(folder: Path) -> dict[str, int]:
    """Files in a folder and below it, and their bytes; none where there is no folder."""
    sizes = [
        os.lstat(os.path.join(place, name)).st_size for place, _, files in os.walk(folder) for name in files
    ]
    return {"files": len(sizes), "bytes": sum(sizes)}


def _lines(found: dict[str, Any]) -> Iterator[str]:
    """What is found, for a reader."""
    terminal, dwave = found["terminal"], found["dwave"]
    where = f"a terminal of {terminal['columns']} columns" if terminal["stdout"] else "no terminal"
    yield f"ising-ep {found['ising-ep']}, Python {found['python']}, {found['system']}"
    yield f"kernels   {found['kernels'] or 'the system does not tell the instruction set'}"
    yield f"threads   {found['threads']}"
    yield f"stdout    {where}"
    yield f"packages  {_together(found['packages'])}"
    yield ""
    yield "Extras"
    for extra, packages in found["extras"].items():
        lacking = missing(extra)
        what = (
            f"lacks {', '.join(lacking)}: pip install 'ising-ep[{extra}]'" if lacking else _together(packages)
        )
        yield f"  {extra:<8}  {what}"
    yield ""
    yield "D-Wave"
    yield f"  files     {', '.join(dwave['files']) or 'none'}"
    for name in ("profile", "endpoint", "region", "solver"):
        yield f"  {name:<8}  {dwave[name] or 'not set'}"
    yield f"  token     {'set' if dwave['token'] else 'not set'}"
    if dwave["problem"]:
        yield f"  problem   {dwave['problem']}"
    yield ""
    yield "Caches"
    for name, cache in found["caches"].items():
        yield f"  {name}: {cache['files']} files, {cache['bytes'] / 1e6:.1f} MB in {cache['path']}"


def _together(packages: dict[str, str | None]) -> str:
    return ", ".join(f"{package} {found}" for package, found in packages.items() if found)
