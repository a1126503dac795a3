"""What was measured of seeded defects under the fuzz suite: a file of JSON, and a table for a page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

#: Instead of a target: the seeds reveal the defect before anything is mutated.
SEEDS: Final = "seed"


class Found(msgspec.Struct, frozen=True, omit_defaults=True):
    """How long a defect was looked for.

    Attributes:
        kind: of defect.
        target: that found it most often; `SEEDS`, or empty if none did.
        seconds: of CPU, after which a run gave up.
        with_mutator: seconds of CPU of each run; None for one that gave up.
        without: the same without the structure-aware mutator.
        innocent: inputs that crash without the defect, too, in hexadecimal digits.
    """

    kind: str
    target: str
    seconds: int
    with_mutator: tuple[float | None, ...]
    without: tuple[float | None, ...]
    innocent: list[str] = []

    def __str__(self) -> str:
        others = "".join(f"; {data} crashes without it, too" for data in self.innocent)
        return f"{self.target or 'nobody'}; {_times(self)}{others}"


def _times(found: Found) -> str:
    with_it, without = (
        " ".join("-" if each is None else f"{each:g}" for each in times)
        for times in (found.with_mutator, found.without)
    )
    return f"with the mutator {with_it}, without {without}"


def read_found(path: Path) -> dict[str, Found]:
    """Return what was measured, by defect; nothing if there is no such file."""
    if not path.exists():
        return {}
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Found])


def write_found(path: Path, known: Mapping[str, Found]) -> None:
    """Write down what was measured, a line for each defect."""
    lines = [
        f"{msgspec.json.encode(name).decode()}: {msgspec.json.encode(found).decode()}"
        for name, found in sorted(known.items())
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def table(known: Mapping[str, Found], names: Sequence[str]) -> str:
    """Return the rows of a page.

    Args:
        known: what was measured.
        names: of the defects to show, in this order.
    """
    lines = [
        "| defect | kind | target | with, median s | found | without, median s | found |",
        "|---|---|---|--:|--:|--:|--:|",
    ]
    for name in names:
        found = known.get(name)
        if found is None:
            lines.append(f"| `{name}` | | not measured | | | | |")
            continue
        target = found.target or "none"
        cells = [*_cells(found, found.with_mutator), *_cells(found, found.without)]
        lines.append(f"| `{name}` | {found.kind} | {target} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cells(found: Found, times: Sequence[float | None]) -> tuple[str, str]:
    """Return the median, for which a run that gave up took longer than any other; and who found it."""
    hits = sum(each is not None for each in times)
    middle = median([math.inf if each is None else each for each in times] or [math.inf])
    shown = f"{middle:.0f}" if math.isfinite(middle) else f"> {found.seconds}"
    return shown, f"{hits} of {len(times)}"
