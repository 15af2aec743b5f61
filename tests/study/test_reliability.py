"""What was acknowledged is never lost: killed processes, full disks, several writers at once."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest

from remnant.errors import ConflictError, StorageError
from remnant.records.run import Well
from remnant.study import connection
from remnant.study.audit import audit_trail
from remnant.study.check import check_study
from remnant.study.decisions import decisions, record_decision
from remnant.study.facts import facts, imported_files
from remnant.study.folder import init_study, open_study
from remnant.study.store import store_acquired

WRITER = """
import hashlib, os, sys
from remnant.records.acquired import Acquired
from remnant.records.run import SourceFile, Well
from remnant.study.folder import open_study
from remnant.study.store import store_acquired

def importing(folder, name):
    study = open_study(folder)
    number = 0
    while True:
        run = f"{name}-{number}"
        data = run.encode() * 1000
        source = SourceFile(sha256=hashlib.sha256(data).hexdigest(), name=run, size_bytes=len(data), format="t")
        wells = tuple(
            Well(run_id=run, position=f"A{n}", target="WT1", sample="S", kind="unknown", detected=True, cq=20.0)
            for n in range(96)
        )
        store_acquired(study, Acquired(source=source, wells=wells), data, by="writer")
        print(run, flush=True)
        number += 1

for line in sys.stdin:
    folder, name = line.rstrip().split("|")
    child = os.fork()
    if child == 0:
        importing(folder, name)
    print("started", child, flush=True)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""
KILLS = 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and kill -9")
def test_a_killed_import_loses_nothing_and_leaves_nothing_half(study):
    generator = np.random.default_rng(2)
    acknowledged = []
    with subprocess.Popen(
        [sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        for kill in range(KILLS):
            writer.stdin.write(f"{study.folder}|R{kill}\n")
            writer.stdin.flush()
            child = int(writer.stdout.readline().split()[1])
            acknowledged.append(writer.stdout.readline().strip())  # it is at work now
            time.sleep(generator.uniform(0.0, 0.05))
            os.kill(child, signal.SIGKILL)
            while (line := writer.stdout.readline().strip()) != "ended":
                acknowledged.append(line)
        writer.stdin.close()
    reopened = open_study(study.folder)
    held = [file.name for file in imported_files(reopened)]
    wells = facts(reopened, Well)
    assert len(acknowledged) >= KILLS
    assert set(acknowledged) <= set(held)
    assert len(held) <= len(acknowledged) + KILLS  # stored, killed before it could say so
    assert len(wells) == 96 * len(held)
    assert {finding.code for finding in check_study(reopened)} <= {"study.original_unknown"}
    assert len(audit_trail(reopened)) == 1 + len(held)


FULL_DISK = """
import resource, signal, sys
from remnant.errors import StorageError
from remnant.study.folder import open_study
exec(sys.argv[2])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
try:
    importing(sys.argv[1], "R")
except StorageError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_a_full_disk_is_said_plainly_and_keeps_what_was_stored(study):
    functions = WRITER[: WRITER.index("for line in sys.stdin")]
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, study.folder, functions], capture_output=True, text=True, check=True
    )
    *acknowledged, message = done.stdout.splitlines()
    assert "a disk that is full or fails" in message
    assert "Free some space" in message
    held = [file.name for file in imported_files(study)]
    assert held == acknowledged
    assert held
    assert {finding.code for finding in check_study(study)} <= {"study.original_unknown"}


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_said_plainly(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="rights"):
        init_study(tmp_path / "study", name="a", by="anna")


def test_a_path_through_a_file_is_said_plainly(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="a place that can be read and written"):
        init_study(tmp_path / "file" / "study", name="a", by="anna")


def test_a_database_that_another_program_keeps_locked_is_a_conflict(study, plate, monkeypatch):
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0)
    with contextlib.closing(sqlite3.connect(study.folder / "study.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ConflictError, match="another program"):
            store_acquired(study, *plate("R-1"), by="anna")
    assert facts(study, Well) == ()


DECIDER = """
import sys
from remnant.errors import ConflictError
from remnant.study.decisions import decisions, record_decision
from remnant.study.folder import open_study
study = open_study(sys.argv[1])
done = 0
while done < 15:
    standing = {item.on: item for item in decisions(study)}
    on = f"patient P{done % 2}"
    before = standing.get(on)
    count = int(before.verdict) if before else 0
    try:
        record_decision(study, by=sys.argv[2], on=on, verdict=str(count + 1), reason="count",
                        supersedes=before.decision_id if before else None)
    except ConflictError:
        continue
    done += 1
"""


def test_several_writers_lose_no_update(study):
    for number in range(2):
        record_decision(study, by="anna", on=f"patient P{number}", verdict="0", reason="start")
    start = [sys.executable, "-c", DECIDER, str(study.folder)]
    writers = [subprocess.Popen([*start, f"writer{number}"]) for number in range(3)]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0]
    counts = {decision.on: int(decision.verdict) for decision in decisions(study)}
    assert sum(counts.values()) == 45
    assert len(audit_trail(study)) == 1 + 2 + 45
    assert check_study(study) == ()
