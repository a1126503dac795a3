"""What was found, how it is told, and when it is enough."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from suites.fuzz.dump import annotated
from suites.fuzz.net.catalogue import Case

#: Cases before a finding that are named with it.
BEFORE_MAX: Final = 16
#: Digits of an input that are printed; its case replays it anyway.
_HEX_BYTES_MAX: Final = 4_096
#: What is kept of a log or a stack.
_DETAILS_CHARS_MAX: Final = 6_000
#: Where an object is in memory says nothing, and differs from one finding to the next.
_ADDRESS: Final = re.compile(r"\b0x[0-9a-f]{6,}\b")
#: Findings of a kind of message that differ, and in all; then the rest of the kind is left out.
_DIFFERENT_MAX: Final = 5
_OF_A_KIND_MAX: Final = 12


@dataclass(frozen=True, slots=True)
class Finding:
    """A case after which something is not as it must be.

    Attributes:
        case_id: of the case.
        kind: of the message.
        label: what was changed.
        what: what is wrong, in a line; findings with the same text are one.
        messages: what was sent.
        details: a stack, or the end of the target's log.
        before: ids of the cases that came before it, the last one last.
        with_others: ids of the cases without which it did not show; usually none.
    """

    case_id: str
    kind: str
    label: str
    what: str
    messages: tuple[bytes, ...]
    details: str = ""
    before: tuple[str, ...] = ()
    with_others: tuple[str, ...] = ()


def finding_of(
    case: Case,
    what: str,
    details: str = "",
    before: Sequence[str] = (),
    with_others: Sequence[str] = (),
) -> Finding:
    """Return a finding of a case; long texts are cut."""
    return Finding(
        case.id,
        case.kind,
        case.label,
        _ADDRESS.sub("0x...", what),
        case.messages,
        details[-_DETAILS_CHARS_MAX:],
        tuple(before[-BEFORE_MAX:]),
        tuple(with_others),
    )


class Findings:
    """The findings of a run: the first of each sort, and how many there were."""

    def __init__(self, kept: Sequence[Finding] = ()) -> None:
        self.kept = list(kept)
        self._counts = Counter(finding.kind for finding in kept)

    @property
    def count(self) -> int:
        """How many there were, those included that were like another one."""
        return self._counts.total()

    def add(self, finding: Finding) -> bool:
        """Note a finding; returns whether there was none like it."""
        self._counts[finding.kind] += 1
        if any((old.kind, old.what) == (finding.kind, finding.what) for old in self.kept):
            return False
        self.kept.append(finding)
        return True

    def of(self, kind: str) -> list[Finding]:
        """Return those of a kind."""
        return [finding for finding in self.kept if finding.kind == kind]

    def is_enough(self, kind: str) -> bool:
        """Whether more of a kind would tell nothing."""
        return len(self.of(kind)) >= _DIFFERENT_MAX or self._counts[kind] >= _OF_A_KIND_MAX


def told(finding: Finding, command: str) -> str:
    """Return a finding in lines.

    Args:
        finding: the finding.
        command: what repeats it.
    """
    data = b"".join(finding.messages)
    digits = data[:_HEX_BYTES_MAX].hex() + ("..." if len(data) > _HEX_BYTES_MAX else "")
    lines = [
        f"{finding.case_id}: {finding.what}",
        f"Changed: {finding.label}",
        f"Replay: {command}",
        f"Input: {digits}",
        annotated(data),
    ]
    if finding.with_others:
        lines.append(f"It did not show alone, but behind: {' '.join(finding.with_others)}")
    if finding.before:
        lines.append(f"Cases before it: {' '.join(finding.before)}")
    if finding.details:
        lines.append(finding.details)
    return "\n".join(lines)
