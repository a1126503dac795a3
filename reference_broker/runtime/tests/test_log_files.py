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


def contents(files: LogFiles) -> tuple[tuple[str, bytes], ...]:
    """Return (name, content) of each file."""
    found: list[tuple[str, bytes]] = []
    for name, size in files.find():
        (data,) = files.reader(name, [(0, size)])()
        found.append((name, data))
    return tuple(found)


def fail(number: int) -> Any:
    """Return a system call that fails with an error number."""

    def call(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    return call


def test_a_folder_is_made_when_it_is_missing(tmp_path: Path):
    LogFiles(tmp_path / "a" / "b").close()
    assert (tmp_path / "a" / "b").is_dir()


def test_what_is_appended_is_read_back_in_order_of_age(files: LogFiles):
    for name in ("bmq_0.2.bmq_data", "bmq_0.1.bmq_data"):
        files.create(name)
        files.append(name, [b"first ", b"", b"second "])
        files.append(name, [name.encode()])
    assert contents(files) == (
        ("bmq_0.1.bmq_data", b"first second bmq_0.1.bmq_data"),
        ("bmq_0.2.bmq_data", b"first second bmq_0.2.bmq_data"),
    )


def test_other_files_are_left_alone(files: LogFiles):
    (files.folder / "notes.txt").write_text("mine")
    assert contents(files) == ()


def test_more_chunks_than_one_system_call_takes(files: LogFiles):
    files.create("bmq_0.1.bmq_data")
    chunks = [bytes([n % 251]) * (n % 7) for n in range(3_000)]
    files.append("bmq_0.1.bmq_data", chunks)
    assert contents(files) == (("bmq_0.1.bmq_data", b"".join(chunks)),)


def test_nothing_is_appended_by_no_chunks(files: LogFiles):
    files.create("bmq_0.1.bmq_data")
    files.append("bmq_0.1.bmq_data", [])
    assert contents(files) == (("bmq_0.1.bmq_data", b""),)


@pytest.mark.parametrize("at_once", [1, 3, 10])
def test_a_disk_that_takes_a_part_gets_the_rest(
    files: LogFiles, monkeypatch: pytest.MonkeyPatch, at_once: int
):
    real_write = os.write
    monkeypatch.setattr(os, "writev", lambda fd, chunks: real_write(fd, b"".join(chunks)[:at_once]))
    monkeypatch.setattr(os, "write", lambda fd, data: real_write(fd, data[:at_once]))
    files.create("bmq_0.1.bmq_data")
    files.append("bmq_0.1.bmq_data", [b"twelve", b" bytes"])
    assert contents(files) == (("bmq_0.1.bmq_data", b"twelve bytes"),)


def test_an_existing_file_is_not_created_again(files: LogFiles):
    files.create("bmq_0.1.bmq_data")
    with pytest.raises(StorageError, match=r"1\.bmq_data cannot be opened"):
        files.create("bmq_0.1.bmq_data")


def test_a_missing_file_is_not_appended_to(files: LogFiles):
    with pytest.raises(StorageError, match=r"9\.bmq_data cannot be opened"):
        files.append("bmq_0.9.bmq_data", [b"x"])


def test_a_log_goes_on_after_a_restart(tmp_path: Path):
    for text in (b"one", b"two"):
        files = LogFiles(tmp_path)
        if not contents(files):
            files.create("bmq_0.1.bmq_data")
        files.append("bmq_0.1.bmq_data", [text])
        files.close()
    assert (tmp_path / "bmq_0.1.bmq_data").read_bytes() == b"onetwo"


def test_parts_are_read_and_what_is_behind_the_end_is_missing(files: LogFiles):
    files.create("bmq_0.1.bmq_data")
    files.append("bmq_0.1.bmq_data", [b"0123456789"])
    read = files.reader("bmq_0.1.bmq_data", [(2, 3), (0, 0), (8, 5), (20, 1)])
    assert read() == (b"234", b"", b"89", b"")


def test_a_disk_that_reads_a_part_is_asked_for_the_rest(
    files: LogFiles, monkeypatch: pytest.MonkeyPatch
):
    files.create("bmq_0.1.bmq_data")
    files.append("bmq_0.1.bmq_data", [b"0123456789"])
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, length, at: real(fd, min(length, 3), at))
    assert files.reader("bmq_0.1.bmq_data", [(1, 8), (5, 100)])() == (b"12345678", b"56789")


def test_a_reader_reads_a_file_that_is_removed_meanwhile(files: LogFiles):
    files.create("bmq_0.1.bmq_data")
    files.append("bmq_0.1.bmq_data", [b"x"])
    read = files.reader("bmq_0.1.bmq_data", [(0, 1)])
    files.remove(["bmq_0.1.bmq_data"])
    assert read() == (b"x",)


def test_what_is_found_is_made_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    names = ["bmq_0.1.bmq_data", "bmq_0.2.bmq_journal", "bmq_csl_3.bmq_csl"]
    for name in names:
        (tmp_path / name).write_bytes(b"of a broker that was killed")
    synced: list[Path] = []
    monkeypatch.setattr(
        os, "fsync", lambda fd: synced.append(Path(f"/proc/self/fd/{fd}").readlink())
    )
    files = LogFiles(tmp_path)
    assert files.find() == tuple((name, 27) for name in names)
    assert synced == [*[tmp_path / name for name in names], tmp_path]
    files.close()


