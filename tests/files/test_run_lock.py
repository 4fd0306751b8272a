"""One writer for each run folder: the second is told who is first, and what is left is taken."""

from __future__ import annotations

import gc
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ising_ep.errors import StoppedError
from ising_ep.files import run_lock
from ising_ep.files.run_lock import LOCK, InUseError, RunLock

HOLD = """
import sys, time
from pathlib import Path
from ising_ep.files.run_lock import InUseError, RunLock
try:
    lock = RunLock(Path(sys.argv[1]))
except InUseError as error:
    print(error)
    raise SystemExit(2)
print("held", flush=True)
time.sleep(float(sys.argv[2]))
lock.check()
"""


def holder(folder: Path, seconds: float) -> subprocess.Popen[str]:
    """A process that holds the folder for a time, or says why it does not."""
    command = [sys.executable, "-c", HOLD, str(folder), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def of_another_machine(folder: Path, **changes: object) -> None:
    """A lock file as another computer would write it."""
    lock = RunLock(folder)
    content = json.loads((folder / LOCK).read_bytes())
    lock.release()
    changes = {"host": "atlas", "machine": "elsewhere", "token": "other"} | changes
    (folder / LOCK).write_text(json.dumps(content | changes))


def test_the_second_is_told_who_is_first_and_goes_on_when_that_ends(tmp_path):
    lock = RunLock(tmp_path)
    second = holder(tmp_path, 0)
    said, _ = second.communicate()
    assert second.returncode == 2
    assert f"{tmp_path} is in use by process {os.getpid()} on '{os.uname().nodename}'" in said
    with pytest.raises(InUseError, match=f"process {os.getpid()} "):
        RunLock(tmp_path)
    lock.release()
    assert list(tmp_path.iterdir()) == []
    RunLock(tmp_path).release()


def test_a_lock_that_is_forgotten_is_released(tmp_path):
    lock = RunLock(tmp_path)
    del lock
    gc.collect()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("reaped", [True, False])
def test_what_a_killed_process_leaves_is_taken_at_once(tmp_path, reaped):
    first = holder(tmp_path, 60)
    assert first.stdout.readline() == "held\n"
    first.kill()
    if reaped:
        first.wait()
    else:
        os.waitid(os.P_PID, first.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the list of processes
    RunLock(tmp_path).release()
    first.communicate()


def test_a_process_of_the_same_number_that_began_later_is_another(tmp_path):
    of_another_machine(tmp_path, machine=run_lock._machine(), started="1")
    assert os.getpid() == json.loads((tmp_path / LOCK).read_bytes())["pid"]
    content = json.loads((tmp_path / LOCK).read_bytes())
    content["inode"] = (tmp_path / LOCK).stat().st_ino
    (tmp_path / LOCK).write_text(json.dumps(content))
    RunLock(tmp_path).release()


RACE = """
import os, sys, time
from pathlib import Path
from ising_ep.files.run_lock import InUseError, RunLock
from ising_ep.errors import StoppedError

def one(folder, start):
    time.sleep(start - time.time())
    try:
        lock = RunLock(folder)
    except InUseError:
        return 2
    time.sleep(0.4)
    try:
        lock.check()
    except StoppedError:
        return 1
    lock.release()
    return 0

folder = Path(sys.argv[1])
dead = os.fork()
if dead == 0:
    lock = RunLock(folder)
    os._exit(0)
os.waitpid(dead, 0)
assert any(folder.iterdir())
start = time.time() + 0.2
children = []
for _ in range(8):
    child = os.fork()
    if child == 0:
        os._exit(one(folder, start))
    children.append(child)
print(sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


@pytest.mark.slow
def test_one_of_many_takes_what_is_left(tmp_path):
    """Each holds it until all have tried, then looks whether it is still its own: one may go on.

    Another may have held it for a moment, while the lock of the dead one was taken away: its look says so.
    """
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", RACE, str(tmp_path)], stdout=subprocess.PIPE, check=True)
        outcomes = json.loads(done.stdout)
        assert outcomes.count(0) == 1
        assert outcomes.count(1) <= 1
        assert set(outcomes) <= {0, 1, 2}
        assert list(tmp_path.iterdir()) == []


def test_another_machine_that_gives_signs_of_life_is_there(tmp_path):
    of_another_machine(tmp_path)
    ended = threading.Event()
    path = tmp_path / LOCK
    beats = threading.Thread(target=run_lock._beat, args=(path, path.read_bytes(), ended))
    run_lock_beat, run_lock.BEAT = run_lock.BEAT, 0.3
    try:
        beats.start()
        with pytest.raises(InUseError, match=r"in use by process \d+ on 'atlas'"):
            RunLock(tmp_path)
    finally:
        run_lock.BEAT = run_lock_beat
        ended.set()
        beats.join()


def test_another_machine_that_gave_none_for_long_is_gone(tmp_path, caplog):
    of_another_machine(tmp_path)
    long_ago = time.time() - 2 * run_lock.DEAD
    os.utime(tmp_path / LOCK, (long_ago, long_ago))
    with caplog.at_level(logging.WARNING):
        RunLock(tmp_path).release()
    (said,) = caplog.messages
    assert "on 'atlas' has given no sign of life for 30 s and is taken for gone" in said


@pytest.mark.slow
@pytest.mark.parametrize("ahead", [0, 10**6])
def test_another_machine_is_waited_for(tmp_path, monkeypatch, caplog, ahead):
    """Whatever its clock says."""
    monkeypatch.setattr(run_lock, "DEAD", 0.5)
    of_another_machine(tmp_path)
    os.utime(tmp_path / LOCK, (time.time() + ahead, time.time() + ahead))
    with caplog.at_level(logging.WARNING):
        RunLock(tmp_path).release()
    assert "waiting up to" in caplog.messages[0]
    assert "is taken for gone" in caplog.messages[-1]


def test_a_copy_of_a_folder_in_use_is_free(tmp_path, monkeypatch):
    monkeypatch.setattr(run_lock, "DEAD", 0.5)
    (tmp_path / "run").mkdir()
    lock = RunLock(tmp_path / "run")
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    RunLock(tmp_path / "copy").release()
    lock.check()
    lock.release()


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"pid": 1}', b"\xff", b"[" * 4000, b'{"pid": -1}'],
)
def test_a_lock_that_names_nobody_is_taken_once_it_is_old(tmp_path, monkeypatch, content):
    monkeypatch.setattr(run_lock, "DEAD", 0.5)
    (tmp_path / LOCK).write_bytes(content)
    RunLock(tmp_path).release()


@pytest.mark.parametrize("changes", [{"pid": "1"}, {"pid": -1}, {"pid": 2**40}, {"host": 3}, {"inode": None}])
def test_a_lock_of_other_kinds_names_nobody(tmp_path, changes):
    of_another_machine(tmp_path, **changes)
    assert run_lock._Writer.of((tmp_path / LOCK).read_bytes()) is None


def test_names_from_a_file_do_not_reach_the_terminal_raw(tmp_path):
    of_another_machine(tmp_path, host="\x1b]0;owned\x07")
    assert "\x1b" not in str(run_lock._Writer.of((tmp_path / LOCK).read_bytes()))


def test_what_is_no_lock_file_is_refused(tmp_path):
    (tmp_path / "precious").write_text("mine")
    for make in (Path.mkdir, lambda path: path.symlink_to("precious"), lambda path: os.mkfifo(path)):
        make(tmp_path / LOCK)
        with pytest.raises(OSError, match=f"{LOCK} is a .*, expected a file or nothing"):
            RunLock(tmp_path)
        (tmp_path / LOCK).rmdir() if (tmp_path / LOCK).is_dir() else (tmp_path / LOCK).unlink()
    (tmp_path / LOCK).write_bytes(bytes(10_000))
    with pytest.raises(ValueError, match="larger than"):
        RunLock(tmp_path)
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_writer_that_was_taken_for_gone_writes_no_more(tmp_path):
    lock = RunLock(tmp_path)
    lock.check()
    of_another = (tmp_path / LOCK).read_bytes().replace(b'"host": "', b'"host": "not ')
    (tmp_path / LOCK).write_bytes(of_another)
    with pytest.raises(StoppedError, match=r"names process \d+ on 'not .*nothing is written"):
        lock.check()
    lock.release()
    assert (tmp_path / LOCK).read_bytes() == of_another
    (tmp_path / LOCK).unlink()
    with pytest.raises(StoppedError, match="names nobody"):
        lock.check()


def test_a_lock_in_the_way_of_two_that_take_over_is_put_back(tmp_path):
    """The slower of two that found the same dead writer moves the lock of the faster one, and sees it."""
    lock = RunLock(tmp_path)
    run_lock._take_away(tmp_path / LOCK, b"of a dead writer")
    lock.check()
    lock.release()
    assert list(tmp_path.iterdir()) == []


def test_a_forked_process_leaves_the_lock_to_its_parent(tmp_path):
    script = HOLD.replace("time.sleep(float(sys.argv[2]))", "import os; os.fork() and os.wait()")
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, check=True)
    assert done.stderr == b""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_ctrl_c_while_waiting_ends_at_once(tmp_path):
    of_another_machine(tmp_path)
    waiting = holder(tmp_path, 0)
    time.sleep(1.5)
    waiting.send_signal(signal.SIGINT)
    waiting.communicate(timeout=10)
    assert waiting.returncode != 0
    assert (tmp_path / LOCK).exists()
