"""A(s) and B(s): the package's tables against the published ones, a user's own, and what is refused."""

import csv
from pathlib import Path

import numpy as np
import pytest

from benchmarks.chip.thin_schedules import DOCUMENTS, package_name, thinned
from ising_ep.chip import Chip, EnergyScales
from ising_ep.chip.energy_scales import FAST, FLOOR, FOLDER, table_names
from support.chip_data import SCHEDULES, needs

PUBLISHED = sorted(SCHEDULES.glob("*.csv"))
GOOD = ["0, 9.8, 0.26", "0.5, 0.1, 2.9", "1, 1e-9, 8.5"]


def write(path: Path, rows: list[str], header: str = "s, A(s) (GHz), B(s) (GHz)") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_five_solvers_have_a_standard_and_a_fast_anneal():
    assert set(table_names()) == {name + end for name in DOCUMENTS for end in ("", FAST)}


@pytest.mark.parametrize("name", table_names())
def test_every_table_is_one_of_an_annealer(name):
    scales = EnergyScales.named(name)
    assert scales.name == name
    assert 70 <= len(scales.s) <= 150
    a, b = scales.at(np.linspace(0, 1, 1001))
    assert (np.diff(a) < 0).all()
    assert (np.diff(b) > 0).all()
    assert a.min() >= FLOOR
    # Freeze-out lies where the curves have crossed.
    assert 0.2 < np.interp(0, b - a, np.linspace(0, 1, 1001)) < 0.5
    assert not scales.a.flags.writeable


@needs(SCHEDULES)
@pytest.mark.parametrize("path", PUBLISHED, ids=[path.stem for path in PUBLISHED])
def test_tables_are_within_a_thousandth_of_the_published_ones(path):
    with path.open() as file:
        s, a, b = np.array([[*map(float, row)] for row in list(csv.reader(file))[1:]]).T[:3]
    found_a, found_b = EnergyScales.named(package_name(path)).at(s)
    np.testing.assert_allclose(found_b, b, rtol=1e-3)
    np.testing.assert_allclose(found_a[a > 1e-4], a[a > 1e-4], rtol=1e-3)
    np.testing.assert_allclose(found_a, a, rtol=0.1)


@needs(SCHEDULES)
@pytest.mark.slow
def test_tables_are_those_that_the_script_makes():
    assert {package_name(path) for path in PUBLISHED} == set(table_names())
    for path in PUBLISHED:
        assert (FOLDER / f"{package_name(path)}.csv").read_text() == thinned(path)


def test_names_are_taken_as_the_service_spells_them():
    for given, name in [
        ("Advantage_system4.1", "advantage_system4"),
        ("ADVANTAGE2_SYSTEM1.13-fast", "advantage2_system1-fast"),
        ("advantage_system6", "advantage_system6"),
    ]:
        assert EnergyScales.load(given).name == name
    with pytest.raises(ValueError, match=r"'advantage_system9', expected one of .*advantage2_system4-fast,"):
        EnergyScales.load("advantage_system9")
    # A path is no name.
    with pytest.raises(ValueError, match="expected one of"):
        EnergyScales.named("../schedules/advantage_system4")


def solver(name: str | None, family: str = "pegasus") -> Chip:
    chip = Chip.perfect(family, 2)
    said = {
        "topology": {"type": family, "shape": [2]},
        "qubits": chip.qubits,
        "couplers": chip.couplers.tolist(),
    }
    return Chip.of_solver({**said, "chip_id": name})


@pytest.mark.parametrize(
    ("name", "family", "table"),
    [
        ("Advantage_system6.4", "pegasus", "advantage_system6"),
        ("Advantage2_system2.1", "zephyr", "advantage2_system2"),
        ("Advantage2_system9.1", "zephyr", "advantage2_system1"),
        ("chip-model", "pegasus", "advantage_system4"),
        (None, "chimera", "advantage_system4"),
    ],
)
def test_a_chip_has_the_table_of_its_solver_or_of_its_family(name, family, table):
    chip = solver(name, family)
    assert chip.solver == name
    assert EnergyScales.of_chip(chip).name == table
    assert EnergyScales.of_chip(chip.without(0.1, seed=1), fast=True).name == table + FAST


