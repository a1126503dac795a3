"""From crashes to findings: one for each stack, as small as possible, in a folder that says it all.

::

    fuzz-crashes/FUZZ-PUTS-0a1b2c3d4e/
        input          the bytes
        input.hex      the same to read, and for `--input hex:...`
        dump.txt       what they say
        stack.txt      where it crashes; the first line tells it from other crashes
        command.txt    runs the input again
        test_FUZZ_PUTS_0a1b2c3d4e.py    a test that fails until that is mended

A hang, or an input that eats the memory, is kept as it was found: to make one smaller, it would have
to hang again and again. It has no stack to compare, so each is a finding of its own.
"""

from __future__ import annotations

import json
import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reference_broker.base import OperatorError
from suites.fuzz.children import Children
from suites.fuzz.core.program import decode, listing
from suites.fuzz.dump import annotated, plain
from suites.fuzz.engine import Crash, grammar_arguments, grammar_of, run_child
from suites.fuzz.mutator import describe
from suites.fuzz.registry import CORE, Target
from suites.fuzz.run_target import digest_of
from suites.fuzz.suite import gist, naming
from suites.fuzz.workflow.minimise import SECONDS_MAX
from suites.fuzz.workflow.regression import file_name, regression_test
from suites.harness.target import TargetSpec

CRASH: Final = "crash"
#: Of the digest of an input, in names.
DIGEST_CHARS: Final = 10

_STARTING_SECONDS_MAX: Final = 60.0
_SIGNATURE: Final = "signature: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One way to crash a target.

    Attributes:
        kind: `crash`, `hang`, `out of memory` or `leak`.
        data: the smallest input that is known to do it.
        stack: the traceback; empty if the plain function ended well.
        signature: what tells it from other findings.
        found_bytes: size of the input with which it was found.
        alike: inputs that did the same.
        executions: spent on making it smaller.
    """

    kind: str
    data: bytes
    stack: str
    signature: str
    found_bytes: int
    alike: int = 1
    executions: int = 0

    @property
    def digest(self) -> str:
        """What names it."""
        return digest_of(self.data)[:DIGEST_CHARS]


def triage(
    target: Target,
    crashes: Sequence[Crash],
    *,
    defect: str = "",
    children: Children | None = None,
) -> tuple[Finding, ...]:
    """Return what was found: one for each stack, minimised.

    Args:
        target: which crashed.
        crashes: inputs that do it.
        defect: seeded defect under which they do.
        children: where the process can be ended from.

    Raises:
        OperatorError: the process cannot be started, or `children` was ended.
    """
    waiting = {f"{n:04}": crash for n, crash in enumerate(crashes)}
    findings: dict[str, Finding] = {}
    plain_crashes = {
        n: crash for n, crash in waiting.items() if crash.kind == CRASH and crash.stack
    }
    for line in _shrunk(target, plain_crashes, defect, children):
        names = line["alike"]
        first = waiting[line["name"]]
        for name in names:
            del waiting[name]
        findings[line["name"]] = Finding(
            kind=CRASH,
            data=bytes.fromhex(line["data"]),
            stack=line["stack"],
            signature=line["signature"],
            found_bytes=len(first.data),
            alike=len(names),
            executions=line["executions"],
        )
    for name, crash in waiting.items():  # those that cannot be made smaller
        findings[name] = Finding(
            kind=crash.kind,
            data=crash.data,
            stack=crash.stack,
            signature=f"{crash.kind} {digest_of(crash.data)}",
            found_bytes=len(crash.data),
        )
    return tuple(findings[name] for name in sorted(findings))


def _shrunk(
    target: Target, crashes: dict[str, Crash], defect: str, children: Children | None
) -> list[dict[str, Any]]:
    """Return what the child says: a line for each kind of crash that it could make smaller."""
    if not crashes:
        return []
    with tempfile.TemporaryDirectory(prefix="gauntlet-triage-") as name:
        for number, crash in crashes.items():
            Path(name, number).write_bytes(crash.data)
        child = run_child(
            target,
            [*grammar_arguments(target), "--minimise", name],
            defect=defect,
            seconds=_STARTING_SECONDS_MAX + SECONDS_MAX * len(crashes),
            children=children,
        )
    return [json.loads(line) for line in child.log.splitlines() if line.startswith('{"name":')]


# Folders.


def save(target: Target, finding: Finding, folder: Path, spec: TargetSpec) -> tuple[Path, bool]:
    """Write the folder of a finding, unless there is one of the same stack.

    Args:
        target: which crashed.
        finding: how.
        folder: for all findings.
        spec: with the seeded defect under which it was found.

    Returns:
        The finding's folder, and whether it is new.

    Raises:
        OperatorError: it cannot be written.
    """
    known = _known(target, finding, folder)
    if known:
        return known, False
    place = folder / f"{target.id}-{finding.digest}"
    try:
        place.mkdir(parents=True, exist_ok=True)
        (place / "input").write_bytes(finding.data)
        for name, text in _texts(target, finding, place, spec).items():
            (place / name).write_text(f"{text.rstrip()}\n", "utf-8")
    except OSError as error:
        raise OperatorError(
            f"the finding cannot be written to {place}: {error}; its input is {finding.data.hex()}"
        ) from error
    return place, True


def _known(target: Target, finding: Finding, folder: Path) -> Path | None:
    wanted = f"{_SIGNATURE}{finding.signature}"
    for path in sorted(folder.glob(f"{target.id}-*/stack.txt")):
        with path.open(encoding="utf-8", errors="replace") as file:
            if file.readline().rstrip("\n") == wanted:
                return path.parent
    return None


def _texts(target: Target, finding: Finding, place: Path, spec: TargetSpec) -> dict[str, str]:
    said = gist(finding.stack) or "the plain function ended well on this input"
    sizes = f"{len(finding.data)} bytes, found with {finding.found_bytes}"
    texts = {
        "input.hex": finding.data.hex(),
        "dump.txt": f"{target.id}: {finding.kind}: {said}\n{sizes}\n\n{dump(target, finding.data)}",
        "stack.txt": f"{_SIGNATURE}{finding.signature}\n\n{finding.stack or said}",
        "command.txt": command_for(target, place / "input", spec),
    }
    if finding.stack:
        text = regression_test(
            target, finding.data, gist=said, defect=spec.defect, digest=finding.digest
        )
        texts[file_name(target, finding.digest)] = text
    return texts


def command_for(target: Target, path: Path, spec: TargetSpec) -> str:
    """Return the command that runs an input again."""
    return f"gauntlet fuzz {spec.arguments} {naming(target)} --input {shlex.quote(str(path))}"


def dump(target: Target, data: bytes) -> str:
    """Return what an input says, as far as its grammar is known."""
    grammar = grammar_of(target)
    if grammar.partition("+")[0] == "stream":
        return annotated(data, target.prefix_bytes)
    lines = [plain(data)]
    if target is CORE:
        lines += listing(decode(data))
    elif grammar:
        lines += describe(data, grammar)
    return "\n".join(lines)
