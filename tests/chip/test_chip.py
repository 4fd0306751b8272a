"""The working graph of a chip: its graphs, what is missing, and what a solver says of it."""

import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import dwave.graphs
import networkx as nx
import numpy as np
import pytest
from dwave.cloud.testing import mocks
from dwave.system.coupling_groups import coupling_groups

from ising_ep import plots
from ising_ep.chip import EnergyScales
from ising_ep.chip.advantage import PROPERTIES, TIMING
from ising_ep.chip.families import FAMILIES
from ising_ep.chip.families.chimera import Chimera
from ising_ep.chip.graph import Chip
from ising_ep.chip.solvers import SOLVERS
from ising_ep.embedding import embed
from ising_ep.machines.chip_model import ChipModel
from ising_ep.network import Convolutional, FullyConnected

SHAPES = [("chimera", 3, 2, 4), ("pegasus", 3), ("zephyr", 3, 4), ("zephyr", 2, 2)]


def sizes(family: str, *shape: int) -> tuple[int, int]:
    """Qubits and couplers by counting what crosses, what lies side by side, and what lies end to end."""
    if family == "chimera":
        m, n, t = shape
        return 2 * m * n * t, m * n * t * t + t * ((m - 1) * n + m * (n - 1))
    if family == "pegasus":
        # Without the 8 (m - 1) qubits at the rim that cross no other, and the couplers between them.
        (m,) = shape
        couplers = 12 * (15 * (m - 1) ** 2 + m - 3) - 4 * (m - 1) - 8 * (m - 2)
        return 24 * m * (m - 1) - 8 * (m - 1), couplers
    m, t = shape
    lines = 2 * (2 * m + 1) * t
    return lines * 2 * m, (4 * m * t) ** 2 + lines * (2 * m - 1) + lines * 2 * (m - 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "given", "shape"),
    [
        ("chimera", (16,), (16, 16, 4)),
        ("chimera", (3, 2, 5), (3, 2, 5)),
        ("pegasus", (), (16,)),
        ("pegasus", (2,), (2,)),
        ("zephyr", (12,), (12, 4)),
        ("zephyr", (3, 2), (3, 2)),
    ],
)
def test_perfect_chips(family: str, given: Any, shape: Any) -> None:
    chip = Chip.perfect(family, *given)
    assert chip.shape == shape
    assert (len(chip.qubits), len(chip.couplers)) == sizes(family, *shape)
    assert np.all(np.diff(chip.qubits) > 0)
    assert np.all(chip.couplers[:, 0] < chip.couplers[:, 1])
    assert sorted(map(tuple, chip.couplers.tolist())) == list(map(tuple, chip.couplers.tolist()))
    assert chip.graph.graph["family"] == family
    assert set(chip.graph) == set(chip.qubits.tolist())
    assert {frozenset(edge) for edge in chip.graph.edges} == set(map(frozenset, chip.couplers.tolist()))


@pytest.mark.parametrize("whole", SHAPES, ids=str)
def test_missing_qubits_and_couplers(whole: Any) -> None:
    chip = Chip.perfect(*whole)
    less = chip.without(0.1, 0.05, seed=3)
    assert len(less.qubits) == len(chip.qubits) - round(0.1 * len(chip.qubits))
    left = chip.couplers[np.isin(chip.couplers, less.qubits).all(axis=1)]
    assert len(less.couplers) == len(left) - round(0.05 * len(left))
    assert set(map(tuple, less.couplers.tolist())) < set(map(tuple, left.tolist()))
    assert set(less.qubits.tolist()) < set(chip.qubits.tolist())
    again, other = chip.without(0.1, 0.05, seed=3), chip.without(0.1, 0.05, seed=4)
    assert again.graph_id == less.graph_id
    assert len({chip.graph_id, less.graph_id, other.graph_id}) == 3
    assert np.array_equal(chip.without().couplers, chip.couplers)


