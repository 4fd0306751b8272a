"""The journal of a run on a QPU: it survives kills, tells damage, and one process writes to it."""

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from ising_ep.errors import QPUStoppedError
from ising_ep.qpu.entries import ACCEPTED, ANSWERED, COLUMNS, INTENDED, Entry
from ising_ep.qpu.journal import Journal
from support.bits import packed, spins

# As versions before the second wrote it.
OLD_SCHEMA = """
CREATE TABLE run (name TEXT NOT NULL);
CREATE TABLE problems (series TEXT NOT NULL, number INTEGER NOT NULL, attempt INTEGER NOT NULL,
    phase TEXT NOT NULL, seed TEXT NOT NULL, problem_id INTEGER NOT NULL, digest TEXT NOT NULL,
    label TEXT NOT NULL, id TEXT, status TEXT NOT NULL, intended REAL NOT NULL, ended REAL, access_time REAL,
    reads BLOB, PRIMARY KEY (series, number, attempt));
"""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "qpu.sqlite"


@pytest.fixture
def reads():
    return np.where(np.random.default_rng(1).random((3, 13)) < 0.5, -1, 1).astype(np.int8)


def entry(journal: Journal, number: int = 0, attempt: int = 0, seed: int = 2**63 + 5) -> Entry:
    label = journal.label(number, attempt, seed, 7)
    return Entry(number, attempt, "nudge", seed, 7, f"digest {number}", label, "anneal", estimate=0.02)


def answered(journal: Journal, number: int, reads: np.ndarray, access_time: float | None = 0.018) -> Entry:
    found = entry(journal, number)
    journal.intend([found])
    found.id, found.access_time = f"id-{number}", access_time
    journal.accepted([found])
    journal.answered(found, packed(reads))
    return found


def change(file, statement, *values):
    with sqlite3.connect(file) as database:
        assert database.execute(statement, values).rowcount == 1
    database.close()


def test_an_entry_goes_its_way_and_is_there_again(file, reads):
    with Journal(file) as journal:
        first = entry(journal)
        assert journal.attempts(0) == []
        journal.intend([first])
        assert journal.attempts(0) == [first]
        assert first.status == INTENDED
        first.id = "id-1"
        journal.accepted([first])
    with Journal(file) as journal:
        (found,) = journal.attempts(0)
        assert found == first
        assert (found.status, found.id, found.seed) == (ACCEPTED, "id-1", 2**63 + 5)
        assert found.label == journal.label(0, 0, found.seed, 7)
        found.access_time = 0.018
        journal.answered(found, packed(reads))
    with Journal(file) as journal:
        (found,) = journal.attempts(0)
        assert found.status == ANSWERED
        np.testing.assert_array_equal(journal.reads(found, 3, 13), packed(reads))
        assert journal.access_time() == 0.018
        journal.forget(before=1)
        assert journal.reads(found, 3, 13) is None
        assert journal.attempts(0) == [found]  # all but the reads
        assert journal.access_time() == 0.018  # what was paid is never forgotten


def test_all_attempts_are_kept_and_series_do_not_mix(file):
    with Journal(file) as journal:
        for attempt in range(2):
            journal.intend([entry(journal, 4, attempt)])
        assert [e.attempt for e in journal.attempts(4)] == [0, 1]
    with Journal(file, "evaluate") as journal:
        assert journal.attempts(4) == []
        assert journal.known == 0
    with Journal(file) as journal:
        assert journal.known == 5


def test_what_a_run_counts_for_is_never_less_than_the_estimates(file, reads):
    with Journal(file) as journal:
        for number, (said, status) in enumerate(
            [(0.018, None), (0.05, None), (None, None), (None, "CANCELLED: x"), (None, "LOST: x")]
        ):
            if status is None:
                answered(journal, number, reads, said)
            else:
                lost = entry(journal, number)
                journal.intend([lost])
                journal.ended(lost, status)
        journal.intend([entry(journal, 9)])
        expected = pytest.approx(0.02 + 0.05 + 0.02 + 0 + 0.02 + 0.02)
        assert journal.committed() == expected
        assert journal.counts(entry(journal, 9))
        assert not journal.counts(entry(journal, 3))
    with Journal(file, "another series") as journal:
        assert journal.committed() == expected
    # What is damaged counts as the dearest of the others.
    change(file, "UPDATE problems SET access_time = 'fast' WHERE number = 0")
    with Journal(file) as journal:
        assert journal.committed() == pytest.approx(0.05 + 0.05 + 0.02 + 0.02 + 0.02)


def test_runs_have_names_of_their_own(tmp_path):
    with Journal(tmp_path / "a.sqlite") as a, Journal(tmp_path / "b.sqlite") as b:
        assert a.label(0, 0, 1, 2) != b.label(0, 0, 1, 2)
        assert a.is_new
    with Journal(tmp_path / "a.sqlite") as again:
        assert (again.run, again.is_new) == (a.run, False)


