"""The command `ising-ep inspect`: a problem of a run on a QPU, for D-Wave's Problem Inspector."""

from __future__ import annotations

import importlib
import json
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from ..extras import require
from ..files.atomic import replace
from ..printable import one_line
from .errors import one_line_errors
from .help import Command
from .options import option
from .output import force_option, require_output
from .stop import ended_by_ctrl_c

# D-Wave's packages, which nothing else needs. The second one is proprietary, and not on PyPI.
INSPECTOR, APP = "dwave.inspector", "dwave._inspectorapp"
# Seconds between two looks at whether it is to end.
LOOK = 0.2


@click.command(cls=Command)
@click.argument("run", type=click.Path(path_type=Path))
@option(
    "--problem",
    default="last",
    metavar="ID",
    help="Id that the service gave the problem.  [default: last, the last one that was kept]",
)
@option("--out", type=click.Path(path_type=Path), help="JSON file for it.", title="Output")
@force_option
@option(
    "--open",
    "opened",
    is_flag=True,
    help="Show it in the inspector, on this computer, until Ctrl-C. Needs dwave-inspector.",
    title="Output",
)
@one_line_errors
def inspect(run: Path, problem: str, out: Path | None, force: bool, opened: bool) -> None:
    """Show a problem of a run on a QPU in D-Wave's Problem Inspector.

    The journal of the run keeps the last 200 problems of forward anneals with their reads. Of one of them
    this makes what the inspector's own adapters make of a problem that is sampled: h and J of qubits, reads,
    energies, times, chains and logical states, the solver. Nothing is asked of the QPU.

    \b
    Examples:
      ising-ep inspect runs/qpu --out problem.json
      ising-ep inspect runs/qpu --open
    """
    require("chip", "a problem of a QPU")
    if out is None and (force or not opened):
        raise ValueError("--out is not given, expected a JSON file" + ("" if force else ", or --open"))
    if out is not None:
        require_output(out, force=force)
    if opened:
        _require_inspector()
    from ..qpu.inspector import inspector_data

    data = inspector_data(run, problem)
    answer = data["answer"]
    click.echo(
        f"Problem {one_line(data['details']['id'])}: {len(answer['active_variables'])} qubits,"
        f" {len(answer['solutions'])} reads, lowest energy {min(answer['energies']):g}"
    )
    if out is not None:
        replace(out, json.dumps(data, allow_nan=False).encode() + b"\n")
        click.echo(f"For D-Wave's inspector: {out}")
    if opened:
        _show(data)


def _require_inspector() -> None:
    """Refuses to show anything where the inspector is not installed."""
    if find_spec("dwave") is None or not all(map(find_spec, (INSPECTOR, APP))):
        raise ValueError(
            "--open needs dwave-inspector, and D-Wave's own app for it: `pip install dwave-inspector`, then"
            " `dwave install inspector`"
        )


def _show(data: dict[str, Any]) -> None:
    """Serves a problem to the inspector until Ctrl-C, at the address of this computer that it chooses."""
    from dwave.cloud.solver import StructuredSolver

    # A package that is not declared is loaded by its name.
    inspector = importlib.import_module(INSPECTOR)
    solver = StructuredSolver(None, data["rel"]["solver"])
    shown = inspector.push_inspector_data({**data, "rel": {"solver": solver}})
    click.echo(f"Open {inspector.open_problem(shown, block='never')}; Ctrl-C ends it.")
    with ended_by_ctrl_c() as is_stopped:
        while not is_stopped():
            time.sleep(LOOK)
