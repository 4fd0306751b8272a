"""The journal of a run on a QPU: what is in it survives a kill, and no other process writes to it."""

import subprocess
import sys

import numpy as np
import pytest

from ising_ep.journal import ACCEPTED, ANSWERED, INTENDED, Entry, Journal


def entry(journal: Journal, number: int = 0, attempt: int = 0, seed: int = 2**63 + 5) -> Entry:
    label = journal.label(number, attempt, seed, 7)
    return Entry(number, attempt, "nudge", seed, 7, f"digest {number}", label)


def test_an_entry_goes_its_way_and_is_there_again(tmp_path):
    file = tmp_path / "qpu.sqlite"
    reads = np.where(np.random.default_rng(1).random((3, 13)) < 0.5, -1, 1).astype(np.int8)
    with Journal(file) as journal:
        first = entry(journal)
        assert journal.last(0) is None
        journal.intend([first])
        assert journal.last(0) == first
        assert journal.last(0).status == INTENDED
        first.id = "id-1"
        journal.accepted([first])
        assert journal.outstanding() == 1
    with Journal(file) as journal:
        found = journal.last(0)
        assert (found.status, found.id, found.seed) == (ACCEPTED, "id-1", 2**63 + 5)
        assert found.label == journal.label(0, 0, found.seed, 7)
        found.access_time = 0.018
        journal.answered(found, reads)
    with Journal(file) as journal:
        found = journal.last(0)
        assert found.status == ANSWERED
        np.testing.assert_array_equal(journal.reads(found, 3, 13), reads)
        assert journal.access_time() == 0.018
        assert journal.outstanding() == 0
        journal.forget(before=1)
        assert journal.reads(found, 3, 13) is None
        assert journal.access_time() == 0.018  # what was paid is never forgotten


def test_the_last_attempt_counts_and_series_do_not_mix(tmp_path):
    with Journal(tmp_path / "qpu.sqlite") as journal:
        for attempt in range(2):
            journal.intend([entry(journal, 4, attempt)])
        assert journal.last(4).attempt == 1
    with Journal(tmp_path / "qpu.sqlite", "evaluate") as journal:
        assert journal.last(4) is None


def test_runs_have_names_of_their_own(tmp_path):
    with Journal(tmp_path / "a.sqlite") as a, Journal(tmp_path / "b.sqlite") as b:
        assert a.label(0, 0, 1, 2) != b.label(0, 0, 1, 2)


def test_one_process_at_a_time(tmp_path):
    file = tmp_path / "qpu.sqlite"
    with Journal(file) as journal:
        journal.intend([entry(journal)])
        with pytest.raises(ValueError, match="another process"):
            Journal(file)


def test_what_is_no_journal(tmp_path):
    file = tmp_path / "qpu.sqlite"
    file.write_bytes(b"no journal" * 100)
    with pytest.raises(ValueError, match=r"qpu\.sqlite is not the journal of a run"):
        Journal(file)


def test_a_killed_process_leaves_what_it_wrote(tmp_path):
    file = tmp_path / "qpu.sqlite"
    script = f"""
import os, signal, sys
from pathlib import Path
from ising_ep.journal import Entry, Journal
journal = Journal(Path({str(file)!r}))
for number in range(50):
    journal.intend([Entry(number, 0, "free", 1, 2, "d", journal.label(number, 0, 1, 2))])
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", script], check=False)
    assert killed.returncode == -9
    with Journal(file) as journal:
        assert [journal.last(number).status for number in range(50)] == [INTENDED] * 50
        assert journal.last(50) is None
