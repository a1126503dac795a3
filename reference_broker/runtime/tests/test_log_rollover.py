"""Rolling over to new log files: what is older is durable first, and closed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from reference_broker.runtime import LogFiles

PATIENCE_S = 20.0


@pytest.fixture
def files(tmp_path: Path) -> Iterator[LogFiles]:
    opened = LogFiles(tmp_path / "log")
    yield opened
    opened.close()


def target(descriptor: int) -> str:
    """Return the name of the file that a descriptor stands for."""
    return Path(f"/proc/self/fd/{descriptor}").readlink().name


def descriptors(files: LogFiles) -> int:
    """Return how many descriptors this process has for log files of the folder."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        try:
            path = link.readlink()
        except FileNotFoundError:
            continue  # the one that listed the folder
        found += path.parent == files.folder
    return found


class Journal:
    """What was asked of the disk, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines: list[str] = []
        real_open, real_sync, real_writev = os.open, os.fdatasync, os.writev

        def opening(path: Path, flags: int, mode: int = 0o777) -> int:
            if flags & os.O_CREAT:
                self.lines.append(f"create {path.name}")
            return real_open(path, flags, mode)

        def syncing(descriptor: int) -> None:
            self.lines.append(f"sync {target(descriptor)}")
            real_sync(descriptor)

        def writing(descriptor: int, chunks: list[bytes]) -> int:
            self.lines.append(f"write {target(descriptor)}")
            return real_writev(descriptor, chunks)

        monkeypatch.setattr(os, "open", opening)
        monkeypatch.setattr(os, "fdatasync", syncing)
        monkeypatch.setattr(os, "writev", writing)


def test_an_older_file_is_durable_before_a_newer_one_is_there(
    files: LogFiles, monkeypatch: pytest.MonkeyPatch
):
    journal = Journal(monkeypatch)
    for name in ("bmq_0.1.bmq_data", "bmq_0.2.bmq_data", "bmq_0.3.bmq_data"):
        files.create(name)
        files.append(name, [b"x"])
    assert journal.lines == [
        "create bmq_0.1.bmq_data", "write bmq_0.1.bmq_data", "sync bmq_0.1.bmq_data",
        "create bmq_0.2.bmq_data", "write bmq_0.2.bmq_data", "sync bmq_0.2.bmq_data",
        "create bmq_0.3.bmq_data", "write bmq_0.3.bmq_data",
    ]  # fmt: skip


def test_a_file_that_was_found_and_appended_to_is_durable_first_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "bmq_0.1.bmq_data").write_bytes(b"old ")
    files = LogFiles(tmp_path)
    files.append("bmq_0.1.bmq_data", [b"new"])
    journal = Journal(monkeypatch)
    files.create("bmq_0.2.bmq_data")
    files.close()
    assert journal.lines == ["sync bmq_0.1.bmq_data", "create bmq_0.2.bmq_data"]


def test_the_number_of_open_files_does_not_grow_with_the_log(files: LogFiles):
    counts: set[int] = set()
    for number in range(100):
        name = f"bmq_0.{number:03}.bmq_data"
        files.create(name)
        files.append(name, [name.encode()])
        if number % 3 == 0:
            files.sync([name])
        if number % 5 == 0:
            files.remove([f"bmq_0.{number // 2:03}.bmq_data"])
        counts.add(descriptors(files))
    assert max(counts) <= 2
    for name, size in files.find():
        assert files.reader(name, [(0, size)])() == (name.encode(),)


def test_a_file_that_was_closed_needs_no_sync_any_more(
    files: LogFiles, monkeypatch: pytest.MonkeyPatch
):
    files.create("bmq_0.1.bmq_data")
    files.append("bmq_0.1.bmq_data", [b"x"])
    files.create("bmq_0.2.bmq_data")
    journal = Journal(monkeypatch)
    files.sync(["bmq_0.1.bmq_data", "bmq_0.2.bmq_data"])
    assert journal.lines == ["sync bmq_0.2.bmq_data"]


class HeldSync:
    """A thread that syncs and stops just before the system call."""

    def __init__(self, files: LogFiles, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.targets: list[str] = []
        self._reached, self._go_on = threading.Event(), threading.Event()
        self._error: BaseException | None = None
        real = os.fdatasync

        def held(descriptor: int) -> None:
            if threading.current_thread() is self._thread:
                self._reached.set()
                assert self._go_on.wait(PATIENCE_S)
                self.targets.append(target(descriptor))
            real(descriptor)

        def sync() -> None:
            try:
                files.sync([name])
            except BaseException as error:  # noqa: BLE001 - handed to the test
                self._error = error

        monkeypatch.setattr(os, "fdatasync", held)
        self._thread = threading.Thread(target=sync)
        self._thread.start()
        assert self._reached.wait(PATIENCE_S)

    def finish(self) -> None:
        """Let the thread go on, and wait for it."""
        self._go_on.set()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        if self._error is not None:
            raise self._error


def test_a_sync_that_is_under_way_never_touches_another_file(
    files: LogFiles, monkeypatch: pytest.MonkeyPatch
):
    files.create("bmq_0.1.bmq_data")
    files.append("bmq_0.1.bmq_data", [b"x"])
    before = descriptors(files)
    thread = HeldSync(files, "bmq_0.1.bmq_data", monkeypatch)
    files.remove(["bmq_0.1.bmq_data"])
    files.create("bmq_0.2.bmq_data")  # it takes the lowest descriptor that is free
    files.append("bmq_0.2.bmq_data", [b"y"])
    thread.finish()
    assert thread.targets == ["bmq_0.1.bmq_data (deleted)"]
    files.append("bmq_0.2.bmq_data", [b"z"])
    assert files.reader("bmq_0.2.bmq_data", [(0, 9)])() == (b"yz",)
    assert descriptors(files) == before


def test_a_sync_that_is_under_way_survives_a_rollover(
    files: LogFiles, monkeypatch: pytest.MonkeyPatch
):
    files.create("bmq_0.1.bmq_data")
    files.append("bmq_0.1.bmq_data", [b"x"])
    thread = HeldSync(files, "bmq_0.1.bmq_data", monkeypatch)
    for number in range(2, 6):
        files.create(f"bmq_0.{number}.bmq_data")
        files.append(f"bmq_0.{number}.bmq_data", [b"x"])
    thread.finish()
    assert thread.targets == ["bmq_0.1.bmq_data"]
    assert len(files.find()) == 5