def test_the_name_is_on_the_disk_before_the_first_row(file, tmp_path):
    with Journal(file) as journal:
        journal.intend([entry(journal)])
        # What a power cut leaves if nothing of the WAL was on the disk, or a copy without it.
        copy = tmp_path / "copy" / "qpu.sqlite"
        copy.parent.mkdir()
        shutil.copyfile(file, copy)
    with Journal(copy) as left:
        assert (left.run, left.attempts(0), left.is_new) == (journal.run, [], False)


def test_the_run_folder_may_say_the_name(file):
    with Journal(file, run="a1b2c3") as journal:
        assert (journal.run, journal.is_new) == ("a1b2c3", True)
    file.write_bytes(b"")
    with Journal(file, run="a1b2c3") as journal:
        assert (journal.run, journal.is_new) == ("a1b2c3", True)
    with pytest.raises(ValueError, match=r"is the journal of run a1b2c3, expected that of d4e5f6"):
        Journal(file, run="d4e5f6")


@pytest.mark.parametrize("where", ["here", "in a copy"])
@pytest.mark.parametrize("process", ["this", "another"])
def test_one_process_at_a_time_in_a_folder_and_its_copies(file, tmp_path, where, process):
    with Journal(file) as journal:
        journal.intend([entry(journal)])
        path = file
        if where == "in a copy":
            path = tmp_path / "copy.sqlite"
            shutil.copyfile(file, path)
        if process == "this":
            with pytest.raises(ValueError, match=f"another process.* at work on run {journal.run}"):
                Journal(path)
        else:
            script = f"""
from pathlib import Path
from ising_ep.qpu.journal import Journal
Journal(Path({str(path)!r}))
"""
            other = subprocess.run(
                [sys.executable, "-c", script], capture_output=True, text=True, check=False
            )
            assert f"at work on run {journal.run}" in other.stderr
        journal.intend([entry(journal, 1)])  # nothing happened to it
    with Journal(file) as journal:
        assert journal.known == 2


def test_a_file_that_another_program_has_open_is_said(file):
    Journal(file).close()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(
        ValueError, match=r"qpu\.sqlite: database is locked: another process has it open, or its"
    ):
        Journal(file)
    other.close()


def test_a_journal_left_open_on_another_computer_is_said(file, caplog):
    Journal(file).close()
    assert not caplog.records
    change(file, "UPDATE run SET host = 'elsewhere'")
    Journal(file).close()
    assert "was not closed on computer elsewhere" in caplog.text
    caplog.clear()
    Journal(file).close()
    assert not caplog.records


def test_what_is_no_journal(file):
    file.write_bytes(b"no journal" * 100)
    with pytest.raises(
        ValueError, match=r"qpu\.sqlite: file is not a database: it is not the journal of a run"
    ):
        Journal(file)
    assert file.read_bytes() == b"no journal" * 100


@pytest.mark.parametrize("suffix", ["", "-wal"])
def test_a_link_is_not_followed(file, tmp_path, suffix):
    target = tmp_path / "precious.db"
    with sqlite3.connect(target) as database:
        database.execute("CREATE TABLE mine (a)")
    database.close()
    before = target.read_bytes()
    file.with_name(file.name + suffix).symlink_to(target)
    with pytest.raises(ValueError, match="is a link, which is not followed"):
        Journal(file)
    assert target.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["precious.db", f"qpu.sqlite{suffix}"]


def test_another_programs_database_is_left_alone(file):
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE run (distance, host)")
        database.execute("INSERT INTO run VALUES (42, 'marathon')")
    database.close()
    before = file.read_bytes()
    with pytest.raises(ValueError, match="is the database of another program"):
        Journal(file)
    assert file.read_bytes() == before


def test_a_folder_is_no_journal(file):
    file.mkdir()
    with pytest.raises(ValueError, match=r"qpu\.sqlite is not the journal of a run: it is no file"):
        Journal(file)


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("ALTER TABLE problems DROP COLUMN estimate", "it lacks column estimate"),
        ("PRAGMA user_version = 4", "has version 4, expected up to 3"),
        ("DELETE FROM run", "does not say its name"),
        ("UPDATE run SET name = x'00'", "does not say its name"),
        ("UPDATE run SET name = printf('%.5000c', 'x')", "does not say its name"),
        ("UPDATE run SET name = char(27) || ']0;'", "does not say its name"),
    ],
)
def test_a_journal_that_lacks_something_is_refused(file, statement, text):
    Journal(file).close()
    with sqlite3.connect(file) as database:
        database.execute(statement)
    database.close()
    with pytest.raises(ValueError, match=text):
        Journal(file)