def test_a_file_goes_after_what_was_written_is_durable(
    files: LogFiles, monkeypatch: pytest.MonkeyPatch
):
    files.create("bmq_0.1.bmq_data")
    files.create("bmq_0.2.bmq_data")
    for name in ("bmq_0.1.bmq_data", "bmq_0.2.bmq_data"):
        files.append(name, [b"x"])
    synced: list[str] = []

    def sync(descriptor: int) -> None:
        assert (files.folder / "bmq_0.1.bmq_data").exists()
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)

    monkeypatch.setattr(os, "fdatasync", sync)
    files.remove(["bmq_0.1.bmq_data"])
    assert synced == ["bmq_0.2.bmq_data"]
    assert not (files.folder / "bmq_0.1.bmq_data").exists()


def test_truncating_cuts_and_appending_goes_on_there(files: LogFiles):
    files.create("bmq_0.1.bmq_data")
    files.append("bmq_0.1.bmq_data", [b"whole torn"])
    files.truncate("bmq_0.1.bmq_data", 6)
    files.append("bmq_0.1.bmq_data", [b"new"])
    assert contents(files) == (("bmq_0.1.bmq_data", b"whole new"),)


def test_removing(files: LogFiles):
    files.create("bmq_0.1.bmq_data")
    files.append("bmq_0.1.bmq_data", [b"x"])
    files.remove(["bmq_0.1.bmq_data"])
    files.remove(["bmq_0.1.bmq_data"])
    assert contents(files) == ()
    files.create("bmq_0.1.bmq_data")
    assert contents(files) == (("bmq_0.1.bmq_data", b""),)


def test_syncing_covers_files_and_the_folder(files: LogFiles, monkeypatch: pytest.MonkeyPatch):
    synced: list[Path] = []

    def sync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())

    monkeypatch.setattr(os, "fdatasync", sync)
    monkeypatch.setattr(os, "fsync", sync)
    files.create("bmq_0.1.bmq_data")
    files.append("bmq_0.1.bmq_data", [b"x"])
    files.sync(["bmq_0.1.bmq_data", "bmq_0.gone.bmq_data"])
    assert synced == [files.folder / "bmq_0.1.bmq_data", files.folder]
    files.sync(["bmq_0.1.bmq_data"])
    assert synced[2:] == [files.folder / "bmq_0.1.bmq_data"]  # the folder has not changed
    files.remove(["bmq_0.1.bmq_data"])
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
    files.create("bmq_0.1.bmq_data")
    monkeypatch.setattr(os, "writev", fail(number))
    with pytest.raises(StorageError, match=r"1\.bmq_data: write failed: .*") as caught:
        files.append("bmq_0.1.bmq_data", [b"x"])
    assert os.strerror(number) in str(caught.value)


def test_a_disk_that_refuses_to_sync(files: LogFiles, monkeypatch: pytest.MonkeyPatch):
    files.create("bmq_0.1.bmq_data")
    monkeypatch.setattr(os, "fdatasync", fail(errno.EIO))
    with pytest.raises(StorageError, match="sync failed"):
        files.sync(["bmq_0.1.bmq_data"])


def test_a_disk_that_refuses_to_truncate(files: LogFiles, monkeypatch: pytest.MonkeyPatch):
    files.create("bmq_0.1.bmq_data")
    monkeypatch.setattr(os, "ftruncate", fail(errno.EIO))
    with pytest.raises(StorageError, match="cut failed"):
        files.truncate("bmq_0.1.bmq_data", 0)


def test_a_file_that_cannot_be_found_out_about(files: LogFiles):
    (files.folder / "bmq_0.1.bmq_data").mkdir()
    with pytest.raises(StorageError, match="cannot be read"):
        files.find()


def test_a_file_that_cannot_be_read(files: LogFiles, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(StorageError, match=r"9\.bmq_data cannot be opened: .*No such file"):
        files.reader("bmq_0.9.bmq_data", [(0, 1)])
    files.create("bmq_0.1.bmq_data")
    read = files.reader("bmq_0.1.bmq_data", [(0, 1)])
    monkeypatch.setattr(os, "pread", fail(errno.EIO))
    with pytest.raises(StorageError, match=r"1\.bmq_data: read failed"):
        read()


def test_a_disk_that_refuses_to_remove(files: LogFiles, monkeypatch: pytest.MonkeyPatch):
    files.create("bmq_0.1.bmq_data")
    monkeypatch.setattr(os, "unlink", fail(errno.EPERM))
    with pytest.raises(StorageError, match=r"1\.bmq_data cannot be removed"):
        files.remove(["bmq_0.1.bmq_data"])


def test_a_disk_that_refuses_to_sync_when_a_file_is_created(
    files: LogFiles, monkeypatch: pytest.MonkeyPatch
):
    files.create("bmq_0.1.bmq_data")
    files.append("bmq_0.1.bmq_data", [b"x"])
    monkeypatch.setattr(os, "fdatasync", fail(errno.EIO))
    with pytest.raises(StorageError, match="sync failed"):
        files.create("bmq_0.2.bmq_data")


def test_a_descriptor_that_cannot_be_written(files: LogFiles):
    files.create("bmq_0.1.bmq_data")
    os.close(files._descriptors["bmq_0.1.bmq_data"])
    files._descriptors["bmq_0.1.bmq_data"] = os.open(files.folder / "bmq_0.1.bmq_data", os.O_RDONLY)
    with pytest.raises(StorageError, match=r"write failed: .*Bad file descriptor"):
        files.append("bmq_0.1.bmq_data", [b"x"])
