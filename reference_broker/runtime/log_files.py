"""Log files on a disk: append, sync, truncate, remove, read back.

Writes go to the page cache at once, in the caller's thread: a copy of some kilobytes. Syncs,
removals and reads are slow and go to a thread; while a sync runs, those that come together share
the next (group commit).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from reference_broker.base import OperatorError

#: Buffers that one writev takes on every system that we know.
_IOV_MAX = 512
#: What belongs to the log in its folder: segments, snapshots, the ledger.
_PATTERNS: Final = ("bmq_*.bmq_data", "bmq_*.bmq_journal", "bmq_csl_*.bmq_csl")


class StorageError(OperatorError):
    """The disk refused: the message names the file and the reason."""


class LogFiles:
    """The folder of one broker's log.

    Args:
        folder: created if missing.

    Raises:
        StorageError: the folder cannot be used, or another broker uses it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._descriptors: dict[str, int] = {}
        #: Files that were written to since they were last synced; values mean nothing.
        self._dirty: dict[str, None] = {}
        self._is_folder_dirty = False
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._folder_descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise StorageError(f"storage folder {folder} cannot be used: {error}") from error
        self._reserve()

    def _reserve(self) -> None:
        import fcntl  # noqa: PLC0415 - absent on Windows, where the broker runs without storage

        try:
            fcntl.flock(self._folder_descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._folder_descriptor)
            text = f"storage folder {self.folder} is in use by another broker; stop it first"
            raise StorageError(text) from error

    def find(self) -> tuple[tuple[str, int], ...]:
        """Return (name, size in bytes) of every log file, sorted by name, and make them durable.

        What a broker that was killed had written may still be in memory alone. The next one takes
        what it finds for durable, so it must be.

        Raises:
            StorageError: a file cannot be read or synced.
        """
        try:
            paths = sorted(path for pattern in _PATTERNS for path in self.folder.glob(pattern))
            found = tuple((path.name, _sync_found(path)) for path in paths)
            os.fsync(self._folder_descriptor)
        except OSError as error:
            raise StorageError(f"storage folder {self.folder} cannot be read: {error}") from error
        return found

    def reader(
        self, name: str, ranges: Sequence[tuple[int, int]]
    ) -> Callable[[], tuple[bytes, ...]]:
        """Open a file and return a function, for a thread, that reads parts of it.

        It is called once. It reads the file that has the name now, even if that is removed
        meanwhile, and raises StorageError if the disk fails.

        Args:
            name: of the file.
            ranges: (offset, length) of each part; what lies behind the end of the file is missing
                from what is returned.

        Raises:
            StorageError: the file cannot be opened.
        """
        path = self.folder / name
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise StorageError(f"log file {path} cannot be opened: {error}") from error
        return partial(_read_parts, path, descriptor, ranges)

    def create(self, name: str) -> None:
        """Create a file that does not exist; those before it are durable first, and then closed.

        So a power loss never takes the end of an older file and leaves a newer one, and the number
        of open files does not grow with the log.

        Raises:
            StorageError: it exists, or the disk fails.
        """
        self._sync_files(list(self._dirty))
        for older in list(self._descriptors):
            self._close_file(older)
        self._open(name, os.O_CREAT | os.O_EXCL)
        self._is_folder_dirty = True

    def append(self, name: str, chunks: Sequence[bytes]) -> None:
        """Append chunks to a file.

        Raises:
            StorageError: the disk is full, or fails.
        """
        descriptor = self._descriptor(name)
        self._dirty[name] = None
        try:
            for start in range(0, len(chunks), _IOV_MAX):
                piece = chunks[start : start + _IOV_MAX]
                written = os.writev(descriptor, piece)
                if written < sum([len(chunk) for chunk in piece]):
                    self._append_rest(descriptor, b"".join(piece)[written:])
        except OSError as error:
            raise StorageError(f"log file {self.folder / name}: write failed: {error}") from error

    def _append_rest(self, descriptor: int, rest: bytes) -> None:
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    def sync(self, names: Sequence[str]) -> None:
        """Make files, and the folder's list of files, durable. May be called from a thread.

        Raises:
            StorageError: the disk fails.
        """
        self._sync_files(names)

    def _sync_files(self, names: Sequence[str]) -> None:
        try:
            for name in names:
                self._sync_file(name)
            if self._is_folder_dirty:
                self._is_folder_dirty = False
                os.fsync(self._folder_descriptor)
        except OSError as error:
            raise StorageError(f"storage folder {self.folder}: sync failed: {error}") from error

    def _sync_file(self, name: str) -> None:
        with self._lock:  # the other thread may close the file meanwhile, and reuse its number
            self._dirty.pop(name, None)  # what is written from now on makes it dirty again
            descriptor = self._descriptors.get(name)
            if descriptor is None:
                return  # removed, or durable already
            own = os.dup(descriptor)
        try:
            os.fdatasync(own)
        finally:
            os.close(own)

    def _close_file(self, name: str) -> None:
        with self._lock:
            descriptor = self._descriptors.pop(name, None)
            if descriptor is not None:
                os.close(descriptor)

    def truncate(self, name: str, size: int) -> None:
        """Cut a file to `size` bytes, durably."""
        descriptor = self._descriptor(name)
        try:
            os.ftruncate(descriptor, size)
            os.fsync(descriptor)
        except OSError as error:
            raise StorageError(f"log file {self.folder / name}: cut failed: {error}") from error

    def remove(self, names: Sequence[str]) -> None:
        """Remove files, once all that was written to the others is durable.

        So a power loss never takes what made a file needless and leaves the file out. May be
        called from a thread.

        Raises:
            StorageError: the disk fails.
        """
        for name in names:
            self._dirty.pop(name, None)
        self._sync_files(list(self._dirty))
        for name in names:
            self._close_file(name)
            try:
                (self.folder / name).unlink(missing_ok=True)
            except OSError as error:
                text = f"log file {self.folder / name} cannot be removed: {error}"
                raise StorageError(text) from error
        self._is_folder_dirty = True

    def close(self) -> None:
        """Close every file and let go of the folder."""
        for name in list(self._descriptors):
            self._close_file(name)
        os.close(self._folder_descriptor)

    def _descriptor(self, name: str) -> int:
        descriptor = self._descriptors.get(name)
        return self._open(name, 0) if descriptor is None else descriptor

    def _open(self, name: str, flags: int) -> int:
        path = self.folder / name
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | flags, 0o640)
        except OSError as error:
            raise StorageError(f"log file {path} cannot be opened: {error}") from error
        self._descriptors[name] = descriptor
        return descriptor


def _sync_found(path: Path) -> int:
    """Make a file durable that somebody else wrote, and return its size."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def _read_parts(
    path: Path, descriptor: int, ranges: Sequence[tuple[int, int]]
) -> tuple[bytes, ...]:
    try:
        return tuple(_read_part(descriptor, *part) for part in ranges)
    except OSError as error:
        raise StorageError(f"log file {path}: read failed: {error}") from error
    finally:
        os.close(descriptor)


def _read_part(descriptor: int, offset: int, length: int) -> bytes:
    data = os.pread(descriptor, length, offset)
    if len(data) == length:
        return data
    parts = [data]
    while data and length - (read := sum(map(len, parts))) > 0:
        data = os.pread(descriptor, length - read, offset + read)
        parts.append(data)
    return b"".join(parts)