def test_a_journal_of_version_1_is_read_but_for_its_reads(file, reads):
    with sqlite3.connect(file) as database:
        database.executescript(OLD_SCHEMA)
        database.execute("INSERT INTO run VALUES ('old')")
        bits = np.packbits(reads > 0).tobytes()
        row = ("train", 3, 0, "free", str(2**63), 7, "d", "label", "id-3", ANSWERED, 1.5, 2.5, 0.018, bits)
        database.execute(f"INSERT INTO problems VALUES ({', '.join('?' * len(row))})", row)
    database.close()
    for _ in range(2):
        with Journal(file) as journal:
            assert (journal.run, journal.known, journal.access_time()) == ("old", 4, 0.018)
            (found,) = journal.attempts(3)
            assert not found.damaged
            assert (found.id, found.status, found.seed, found.digest) == ("id-3", ANSWERED, 2**63, "d")
            assert journal.reads(found, 3, 13) is None  # they carried no digest


@pytest.mark.parametrize(("num_reads", "qubits"), [(3, 13), (1, 5), (2, 15), (10, 7), (4, 16)])
def test_reads_that_earlier_versions_wrote_are_given(file, num_reads, qubits):
    """They were written in one row of bits, which may be as long as rows that begin with a byte each."""
    reads = np.where(np.random.default_rng(2).random((num_reads, qubits)) < 0.5, -1, 1).astype(np.int8)
    with Journal(file) as journal:
        found = answered(journal, 0, reads)
        blob = np.packbits(reads > 0).tobytes()
        found.reads_digest = hashlib.blake2b(blob, digest_size=16).hexdigest()
        seal = found.row("train")[-1]
    change(file, "UPDATE problems SET reads = ?, reads_digest = ?, seal = ?", blob, found.reads_digest, seal)
    with Journal(file) as journal:
        (found,) = journal.attempts(0)
        assert not found.damaged
        np.testing.assert_array_equal(spins(journal.reads(found, num_reads, qubits), qubits), reads)


@pytest.mark.parametrize("damage", ["x'00'", "substr(reads, 1, 3)", "'text'", "x'' || reads || x'00'"])
def test_damaged_reads_are_not_given(file, reads, caplog, damage):
    with Journal(file) as journal:
        answered(journal, 0, reads)
    change(file, f"UPDATE problems SET reads = {damage}")
    with Journal(file) as journal:
        (found,) = journal.attempts(0)
        assert not found.damaged
        assert journal.reads(found, 3, 13) is None
    assert "reads of problem 0 in" in caplog.text


@pytest.mark.slow
def test_a_flipped_bit_anywhere_in_the_reads_is_seen(file, reads):
    with Journal(file) as journal:
        answered(journal, 0, reads)
    whole = packed(reads).ravel()
    for bit in range(8 * whole.size):
        turned = whole.copy()
        turned[bit // 8] ^= 128 >> bit % 8
        change(file, "UPDATE problems SET reads = ?", turned.tobytes())
        with Journal(file) as journal:
            assert journal.reads(journal.attempts(0)[0], 3, 13) is None


NULLABLE = {"id", "ended", "estimate", "access_time", "reads_digest"}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in COLUMNS if name not in ("series", "number", "attempt")])
def test_a_changed_column_is_seen(file, reads, name):
    for value in ("x'ff'", "'9'", "NULL") if name in NULLABLE else ("x'ff'", "'9'"):
        file.unlink(missing_ok=True)
        with Journal(file) as journal:
            answered(journal, 0, reads)
        change(file, f"UPDATE problems SET {name} = {value}")
        with Journal(file) as journal:
            assert journal.attempts(0)[0].damaged


def test_a_full_disk_is_said_with_the_file_and_what_to_do(file):
    with Journal(file) as journal:
        journal.intend([entry(journal)])
        journal._file.execute("PRAGMA max_page_count = 1")  # SQLite's own way to a full disk
        many = [entry(journal, number) for number in range(1, 1000)]
        with pytest.raises(QPUStoppedError, match=r"qpu\.sqlite: database or disk is full: make room, then"):
            journal.intend(many)
        assert journal.attempts(999) == []
        journal._file.execute("PRAGMA max_page_count = 100000")
        journal.intend([entry(journal, 1000)])  # and it goes on
    with Journal(file) as journal:
        assert journal.known == 1001


def test_a_damaged_page_is_said(file, reads):
    with Journal(file) as journal:
        for number in range(200):
            answered(journal, number, reads)
    content = bytearray(file.read_bytes())
    content[3 * 4096 :] = bytes(len(content) - 3 * 4096)
    file.write_bytes(content)
    with pytest.raises(ValueError, match="If it is damaged, remove it and go on with --resume"):
        Journal(file)


def test_a_killed_process_leaves_what_it_wrote(file):
    script = f"""
import os, signal, sys
from pathlib import Path
from ising_ep.qpu.entries import Entry
from ising_ep.qpu.journal import Journal
journal = Journal(Path({str(file)!r}))
for number in range(50):
    journal.intend([Entry(number, 0, "free", 1, 2, "d", journal.label(number, 0, 1, 2))])
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", script], check=False)
    assert killed.returncode == -9
    with Journal(file) as journal:
        assert [e.status for number in range(50) for e in journal.attempts(number)] == [INTENDED] * 50
        assert journal.known == 50
