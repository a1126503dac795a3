"""Log files on a real disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reference_broker.runtime import LogFiles, StorageError


@pytest.fixture
def files(tmp_path: Path) -> Iterator[LogFiles]:
    opened = LogFiles(tmp_path / "log")
    yield opened
    opened.close()


def fail(number: int) -> Any:
    """Return a system call that fails with an error number."""

    def call(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    return call


def test_a_folder_is_made_when_it_is_missing(tmp_path: Path):
    LogFiles(tmp_path / "a" / "b").close()
    assert (tmp_path / "a" / "b").is_dir()


def test_what_is_appended_is_read_back_in_order_of_age(files: LogFiles):
    for name in ("2.log", "1.log"):
        files.create(name)
        files.append(name, [b"first ", b"", b"second "])
        files.append(name, [name.encode()])
    assert files.read_all() == (
        ("1.log", b"first second 1.log"),
        ("2.log", b"first second 2.log"),
    )


def test_other_files_are_left_alone(files: LogFiles):
    (files.folder / "notes.txt").write_text("mine")
    assert files.read_all() == ()


def test_more_chunks_than_one_system_call_takes(files: LogFiles):
    files.create("1.log")
    chunks = [bytes([n % 251]) * (n % 7) for n in range(3_000)]
    files.append("1.log", chunks)
    assert files.read_all() == (("1.log", b"".join(chunks)),)


def test_nothing_is_appended_by_no_chunks(files: LogFiles):
    files.create("1.log")
    files.append("1.log", [])
    assert files.read_all() == (("1.log", b""),)


@pytest.mark.parametrize("at_once", [1, 3, 10])
def test_a_disk_that_takes_a_part_gets_the_rest(
    files: LogFiles, monkeypatch: pytest.MonkeyPatch, at_once: int
):
    real_write = os.write
    monkeypatch.setattr(os, "writev", lambda fd, chunks: real_write(fd, b"".join(chunks)[:at_once]))
    monkeypatch.setattr(os, "write", lambda fd, data: real_write(fd, data[:at_once]))
    files.create("1.log")
    files.append("1.log", [b"twelve", b" bytes"])
    assert files.read_all() == (("1.log", b"twelve bytes"),)


def test_an_existing_file_is_not_created_again(files: LogFiles):
    files.create("1.log")
    with pytest.raises(StorageError, match=r"1\.log cannot be opened"):
        files.create("1.log")


def test_a_missing_file_is_not_appended_to(files: LogFiles):
    with pytest.raises(StorageError, match=r"9\.log cannot be opened"):
        files.append("9.log", [b"x"])


def test_a_log_goes_on_after_a_restart(tmp_path: Path):
    for text in (b"one", b"two"):
        files = LogFiles(tmp_path)
        if not files.read_all():
            files.create("1.log")
        files.append("1.log", [text])
        files.close()
    assert (tmp_path / "1.log").read_bytes() == b"onetwo"


def test_truncating_cuts_and_appending_goes_on_there(files: LogFiles):
    files.create("1.log")
    files.append("1.log", [b"whole torn"])
    files.truncate("1.log", 6)
    files.append("1.log", [b"new"])
    assert files.read_all() == (("1.log", b"whole new"),)


def test_removing(files: LogFiles):
    files.create("1.log")
    files.append("1.log", [b"x"])
    files.remove("1.log")
    files.remove("1.log")
    assert files.read_all() == ()
    files.create("1.log")
    assert files.read_all() == (("1.log", b""),)


def test_syncing_covers_files_and_the_folder(files: LogFiles, monkeypatch: pytest.MonkeyPatch):
    synced: list[Path] = []

    def sync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())

    monkeypatch.setattr(os, "fdatasync", sync)
    monkeypatch.setattr(os, "fsync", sync)
    files.create("1.log")
    files.append("1.log", [b"x"])
    files.sync(["1.log", "gone.log"])
    assert synced == [files.folder / "1.log", files.folder]
    files.sync(["1.log"])
    assert synced[2:] == [files.folder / "1.log"]  # the folder has not changed
    files.remove("1.log")
    files.sync([])
    assert synced[3:] == [files.folder]


# What can fail.


def test_two_brokers_do_not_share_a_folder(tmp_path: Path):
    first = LogFiles(tmp_path)
    with pytest.raises(StorageError, match=rf"{tmp_path} is in use by another broker; stop it"):
        LogFiles(tmp_path)
    first.close()
    LogFiles(tmp_path).close()


def test_a_folder_that_is_a_file(tmp_path: Path):
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(StorageError, match=f"storage folder {path} cannot be used"):
        LogFiles(path)
    with pytest.raises(StorageError, match="cannot be used"):
        LogFiles(path / "below")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_disk_that_refuses_to_write(
    files: LogFiles, monkeypatch: pytest.MonkeyPatch, number: int
):
    files.create("1.log")
    monkeypatch.setattr(os, "writev", fail(number))
    with pytest.raises(StorageError, match=r"1\.log: write failed: .*") as caught:
        files.append("1.log", [b"x"])
    assert os.strerror(number) in str(caught.value)


def test_a_disk_that_refuses_to_sync(files: LogFiles, monkeypatch: pytest.MonkeyPatch):
    files.create("1.log")
    monkeypatch.setattr(os, "fdatasync", fail(errno.EIO))
    with pytest.raises(StorageError, match="sync failed"):
        files.sync(["1.log"])


def test_a_disk_that_refuses_to_truncate(files: LogFiles, monkeypatch: pytest.MonkeyPatch):
    files.create("1.log")
    monkeypatch.setattr(os, "ftruncate", fail(errno.EIO))
    with pytest.raises(StorageError, match="cut failed"):
        files.truncate("1.log", 0)


def test_a_file_that_cannot_be_read(files: LogFiles):
    (files.folder / "1.log").mkdir()
    with pytest.raises(StorageError, match="cannot be read"):
        files.read_all()


def test_a_descriptor_that_cannot_be_written(files: LogFiles):
    files.create("1.log")
    os.close(files._descriptors["1.log"])
    files._descriptors["1.log"] = os.open(files.folder / "1.log", os.O_RDONLY)
    with pytest.raises(StorageError, match=r"write failed: .*Bad file descriptor"):
        files.append("1.log", [b"x"])
