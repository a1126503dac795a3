"""A configuration folder on disk.

| file                                  | read by                             |
|---------------------------------------|-------------------------------------|
| `<etc>/bmqbrkrcfg.json`               | `load_broker`, every time           |
| `<etc>/clusters.json`                 | `load_clusters`, when it has changed|
| `<etc>/domains/<qualified name>.json` | `resolve_domain`, when it has changed|

A file counts as unchanged while its modification and change times, size and inode are the same. A
file that was modified in the last moments is never remembered: a second change within one tick of
the file system's clock would go unseen.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from reference_broker.config import (
    CONFIG_BYTES_MAX,
    BrokerConfig,
    ClustersConfig,
    ConfigError,
    ConfigFileError,
    DomainConfig,
    DomainNotFound,
    Redirect,
    parse_broker,
    parse_clusters,
    parse_domain,
)

_FILES_CACHED_MAX: Final = 10_000
_SETTLED_NS: Final = 1_000_000_000
# Without it, opening a named pipe that somebody put there would wait for a writer.
_OPEN_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)

_Signature: TypeAlias = tuple[int, int, int, int]
_T = TypeVar("_T")


class ConfigFolder:
    """Reads one configuration folder; not to be used by two threads at once.

    Args:
        path: the folder. It need not exist before the first question.
    """

    __slots__ = ("_clusters", "_domains", "path")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._clusters: dict[Path, tuple[_Signature, ClustersConfig]] = {}
        self._domains: dict[Path, tuple[_Signature, DomainConfig | Redirect]] = {}

    def load_broker(self) -> BrokerConfig:
        """Return the broker's own settings.

        Raises:
            ConfigError: the file is missing, unreadable or wrong.
        """
        return _load(self.path / "bmqbrkrcfg.json", parse_broker, {})

    def load_clusters(self) -> ClustersConfig:
        """Return the clusters.

        Raises:
            ConfigError: the file is missing, unreadable or wrong.
        """
        return _load(self.path / "clusters.json", parse_clusters, self._clusters)

    def resolve_domain(self, qualified_name: str) -> DomainConfig:
        """Return a domain that can be opened; a redirect is followed once.

        Args:
            qualified_name: with the tier if there is one. After a redirect the result has the name
                of the target.

        Raises:
            DomainNotFound: there is no file for the domain, or for the target of its redirect
                [OPEN-15]; it may be there the next time [FILE-4].
            ConfigError: a file is unreadable or wrong [FILE-9], the name is not a file name, a redirect
                leads to a redirect, or the domain's cluster is not one that this version can have.
        """
        variant = self._load_domain(qualified_name)
        file = self._domain_file(variant.name)
        if isinstance(variant, Redirect):
            target = variant.target
            if not _is_file_name(target):
                raise _bad_redirect(file, target, "must be the name of a domain")
            variant = self._load_domain(target)
            if isinstance(variant, Redirect):
                rule = "must be a domain with a definition: a redirect is followed once"
                raise _bad_redirect(file, target, rule)
            file = self._domain_file(target)
        clusters = self.load_clusters()
        try:
            clusters.check_placement(variant)
        except ConfigError as error:
            error.source = str(file)
            raise
        return variant

    def _load_domain(self, name: str) -> DomainConfig | Redirect:
        """Return what a domain's file says; the name is never a path [URI-6]."""
        if not _is_file_name(name):
            raise ConfigError("domain", name, "must be a name without path separators")
        file = self._domain_file(name)
        try:
            return _load(file, lambda raw: parse_domain(name, raw), self._domains)
        except _FileMissingError:
            self._domains.pop(file, None)
            raise DomainNotFound(str(file)) from None

    def _domain_file(self, name: str) -> Path:
        return self.path / "domains" / f"{name}.json"


class _FileMissingError(ConfigFileError):
    """The file is not there, as opposed to not readable."""


def _is_file_name(name: str) -> bool:
    return bool(name) and name.isprintable() and not any(part in name for part in ("/", "\\"))


def _bad_redirect(file: Path, target: str, rule: str) -> ConfigError:
    error = ConfigError("redirect", target, rule)
    error.source = str(file)
    return error


def _load(file: Path, parse: Callable[[bytes], _T], cache: dict[Path, tuple[_Signature, _T]]) -> _T:
    """Return the parsed file, from the cache if it has not changed since."""
    try:
        descriptor = os.open(file, _OPEN_FLAGS)
    except OSError as error:
        raise _unreadable(file, error) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigFileError(str(file), "it is not a regular file")
        signature = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
        cached = cache.get(file)
        if cached is not None and cached[0] == signature:
            return cached[1]
        cache.pop(file, None)
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            raw = stream.read(CONFIG_BYTES_MAX + 1)
    except OSError as error:
        raise _unreadable(file, error) from None
    finally:
        os.close(descriptor)
    try:
        parsed = parse(raw)
    except ConfigError as error:
        error.source = str(file)
        raise
    if time.time_ns() - status.st_mtime_ns > _SETTLED_NS:
        if len(cache) >= _FILES_CACHED_MAX:
            cache.pop(next(iter(cache)))
        cache[file] = (signature, parsed)
    return parsed


def _unreadable(file: Path, error: OSError) -> ConfigFileError:
    """Return the error to raise; a name that no file can have is of no file [URI-7]."""
    problem = error.strerror or str(error)
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
        return _FileMissingError(str(file), problem)
    return ConfigFileError(str(file), problem)
