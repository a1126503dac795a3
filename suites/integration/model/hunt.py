"""The machine against every seeded defect: which ones does it find, and how fast?

Each defect gets a process of its own, since a defect cannot be taken back. The machine is not told
where to look.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table

from suites.harness.defects import DEFECTS
from suites.integration.model.running import Outcome

#: How many defects the machine has to find, of those that there are.
FOUND_MIN: Final = 30
#: What a process may take beyond its time, in seconds: to start, and to end.
_GRACE_S: Final = 60.0
#: Failing programs are only made a little shorter.
_SHRINK_S: Final = 1.0
_FOUND: Final = True
_NOT_FOUND: Final = False


class Hunted(NamedTuple):
    """What became of one defect.

    Attributes:
        name: of the defect.
        room: of the broker.
        is_found: whether the machine noticed it.
        seconds: until it did, or for which it did not.
        acts: that were run, those that made the program shorter included.
        error: what was wrong, or why the machine did not run.
    """

    name: str
    room: str
    is_found: bool
    seconds: float
    acts: int
    error: str


def hunt(
    names: Sequence[str], *, target: str, seconds: float, seed: int, console: Console
) -> list[Hunted]:
    """Run the machine with each of the defects.

    Args:
        names: of the defects.
        target: what has them.
        seconds: for each.
        seed: of the first round of each.
        console: where to tell of each at once.
    """
    found: list[Hunted] = []
    for name in names:
        each = _hunt_one(name, target, seconds, seed)
        found.append(each)
        mark = "found" if each.is_found else "not found"
        text = f"{name}: {mark}, {each.seconds:.1f} s, {each.acts} acts: {each.error[:120]}"
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    return found


def _hunt_one(name: str, target: str, seconds: float, seed: int) -> Hunted:
    room = DEFECTS[name].room
    with tempfile.TemporaryDirectory(prefix="gauntlet-hunt-") as folder:
        result = Path(folder) / "result.json"
        words = ["--target", target, "--break", name, "--seconds", str(seconds)]
        words += ["--seed", str(seed), "--shrink", str(_SHRINK_S), "--result", str(result)]
        command = [sys.executable, "-m", "suites.integration.model", *words]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=seconds + _GRACE_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            # The broker hangs: virtual time has no other way to show it.
            return Hunted(name, room, _FOUND, seconds + _GRACE_S, 0, "the broker hangs")
        if not result.exists():
            reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:] or ["nothing"]
            return Hunted(
                name, room, _NOT_FOUND, 0.0, 0, f"exit code {done.returncode}: {reason[0]}"
            )
        outcome = msgspec.json.decode(result.read_bytes(), type=Outcome)
    if outcome.failure is None:
        return Hunted(name, room, _NOT_FOUND, outcome.seconds, outcome.steps, "")
    failure = outcome.failure
    return Hunted(name, room, _FOUND, failure.found_s, outcome.steps, failure.error)


def print_hunt(found: Sequence[Hunted], console: Console) -> None:
    """Print a table, by room."""
    table = Table("defect", "room", "found", "seconds", "acts", title="Seeded defects")
    for each in sorted(found, key=lambda hunted: (hunted.room, hunted.name)):
        mark = "yes" if each.is_found else "no"
        table.add_row(each.name, each.room, mark, f"{each.seconds:.1f}", str(each.acts))
    console.print(table)
    count = sum(each.is_found for each in found)
    console.print(f"{count} of {len(found)} defects found", highlight=False)
