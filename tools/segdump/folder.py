"""What files of a log a folder holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from reference_broker.storage import FoundFiles, sort_files

#: More than any configuration may have: which partitions there are is in the names.
_PARTITIONS_MAX: Final = 65_536
_PATTERNS: Final = ("bmq_*.bmq_data", "bmq_*.bmq_journal", "bmq_csl_*.bmq_csl")


def find_files(folder: Path) -> FoundFiles:
    """Return the files of the log in a folder.

    Raises:
        OperatorError: one of them has a name that a broker gives to none.
        OSError: the folder cannot be read.
    """
    paths = [path for pattern in _PATTERNS for path in folder.glob(pattern)]
    return sort_files([(path.name, path.stat().st_size) for path in paths], _PARTITIONS_MAX)


def segment_paths(folder: Path) -> Iterator[Path]:
    """Yield the segments in a folder, each partition's in the order of the log; raises as above."""
    for files in find_files(folder).partitions:
        for file in files.segments.values():
            yield folder / file.name