@pytest.mark.parametrize(
    "text",
    [
        "s,A(s) (GHz),B(s) (GHz),c (normalized)\n0,9.8,0.26,0\n0.5,0.1,2.9,0.6\n1,1e-9,8.5,1\n",
        "c_normalised,B_GHz,s,A_GHz\n0,0.26,0,9.8\n0.6,2.9,0.5,0.1\n1,8.5,1,1e-9\n",
        "﻿S;a;b\n0;9.8;.26\n\n.5;1e-1;2.9\n1;1e-9;8.5\n",
        "# mine\n s\tA [ghz]\tB(s)[GHz]\n0\t9.8\t0.26\n 0.5\t0.1\t2.9\n1\t1e-9\t8.5",
        's,A (J),B (J),"A(s) (GHz)","B(s) (GHz)"\n0,1,1,9.8,0.26\n0.5,1,1,0.1,2.9\n1,1,1,1e-9,8.5\n',
    ],
)
def test_a_table_of_ones_own(tmp_path, text):
    path = tmp_path / "own.csv"
    path.write_text(text, encoding="utf-8")
    scales = EnergyScales.load(path)
    np.testing.assert_array_equal(scales.s, [0, 0.5, 1])
    np.testing.assert_array_equal(scales.a, [9.8, 0.1, 1e-9])
    np.testing.assert_array_equal(scales.b, [0.26, 2.9, 8.5])
    a, b = scales.at([[0.25, 0.5]])
    np.testing.assert_allclose(a, [[(9.8 + 0.1) / 2, 0.1]])
    np.testing.assert_allclose(b, [[(0.26 + 2.9) / 2, 2.9]])


