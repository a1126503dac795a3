"""Judge how far statements, code and cases go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tools.statements.chapters import Chapter, Statement

#: The share of the statements that cases must prove.
SHARE_PROVED_MIN: Final = 0.95


@dataclass(frozen=True, slots=True)
class Coverage:
    """Statements, and who names them.

    Attributes:
        chapters: with the statements.
        citations: files of the code, by the ids that they cite.
        proofs: ids of statements, by the id of the case that proves them.
    """

    chapters: Sequence[Chapter]
    citations: Mapping[str, Sequence[str]]
    proofs: Mapping[str, Sequence[str]]

    @property
    def statements(self) -> list[Statement]:
        """All statements, in their order."""
        return [statement for chapter in self.chapters for statement in chapter.statements]

    @property
    def proved_ids(self) -> frozenset[str]:
        """The ids that a case names as proved, known or not."""
        return frozenset(statement_id for ids in self.proofs.values() for statement_id in ids)

    @property
    def share_proved(self) -> float:
        """How much of the whole is proved, from 0 to 1."""
        statements = self.statements
        proved = self.proved_ids
        return sum(statement.id in proved for statement in statements) / max(len(statements), 1)

    def findings(self) -> list[str]:
        """Return what is forbidden, a line each, in a stable order."""
        lines = [*self._form(), *self._unknown(), *self._orphans()]
        if self.share_proved < SHARE_PROVED_MIN:
            text = f"share: {self.share_proved:.1%} of the statements are proved"
            lines.append(f"{text}, and {SHARE_PROVED_MIN:.0%} must be")
        return lines

    def _form(self) -> Iterator[str]:
        homes: dict[str, str] = {}
        seen: set[str] = set()
        for chapter in self.chapters:
            for statement in chapter.statements:
                if statement.id in seen:
                    yield f"form: {chapter.name}: {statement.id} is used twice"
                seen.add(statement.id)
                home = homes.setdefault(statement.area, chapter.name)
                if home != chapter.name:
                    yield f"form: {chapter.name}: {statement.id} belongs to an area of {home}"

    def _unknown(self) -> Iterator[str]:
        known = {statement.id for statement in self.statements}
        for chapter in self.chapters:
            for statement_id in chapter.cited:
                if statement_id not in known:
                    yield f"unknown-id: {statement_id}, named by {chapter.name}"
        for statement_id, files in sorted(self.citations.items()):
            if statement_id not in known:
                yield f"unknown-id: {statement_id}, cited by {', '.join(files)}"
        for case_id, ids in self.proofs.items():
            for statement_id in ids:
                if statement_id not in known:
                    yield f"unknown-id: {statement_id}, said to be proved by {case_id}"

    def _orphans(self) -> Iterator[str]:
        proved = self.proved_ids
        for statement in self.statements:
            if statement.id not in self.citations:
                yield f"not-enforced: {statement.id}: no code cites it"
            is_proved = statement.id in proved
            if not is_proved and not statement.excuse:
                yield f"not-proved: {statement.id}: no case proves it, and it does not say why"
            if is_proved and statement.excuse:
                yield f"stale-excuse: {statement.id}: a case proves it, so it needs no excuse"

    def table(self) -> str:
        """Return the coverage of each chapter and of all, as lines."""
        rows = [self._row(chapter.name, chapter.statements) for chapter in self.chapters]
        head = f"{'chapter':<24}{'statements':>11}{'enforced':>10}{'proved':>8}{'':>8}"
        return "\n".join([head, *rows, self._row("all", self.statements)])

    def _row(self, name: str, statements: Sequence[Statement]) -> str:
        proved_ids = self.proved_ids
        enforced = sum(statement.id in self.citations for statement in statements)
        proved = sum(statement.id in proved_ids for statement in statements)
        share = proved / max(len(statements), 1)
        return f"{name:<24}{len(statements):>11}{enforced:>10}{proved:>8}{share:>8.1%}"