@pytest.mark.parametrize("whole", SHAPES, ids=str)
def test_positions(whole: Any) -> None:
    chip = Chip.perfect(*whole).without(0.1, 0.1, seed=1)
    order = np.random.default_rng(0).permutation(len(chip.couplers))
    assert np.array_equal(chip.coupler_positions(chip.couplers[order, ::-1]), order)
    assert np.array_equal(chip.qubits[chip.ends], chip.couplers)
    candidates = np.stack(np.meshgrid(*2 * [np.arange(-2, 120)], indexing="ij"), axis=-1).reshape(-1, 2)
    there = chip.coupler_positions(candidates) >= 0
    assert there.tolist() == [chip.graph.has_edge(*pair) for pair in candidates.tolist()]
    strangers = np.array([-1, chip.qubits[0], chip.qubits[-1] + 1, 2**60])
    assert chip.positions(strangers).tolist() == [-1, 0, -1, -1]


def test_halves_are_those_of_dwave_system() -> None:
    chip = Chip.perfect("zephyr", 4).without(0.05, 0.02, seed=0)
    ours: dict[Any, set[Any]] = {}
    assert chip.halves is not None
    for (a, b), (of_a, of_b) in zip(chip.couplers.tolist(), chip.halves.tolist(), strict=True):
        ours.setdefault((a, of_a), set()).add((b, a))
        ours.setdefault((b, of_b), set()).add((a, b))
    theirs = {frozenset(group) for group in coupling_groups(chip.graph) if group}
    assert {frozenset(group) for group in ours.values()} == theirs
    assert Chip.perfect("pegasus", 2).halves is None


@pytest.mark.parametrize(("family", "size"), [("pegasus", 3), ("zephyr", 2), ("chimera", 2)])
def test_most_couplers_of_a_qubit_and_of_half_a_one(family: str, size: int) -> None:
    chip = Chip.perfect(family, size).without(0.2, 0.2, seed=3)
    assert chip.degree == max(degree for _, degree in chip.graph.degree)
    if chip.halves is None:
        assert chip.half_degree == 0
    else:
        ends = zip(chip.couplers.ravel().tolist(), chip.halves.ravel().tolist(), strict=True)
        assert chip.half_degree == max(Counter(ends).values())


def test_times_are_those_of_the_client() -> None:
    assert mocks.qpu_problem_timing_data() == TIMING


# --- a solver's properties ------------------------------------------------------------------------------


def solver(chip: Chip, **changes: Any) -> dict[str, Any]:
    topology = {"type": chip.family, "shape": list(chip.shape)}
    described = {"topology": topology, "qubits": chip.qubits.tolist(), "couplers": chip.couplers.tolist()}
    return described | changes


@pytest.mark.parametrize("whole", SHAPES, ids=str)
def test_of_solver(whole: Any, tmp_path: Path) -> None:
    chip = Chip.perfect(*whole).without(0.1, 0.1, seed=2)
    shuffled = np.random.default_rng(1).permutation(chip.couplers)[:, ::-1].tolist()
    properties = solver(chip, qubits=chip.qubits[::-1].tolist(), couplers=shuffled, h_range=[-6, 6])
    for same in (Chip.of_solver(solver(chip)), Chip.of_solver(properties)):
        assert np.array_equal(same.qubits, chip.qubits)
        assert np.array_equal(same.couplers, chip.couplers)
        assert (same.family, same.shape, same.graph_id) == (chip.family, chip.shape, chip.graph_id)
    given = Chip.of_solver(properties, "01de37d90b")
    assert (given.h_range, given.graph_id) == ((-6, 6), "01de37d90b")
    assert given.j_range == (-1, 1)
    assert given.chain_range == (-2, 1)
    file = tmp_path / "solver.json"
    file.write_text(json.dumps(properties | {"graph_id": "01de"}))
    assert Chip.named(str(file)).graph_id == "01de"
    packed = tmp_path / "solver.json.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    for path in (file, packed):
        assert np.array_equal(Chip.named(str(path)).couplers, chip.couplers)


def test_the_clients_mocks_are_chips() -> None:
    for data in (mocks.qpu_pegasus_solver_data(3), mocks.qpu_zephyr_solver_data(2)):
        properties = data["properties"]
        chip = Chip.of_solver(properties, data["identity"]["version"]["graph_id"])
        assert chip.qubits.tolist() == properties["qubits"]
        assert chip.h_range == tuple(properties["h_range"])
    assert chip.graph_id == "zephyr_160"


