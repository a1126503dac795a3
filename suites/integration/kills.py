"""The kill matrix: which cases each seeded defect turns red, as `tools.score` has measured it.

`kills.json` has a line for each defect of `suites.harness.defects`, in the order of the catalogue.
Ids are written by area, with ranges of numbers, so that a difference can be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

PATH: Final = Path(__file__).parent / "kills.json"
#: How many of a defect's cases are noted as the quickest ones.
QUICKEST_MAX: Final = 2

_ID: Final = re.compile(r"BMQ-([A-Z]+)-([0-9]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """What one defect does to the suite.

    Attributes:
        areas: of the suite that were run against it to their end.
        seconds: that the quickest of its cases took to turn red.
        quickest: the ids of those that turned red soonest.
        cases: numbers of all cases that turned red, by area: `1 3-5`.
    """

    areas: tuple[str, ...]
    seconds: float
    quickest: tuple[str, ...]
    cases: Mapping[str, str]

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all cases that turned red."""
        return tuple(
            f"BMQ-{area}-{number}" for area, text in self.cases.items() for number in _numbers(text)
        )


def area_of(case_id: str) -> str:
    """Return the area in a case's id."""
    match = _ID.fullmatch(case_id)
    assert match is not None, case_id
    return match[1]


def by_area(ids: Iterable[str]) -> dict[str, str]:
    """Return the numbers of cases by area, as text with ranges, in a stable order."""
    found: dict[str, set[int]] = {}
    for case_id in ids:
        match = _ID.fullmatch(case_id)
        assert match is not None, case_id
        found.setdefault(match[1], set()).add(int(match[2]))
    return {area: _ranges(sorted(found[area])) for area in sorted(found)}


def _ranges(numbers: list[int]) -> str:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return " ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def _numbers(text: str) -> list[int]:
    found: list[int] = []
    for word in text.split():
        first, _, last = word.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return found


def read_kills(path: Path = PATH) -> dict[str, Kill]:
    """Return what was measured, by defect; nothing if there is no file.

    Raises:
        msgspec.MsgspecError: the file is not of this form.
    """
    if not path.exists():
        return {}
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Kill])


def write_kills(kills: Mapping[str, Kill], path: Path = PATH) -> None:
    """Write what was measured, a line for each defect."""
    lines = [f"{msgspec.json.encode(n).decode()}: {_line(kill)}" for n, kill in kills.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _line(kill: Kill) -> str:
    return msgspec.json.encode(kill).decode()
