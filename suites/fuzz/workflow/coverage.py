"""Lines and branches of the broker that seeds and corpora reach, as HTML and in a few numbers.

Each target is measured in a process of its own, so that one which hangs costs only its own part.
Rooms that drive the broker (the process, sockets, the client) are no business of these targets and
are left out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coverage import Coverage
from coverage.exceptions import CoverageException, NoDataError

import reference_broker
from reference_broker.base import OperatorError
from suites.fuzz.engine import environment
from suites.fuzz.registry import Target

#: Rooms whose branches the seeds alone should reach.
AIMED_AT: Final = ("wire", "expr", "session")
#: Rooms that are shown.
ROOMS: Final = (
    *AIMED_AT,
    *("base", "config", "ports", "queue", "storage", "security", "admin", "core"),
)
#: One target may take so long, seeds and corpus together.
SECONDS_MAX: Final = 600.0

_ROOT: Final = Path(reference_broker.__file__).parent
_TAIL_CHARS: Final = 2_000
_NUMBERS: Final = ("num_statements", "covered_lines", "num_branches", "covered_branches")


@dataclass(frozen=True, slots=True)
class Reached:
    """What inputs reach of one room, or of one module.

    Attributes:
        name: of the room, or the path of the module inside the package.
        lines: statements, and those that were executed.
        branches: ways out of a decision, and those that were taken.
        modules: of a room.
    """

    name: str
    lines: tuple[int, int]
    branches: tuple[int, int]
    modules: tuple[Reached, ...] = ()

    @property
    def lines_percent(self) -> float:
        """Executed statements of 100."""
        return _percent(self.lines)

    @property
    def branches_percent(self) -> float:
        """Taken branches of 100."""
        return _percent(self.branches)


@dataclass(frozen=True, slots=True)
class Report:
    """What inputs reach, and where to read it.

    Attributes:
        rooms: in the order of `ROOMS`.
        index: the first page.
        inputs: that were run.
        problems: of targets that could not be measured, in a line each.
    """

    rooms: tuple[Reached, ...]
    index: Path
    inputs: int
    problems: tuple[str, ...]


def report(
    targets: Sequence[Target], corpora: Mapping[str, Path], out: Path, *, jobs: int
) -> Report:
    """Measure targets on their seeds and corpora, and write pages.

    Args:
        targets: which.
        corpora: folders of inputs beside the seeds, by the target's id.
        out: folder for the pages.
        jobs: processes at a time.

    Raises:
        OperatorError: nothing was measured, or the pages cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="gauntlet-coverage-") as name:
        work = Path(name)
        with ThreadPoolExecutor(jobs) as pool:
            done = list(pool.map(lambda target: _measure(target, corpora, work), targets))
        problems = tuple(problem for _, problem in done if problem)
        inputs = sum(count for count, _ in done)
        found = Coverage(
            data_file=work / "all.data",
            branch=True,
            include=[f"{_ROOT / room}/*" for room in ROOMS],
            omit=["*/tests/*"],
            config_file=False,
            messages=False,
        )
        try:
            found.combine([str(path) for path in sorted(work.glob("*.measured"))])
            found.html_report(directory=str(out), title="Reached by seeds and corpora")
            rooms = _rooms(found, work / "all.json")
        except (CoverageException, NoDataError, OSError) as error:
            said = "\n".join((str(error), *problems))
            raise OperatorError(f"there is no coverage to report: {said}") from error
    return Report(rooms, out / "index.html", inputs, problems)


def _measure(target: Target, corpora: Mapping[str, Path], work: Path) -> tuple[int, str]:
    """Run the child for one target; returns the number of inputs and the problem, if any."""
    seeds = work / f"{target.id}.seeds"
    seeds.mkdir()
    for number, data in enumerate(target.seeds().values()):
        (seeds / f"{number:06}").write_bytes(data)
    corpus = corpora.get(target.id)
    folders = [seeds, *([corpus] if corpus else [])]
    command = [sys.executable, "-m", "suites.fuzz.workflow.measure", target.module]
    command += ["--package", target.package, "--data", str(work / f"{target.id}.measured")]
    try:
        done = subprocess.run(
            [*command, *map(str, folders)],
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 0, f"{target.id} did not end within {SECONDS_MAX:.0f} s"
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace")[-_TAIL_CHARS:].strip()
        return 0, f"{target.id} ended with exit code {done.returncode}: {said}"
    return sum(1 for folder in folders for path in folder.iterdir() if path.is_file()), ""


def _rooms(found: Coverage, file: Path) -> tuple[Reached, ...]:
    """Add up what the library says of each module."""
    found.json_report(outfile=str(file))
    sums = {room: Counter[str]() for room in ROOMS}
    modules: dict[str, list[Reached]] = {room: [] for room in ROOMS}
    for path, said in json.loads(file.read_bytes())["files"].items():
        place = Path(path).resolve().relative_to(_ROOT)
        numbers = {name: said["summary"][name] for name in _NUMBERS}
        sums[place.parts[0]].update(numbers)
        modules[place.parts[0]].append(_made(str(place), numbers))
    return tuple(_made(room, sums[room], tuple(modules[room])) for room in ROOMS)


def _made(name: str, numbers: Mapping[str, int], modules: tuple[Reached, ...] = ()) -> Reached:
    lines = numbers["num_statements"], numbers["covered_lines"]
    branches = numbers["num_branches"], numbers["covered_branches"]
    return Reached(name, lines, branches, modules)


def _percent(numbers: tuple[int, int]) -> float:
    whole, part = numbers
    return 100 * part / whole if whole else 100.0