def test_each_family_has_its_own_limit() -> None:
    assert "per_group_coupling_range" in Chip.perfect("zephyr", 1).properties
    assert "per_qubit_coupling_range" not in Chip.perfect("zephyr", 1).properties
    assert Chip.perfect("chimera", 1).h_range == (-2, 2)
    given = Chip.of_solver(solver(Chip.perfect("pegasus", 2), per_qubit_coupling_range=[-9, 6]))
    assert given.properties == PROPERTIES | FAMILIES["pegasus"].limits | {"per_qubit_coupling_range": [-9, 6]}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"topology": {"type": "pegasus"}}, "topology is .*, expected an object with type and shape"),
        ({"topology": "pegasus"}, "topology is 'pegasus', expected an object"),
        ({"topology": {"type": "clique", "shape": [4]}}, "family of the chip is 'clique'"),
        ({"topology": {"type": ["chimera"], "shape": [4]}}, r"family of the chip is \['chimera'\]"),
        ({"topology": {"type": "chimera", "shape": [1, 1, 4, 4]}}, "expected up to 3 sizes"),
        ({"topology": {"type": "chimera", "shape": [0]}}, "expected up to 3 sizes from 1 to 50000"),
        ({"topology": {"type": "chimera", "shape": []}}, "chimera chip is None, expected up to 3 sizes"),
        ({"topology": {"type": "chimera", "shape": None}}, "chimera chip is None, expected up to 3 sizes"),
        ({"topology": {"type": "chimera", "shape": [[4]]}}, r"chimera chip is \[\[4\]\], expected"),
        ({"topology": {"type": "chimera", "shape": [{}]}}, r"chimera chip is \[\{\}\], expected"),
        ({"topology": {"type": "chimera", "shape": [float("inf")]}}, r"chimera chip is \[inf\], expected"),
        ({"topology": {"type": "chimera", "shape": [4.5]}}, r"chimera chip is \[4.5\], expected"),
        ({"topology": {"type": "chimera", "shape": ["4"]}}, r"chimera chip is \['4'\], expected"),
        ({"topology": {"type": "chimera", "shape": [True]}}, r"chimera chip is \[True\], expected"),
        ({"topology": {"type": "chimera", "shape": [10**30]}}, r"chimera chip is \[10{30}\], expected"),
        ({"topology": {"type": "chimera", "shape": [100] * 3}}, "2000000 qubits, expected at most 50000"),
        ({"topology": {"type": "chimera", "shape": [1, 1, 800]}}, "641600 couplers, expected at most 500000"),
        ({"topology": {"type": "zephyr", "shape": [100, 100]}}, "8040000 qubits, expected at most 50000"),
        ({"topology": {"type": "zephyr", "shape": [1, 200]}}, "644800 couplers, expected at most 500000"),
        ({"topology": {"type": "pegasus", "shape": [47]}}, "51888 qubits, expected at most 50000"),
        ({"topology": {"type": "pegasus", "shape": [1]}}, r"shape of a pegasus chip is \[1\]"),
        ({"qubits": ["a"]}, "qubits holds 'a', expected whole numbers"),
        ({"qubits": ["0", 4]}, "qubits holds '0', expected whole numbers"),
        ({"qubits": [0, 4.5]}, "qubits holds 4.5, expected whole numbers"),
        ({"qubits": [0, 10**30]}, "qubits holds 10{30}, expected whole numbers"),
        ({"qubits": [0, float("inf")]}, "qubits holds inf, expected whole numbers"),
        ({"qubits": [0, -4]}, "qubits holds -4, expected whole numbers"),
        ({"qubits": [0, [4]]}, r"qubits holds \[4\], expected whole numbers"),
        ({"qubits": None}, "qubits is None, expected a list"),
        ({"qubits": {"0": 4}}, "qubits is {'0': 4}, expected a list"),
        ({"qubits": [0, 4, 8]}, "qubit 8 is none of a chimera graph"),
        ({"couplers": [[0, 10**30]]}, "couplers holds 10{30}, expected whole numbers"),
        ({"couplers": [[0, 4, 5]]}, r"couplers holds \[0, 4, 5\], expected pairs"),
        ({"couplers": [0, 4]}, "couplers holds 0, expected pairs"),
        ({"couplers": [[0, 1]]}, r"coupler \[0, 1\] is none of a chimera graph"),
        ({"couplers": [[0, 5]]}, r"coupler \[0, 5\] ends on a qubit that is not there"),
        ({"couplers": [[0, 0]]}, r"coupler \[0, 0\] is none of a chimera graph"),
        ({"couplers": [[0, 4], [0, 4]]}, r"coupler \[0, 4\] is listed twice"),
        ({"couplers": [[0, 4], [4, 0]]}, r"coupler \[0, 4\] is listed twice"),
        ({"qubits": [4, 0, 4, 0]}, "qubit 4 is listed twice"),
        ({"h_range": None}, "h_range is None, expected two numbers"),
        ({"h_range": [4, -4]}, r"h_range is \[4, -4\], expected two numbers, the smaller first"),
        ({"j_range": [-1, 10**400]}, "j_range is .*, expected two numbers"),
        ({"j_range": [float("nan"), 1]}, "j_range is .*, expected two numbers"),
        ({"num_reads_range": [1, 2, 3]}, "num_reads_range is .*, expected two integers >= 0"),
        ({"num_reads_range": [1.5, 1000]}, r"num_reads_range is \[1.5, 1000\], expected two integers >= 0"),
        ({"num_reads_range": [True, 1000]}, r"num_reads_range is \[True, 1000\], expected two integers"),
        (
            {"annealing_time_range": [-1, 20]},
            r"annealing_time_range is \[-1, 20\], expected two numbers >= 0",
        ),
        ({"problem_run_duration_range": [0, float("inf")]}, "problem_run_duration_range is .*, expected two"),
        (
            {"h_gain_schedule_range": [3, -3]},
            "h_gain_schedule_range is .*, expected two numbers, the smaller",
        ),
        ({"default_annealing_time": -1}, "default_annealing_time is -1, expected a number >= 0"),
        ({"default_readout_thermalization": float("nan")}, "default_readout_thermalization is nan, expected"),
        (
            {"max_anneal_schedule_points": 12.5},
            "max_anneal_schedule_points is 12.5, expected an integer >= 0",
        ),
        ({"h_range": [5, 6]}, r"h_range is \[5, 6\], expected a number below 0 and one above"),
        ({"extended_j_range": [0, 0]}, "extended_j_range is .*, expected a number below 0"),
        ({"default_annealing_time": "20"}, "default_annealing_time is '20', expected a number"),
    ],
)
def test_what_is_no_solver_is_refused(changes: dict[str, Any], text: str) -> None:
    good = {"topology": {"type": "chimera", "shape": [1, 1, 4]}, "qubits": [0, 4], "couplers": [[0, 4]]}
    assert len(Chip.of_solver(good).couplers) == 1
    with pytest.raises(ValueError, match=text) as caught:
        Chip.of_solver(good | changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("timing", "text"),
    [
        ({}, " lacks version"),
        ("x", " is 'x', expected an object of times"),
        (None, " is None, expected an object of times"),
        ({"version": "2.0.0"}, ".version is '2.0.0', expected 1.0.*"),
        ({"typical_programming_time": "x"}, ".typical_programming_time is 'x', expected a number >= 0"),
        ({"typical_programming_time": -5}, ".typical_programming_time is -5, expected a number >= 0"),
        ({"qpu_delay_time_per_sample": -5}, ".qpu_delay_time_per_sample is -5, expected a number >= 0"),
        (
            {"reverse_annealing_with_reinit_prog_time_delta": "1.0"},
            ".reverse_annealing_with_reinit_prog_time_delta is '1.0', expected a number",
        ),
        (
            {"reverse_annealing_with_reinit_prog_time_delta": float("nan")},
            ".reverse_annealing_with_reinit_prog_time_delta is nan, expected a number",
        ),
        (
            {"reverse_annealing_with_reinit_prog_time_delta": -1e6},
            " says that 1 reads of 1 qubits take -0.98",
        ),
        ({"decorrelation_time_range": [2, 1]}, ".decorrelation_time_range is [2, 1], expected two numbers"),
        ({"readout_time_model": "else"}, ".readout_time_model is 'else', expected pwl_log_log or pwl_linear"),
        ({"readout_time_model_parameters": []}, ".readout_time_model_parameters is [], expected a list"),
        ({"readout_time_model_parameters": [1, 2, 3]}, ".readout_time_model_parameters is [1, 2, 3], expect"),
        ({"readout_time_model_parameters": [2, 1, 3, 4]}, ".readout_time_model_parameters has 2 before 1,"),
    ],
)
def test_a_file_whose_times_are_none_is_refused(timing: Any, text: str, tmp_path: Path) -> None:
    file, said = tmp_path / "solver.json", TIMING | timing if timing and isinstance(timing, dict) else timing
    file.write_text(json.dumps(solver(Chip.perfect("chimera", 1), problem_timing_data=said)))
    line = f"{file} is not the properties of a solver: problem_timing_data{text}"
    with pytest.raises(ValueError, match=f"^{re.escape(line)}") as caught:
        Chip.named(str(file))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("delta", [-4.5, 0.0, 5.55])
