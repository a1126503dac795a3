"""How many files the process may have open: each connection is one."""

from __future__ import annotations

import contextlib


def allow_many_files() -> None:
    """Raise the limit as far as we may."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 - absent on Windows

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def open_files_max() -> int | None:
    """Return the limit; None if there is none, or none that can be asked for."""
    try:
        import resource  # noqa: PLC0415 - absent on Windows
    except ImportError:
        return None
    files_max, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if files_max == resource.RLIM_INFINITY else files_max