def test_tunnelling_stays_positive(tmp_path):
    rows = ["0, 9.8, 0.26", "0.5, 0.1, 2.9", "0.8, 0.0, 5", "1, 0, 8.5"]
    scales = EnergyScales.from_csv(write(tmp_path / "own.csv", rows))
    assert scales.at([0.8, 0.9, 1.0])[0].tolist() == [FLOOR] * 3


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], ["number of rows is 0", "expected 2"]),
        (GOOD[:1], ["number of rows is 1", "expected 2"]),
        (["0.1, 9, 1", "1, 0.1, 8"], ["s is 0.1 in row 1", "expected 0"]),
        (["0, 9, 1", "0.9, 0.1, 8"], ["s is 0.9 in row 2", "expected 1"]),
        (["0, 9, 1", "100, 0.1, 8"], ["s is 100 in row 2", "expected 1"]),
        ([GOOD[0], "0.5, 2, 2", "0.5, 1, 3", GOOD[2]], ["s goes from 0.5 to 0.5 in row 3", "rise"]),
        ([GOOD[0], "0.4, 1, 2", "0.5, 1, 3", GOOD[2]], ["A goes from 1 to 1 in row 3", "fall"]),
        ([GOOD[0], "0.4, 1, 2", "0.5, 1.5, 3", GOOD[2]], ["A goes from 1 to 1.5 in row 3", "fall"]),
        ([GOOD[0], "0.4, 1, 2", "0.5, 0.5, 1.9", GOOD[2]], ["B goes from 2 to 1.9 in row 3", "rise"]),
        ([GOOD[0], "0.4, 1, -2", GOOD[2]], ["B is -2 in row 2", "number >= 0"]),
        ([GOOD[0], "0.4, nan, 2", GOOD[2]], ["A is nan in row 2", "number >= 0"]),
        ([GOOD[0], "0.4, 1, inf", GOOD[2]], ["B is inf in row 2", "number >= 0"]),
        ([GOOD[0], "0.4, one, 2", GOOD[2]], ["A is 'one' in row 2", "expected a number"]),
        ([GOOD[0], "0.4, 1", GOOD[2]], ["B is '' in row 2", "expected a number"]),
        ([GOOD[0], "0.4, 1_0, 2", GOOD[2]], ["A is '1_0' in row 2", "expected a number"]),
        ([GOOD[0], "0.4, \u0661, 2", GOOD[2]], ["A is '\u0661' in row 2", "expected a number"]),
        ([GOOD[0], "0.4, 1, 2, 3", GOOD[2]], ["row 2 has ['3'] beyond the 3 columns that are named"]),
        ([GOOD[0], "0.4, 1, 2, , x", GOOD[2]], ["row 2 has ['', 'x'] beyond the 3 columns"]),
        (["0, 6.5e-24, 1.7e-25", "1, 1e-33, 5.6e-24"], ["A is 6.5e-24 in row 1", "looks like J", "GHz"]),
        (["0, 9.8e9, 2.6e8", "1, 1, 8.5e9"], ["A is 9.8e+09 in row 1", "looks like Hz", "GHz"]),
        (["0, 6.2e10, 1.6e9", "1, 1, 5.3e10"], ["A is 6.2e+10 in row 1", "looks like rad/s", "GHz"]),
        (["0, 9800, 260", "1, 1, 8500"], ["A is 9800 in row 1", "looks like MHz", "GHz"]),
        (["0, 0.47, 0.012", "1, 1e-10, 0.41"], ["A is 0.47 in row 1", "looks like K", "GHz"]),
        (["0, 9.8, 0.01", "1, 0.1, 0.3"], ["B is 0.3 in row 2", "GHz"]),
        (["0, 1e100, 0.01", "1, 0.1, 0.3"], ["A is 1e+100 in row 1, at s = 0, expected"]),
        (["0, 0, 0.01", "1, 0, 8"], ["A is 0 in row 1, at s = 0, expected"]),
        ([GOOD[0], '1, "0'], ["unexpected end"]),
    ],
)
def test_a_wrong_table_is_refused_in_a_line(tmp_path, rows, words):
    path = write(tmp_path / "wrong.csv", rows)
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        EnergyScales.from_csv(path)
    text = str(refused.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    for word in words:
        assert word in text


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("s, A(s) (J), B(s) (J)", "'A(s) (J)' is in J, expected GHz"),
        ("s, A, B (rad/s)", "'B (rad/s)' is in rad/s, expected GHz"),
        ("t, A, B", "no column is s among"),
        ("0, 9.8, 0.26", "no column is s among"),
        ("s, A, A(s) (GHz), B", "two columns of A"),
    ],
)
def test_wrong_columns_are_refused_in_a_line(tmp_path, header, words):
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        EnergyScales.from_csv(write(tmp_path / "wrong.csv", GOOD, header))
    assert words in str(refused.value)
    assert "wrong.csv" in str(refused.value)


def test_files_that_are_no_tables_are_refused(tmp_path):
    path = tmp_path / "own.csv"
    with pytest.raises(FileNotFoundError):
        EnergyScales.load(str(path))
    for content, words in [
        (b"", "is empty"),
        (b"\xff\xfe\x00s", "is no text"),
        (b's,A,B\n0,"9,1\n', "own.csv"),
    ]:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=words):
            EnergyScales.load(path)


def test_only_anneal_fractions_are_asked_for():
    scales = EnergyScales.named("advantage_system4")
    for s in (-0.1, 1.01, np.nan):
        with pytest.raises(ValueError, match="expected 0 to 1"):
            scales.at([0.5, s])


def test_arrays_of_different_length_are_refused():
    with pytest.raises(ValueError, match="2, 3 and 2 values"):
        EnergyScales("own", [0, 1], [9, 1, 0], [1, 8])


@pytest.mark.parametrize("name", table_names())
def test_a_table_that_is_saved_is_read_again_bit_for_bit(name, tmp_path):
    table = EnergyScales.named(name)
    table.save(tmp_path / "table.csv")
    again = EnergyScales.from_csv(tmp_path / "table.csv")
    for one, other in ((table.s, again.s), (table.a, again.a), (table.b, again.b)):
        assert np.array_equal(one, other)
