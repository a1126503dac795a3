"""Log files on a disk: append, sync, truncate, remove, read back.

Writes go to the page cache at once, in the caller's thread: a copy of some kilobytes. Syncs are
slow and go to a thread; while one runs, those that come together share the next (group commit).
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from reference_broker.base import OperatorError

#: Buffers that one writev takes on every system that we know.
_IOV_MAX = 512


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

    def read_all(self) -> tuple[tuple[str, bytes], ...]:
        """Return (name, content) of every log file, sorted by name, which is by age.

        Raises:
            StorageError: a file cannot be read.
        """
        try:
            names = sorted(path.name for path in self.folder.glob("*.log"))
            return tuple((name, (self.folder / name).read_bytes()) for name in names)
        except OSError as error:
            raise StorageError(f"storage folder {self.folder} cannot be read: {error}") from error

    def create(self, name: str) -> None:
        """Create a file that does not exist; those before it are durable first, and then closed.

        So a power loss never takes the end of an older file and leaves a newer one, and the number
        of open files does not grow with the log.
        """
        for older in list(self._descriptors):
            self._sync_file(older)
            self._close_file(older)
        self._open(name, os.O_CREAT | os.O_EXCL)
        self._is_folder_dirty = True

    def append(self, name: str, chunks: Sequence[bytes]) -> None:
        """Append chunks to a file.

        Raises:
            StorageError: the disk is full, or fails.
        """
        descriptor = self._descriptor(name)
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

    def remove(self, name: str) -> None:
        """Remove a file."""
        self._close_file(name)
        with contextlib.suppress(FileNotFoundError):
            (self.folder / name).unlink()
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