def test_reverse_anneals_may_take_less(
    delta: float, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    timing = TIMING | {"reverse_annealing_with_reinit_delay_time_delta": delta}
    chip, file = Chip.perfect("pegasus", 2), tmp_path / "solver.json"
    file.write_text(
        json.dumps(solver(chip, **PROPERTIES | chip.topology.limits | {"problem_timing_data": timing}))
    )
    assert Chip.named(str(file)).properties["problem_timing_data"] == timing
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("family", "left_out", "text"),
    [
        (
            "pegasus",
            ["h_range", "per_qubit_coupling_range"],
            "its h_range, per_qubit_coupling_range: Advantage's",
        ),
        ("chimera", ["h_range"], "its h_range: D-Wave 2000Q's are taken"),
        (
            "zephyr",
            ["problem_timing_data", "num_reads_range"],
            "its num_reads_range: Advantage's are taken; nor its problem_timing_data: Advantage2's are taken",
        ),
    ],
)
def test_what_a_file_leaves_out_is_said(
    family: str, left_out: list[str], text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chip, file = Chip.perfect(family, 2), tmp_path / "solver.json"
    said = {name: value for name, value in chip.properties.items() if name not in left_out}
    file.write_text(json.dumps(solver(chip, **said)))
    assert Chip.named(str(file)).properties == chip.properties
    (line,) = caplog.messages
    assert line.startswith(f"{file} does not say {text}")


@pytest.mark.parametrize("graph_id", [3, ["a"], ["\x1b]0;owned\x07"], "\x1b" * 101])
def test_names_of_working_graphs_are_short_texts(graph_id: Any) -> None:
    good = {"topology": {"type": "chimera", "shape": [1, 1, 4]}, "qubits": [0, 4], "couplers": [[0, 4]]}
    with pytest.raises(ValueError, match=r"graph_id is .*, expected a text") as caught:
        Chip.of_solver(good, graph_id)
    assert str(caught.value).isprintable()


# --- names ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shape"),
    [("pegasus:3", (3,)), ("zephyr:2", (2, 4)), ("zephyr:2:3", (2, 3)), ("chimera:2:3:4", (2, 3, 4))],
)
def test_named(name: str, shape: Any) -> None:
    family = name.split(":")[0]
    chip = Chip.named(name)
    assert (chip.family, chip.shape) == (family, shape)
    assert set(chip.graph) == set(getattr(dwave.graphs, f"{family}_graph")(*shape))
    assert str(chip) == f"{family} {'x'.join(map(str, shape))}, {len(chip.qubits)} qubits"


