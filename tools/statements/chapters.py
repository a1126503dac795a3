"""Read the statements out of the chapters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reference_broker.base import OperatorError

#: `[FRAME-3]` or `[FRAME-3, PUT-7]`.
CITATION: Final = re.compile(r"\[([A-Z]+-[1-9][0-9]*(?:,\s+[A-Z]+-[1-9][0-9]*)*)\]")

_STATEMENT: Final = re.compile(r"(?:[-*] )?\*\*([A-Z]+-[1-9][0-9]*)\*\* (.+)", re.DOTALL)
_EXCUSE: Final = re.compile(r"\(not seen from outside: ([^()]+)\)\.?$")
#: Where a paragraph or an item of a list ends and the next one begins.
_BREAK: Final = re.compile(r"\n\s*\n|\n(?=[-*] )")
_FENCED: Final = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_OVERVIEW: Final = "README.md"


@dataclass(frozen=True, slots=True)
class Statement:
    """One promise.

    Attributes:
        id: such as FRAME-3.
        text: of one line.
        excuse: why no case can prove it; empty if one can.
    """

    id: str
    text: str
    excuse: str = ""

    @property
    def area(self) -> str:
        """The id without its number."""
        return self.id.partition("-")[0]


@dataclass(frozen=True, slots=True)
class Chapter:
    """One file.

    Attributes:
        name: of the file.
        statements: in their order.
        cited: ids that its text names in brackets.
    """

    name: str
    statements: tuple[Statement, ...]
    cited: tuple[str, ...] = ()


def read_chapters(folder: Path) -> list[Chapter]:
    """Return every chapter of a folder, in the order of their names.

    Raises:
        OperatorError: there is none.
    """
    paths = sorted(path for path in folder.glob("*.md") if path.name != _OVERVIEW)
    if not paths:
        raise OperatorError(f"{folder} has no chapters; give the root of a work tree")
    return [parse_chapter(path.name, path.read_text(encoding="utf-8")) for path in paths]


def parse_chapter(name: str, text: str) -> Chapter:
    """Return the chapter in a Markdown text; what is fenced as code does not count."""
    prose = _FENCED.sub("", text)
    statements = []
    for passage in _BREAK.split(prose):
        match = _STATEMENT.match(passage.strip())
        if match is not None:
            statements.append(_statement(match[1], " ".join(match[2].split())))
    return Chapter(name, tuple(statements), tuple(cited_ids(prose)))


def _statement(statement_id: str, text: str) -> Statement:
    excuse = _EXCUSE.search(text)
    if excuse is None:
        return Statement(statement_id, text)
    return Statement(statement_id, text[: excuse.start()].rstrip(), excuse[1])


def cited_ids(text: str) -> list[str]:
    """Return the ids that a text names in brackets, in their order."""
    return [
        statement_id
        for group in CITATION.findall(text)
        for statement_id in re.split(r",\s+", group)
    ]