@pytest.mark.slow
@pytest.mark.parametrize("name", SOLVERS)
def test_named_solvers(name: str) -> None:
    solver = SOLVERS[name]
    chip, whole = Chip.named(name), Chip.perfect(solver.family, *solver.shape)
    assert (len(chip.qubits), chip.solver, chip.shape) == (solver.qubits, solver.name, solver.shape)
    assert set(map(tuple, chip.couplers.tolist())) == set(map(tuple, map(sorted, chip.graph.edges)))
    assert chip.graph.edges == whole.graph.subgraph(chip.qubits.tolist()).edges
    timing = dict(chip.properties["problem_timing_data"])
    assert timing.pop("typical_programming_time") == solver.programming_time
    expected = {
        **whole.properties,
        "chip_id": solver.name,
        "problem_timing_data": chip.properties["problem_timing_data"],
    }
    assert chip.properties == expected
    assert timing.items() <= whole.properties["problem_timing_data"].items()
    assert EnergyScales.of_chip(chip).name == name
    # One name is one graph, in any spelling.
    assert Chip.named(f"{solver.name}.13").graph_id == chip.graph_id


def test_named_solvers_differ() -> None:
    assert len({Chip.named(name).graph_id for name in SOLVERS}) == len(SOLVERS) == 5


def test_a_solvers_name_is_kept(tmp_path: Path) -> None:
    chip = Chip.perfect("chimera", 2)
    file = tmp_path / "solver.json"
    for said, name in [({"chip_id": "Mine_1.2"}, "Mine_1.2"), ({"chip_id": 7}, None), ({}, None)]:
        file.write_text(json.dumps(solver(chip) | said))
        assert Chip.named(str(file)).solver == name
        assert Chip.named(str(file)).without(0.1, seed=1).solver == name


@pytest.mark.parametrize(
    "name",
    [
        *("advantage_system4:16", "advantage_system5", "Advantage_system4.x"),
        *("", "pegasus:", "pegasus:x", "advantage:16", "zephyr:-1", "zephyr:1:2:3", "pegasus:1", "zephyr:٣"),
        *("chimera:101", "zephyr:100", "pegasus:47", "chimera:100:100:100", f"zephyr:{'9' * 5000}"),
    ],
)
def test_bad_names(name: str) -> None:
    with pytest.raises(ValueError, match="expected") as error:
        Chip.named(name)
    assert len(str(error.value)) < 250


@pytest.mark.parametrize("whole", [*SHAPES, ("chimera", 1, 4, 9), ("pegasus", 2), ("zephyr", 1, 1)], ids=str)
def test_sizes_are_bounded_from_above_before_a_graph_is_made(whole: Any) -> None:
    """And by little, so that nothing is refused for long before it is too large."""
    chip = Chip.perfect(*whole)
    family, shape = FAMILIES[whole[0]], whole[1:]
    assert len(chip.qubits) <= family.num_qubits(shape) <= 5 * len(chip.qubits)
    assert len(chip.couplers) <= family.most_couplers(shape) <= 5 * len(chip.couplers)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[" * 100_000, "nested too deep"),
        ("[]", "is not the properties of a solver as a JSON object"),
        (
            '{"qubits": [1], "qubits": [2]}',
            "is not JSON that can be read: an object has the name 'qubits' twice",
        ),
        (
            '{"topology": {"type": "chimera", "shape": [1]}, "qubits": [0, 4, 4], "couplers": []}',
            "is not the properties of a solver: qubit 4 is listed twice",
        ),
        ('{"qubits": [1]}', "is not the properties of a solver: a solver's properties lack topology"),
    ],
)
def test_bad_files(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "solver.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=f"{file} .*{said}"):
        Chip.named(str(file))
    with pytest.raises(FileNotFoundError):
        Chip.named(str(tmp_path / "none.json"))


@pytest.mark.parametrize("fraction", [-0.1, 1.0, float("nan")])
@pytest.mark.parametrize("name", ["qubits", "couplers"])
def test_bad_fractions(name: str, fraction: float) -> None:
    with pytest.raises(ValueError, match=f"fraction of missing {name} is {fraction}"):
        Chip.perfect("chimera", 1).without(**{name: fraction})


def test_a_new_topology_is_one_object(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that asks about a topology asks its `Family`: nothing else here knows of these graphs."""

    class Bricks(Chimera):
        name = "bricks"
        default_shape = (4, 3, 4)
        limits: ClassVar[dict[str, Any]] = {"h_range": [-7.0, 7.0]}

        def graph(self, shape: tuple[int, ...], **lists: Any) -> nx.Graph:
            graph = super().graph(shape, **lists)
            graph.graph["family"] = self.name
            return graph

        def layout(self, graph: nx.Graph) -> Any:
            return nx.spring_layout(graph, iterations=1, seed=1)

        def chimera_cells(self, source: nx.Graph, graph: nx.Graph) -> Any:
            return super().chimera_cells(source, super().graph(self.default_shape))

    with pytest.raises(ValueError, match="expected one of chimera, pegasus, zephyr"):
        Chip.perfect("bricks")
    monkeypatch.setitem(FAMILIES, "bricks", Bricks())
    chip = Chip.named("bricks")
    assert (chip.title, chip.h_range) == ("bricks 4x3x4", (-7.0, 7.0))
    said = ChipModel(chip).properties
    assert said["num_qubits"] == 4 * 3 * 8
    assert np.array_equal(Chip.of_solver(said).couplers, chip.couplers)
    for network in (FullyConnected(1, (6, 4), 2), Convolutional((3, 3), num_classes=2)):
        placed = embed(network, chip, method="structured", cache=False)
        assert placed.num_copies == 1
        assert plots.embedding_on_chip(chip, placed).axes
