"""Every kind of orphan is found, and what is whole passes."""

from __future__ import annotations

import dataclasses

import pytest

from tools.statements.chapters import Chapter, Statement
from tools.statements.coverage import Coverage

COUNT = 40
IDS = [f"A-{number}" for number in range(1, COUNT + 1)]
WHOLE = Coverage(
    chapters=[Chapter("a.md", tuple(Statement(each, "So it is.") for each in IDS), ("A-1",))],
    citations={each: ["broker/a.py"] for each in IDS},
    proofs={"BMQ-A-1": IDS[:20], "BMQ-A-2": IDS[20:], "BMQ-A-3": ()},
)


def with_statements(*statements: Statement) -> Coverage:
    """The whole, with further statements in a chapter of their own."""
    more = Chapter("b.md", statements)
    return dataclasses.replace(WHOLE, chapters=[*WHOLE.chapters, more])


def test_the_whole_passes() -> None:
    assert WHOLE.findings() == []
    assert WHOLE.share_proved == 1.0


def test_nothing_at_all_fails() -> None:
    assert [finding.partition(":")[0] for finding in Coverage([], {}, {}).findings()] == ["share"]


@pytest.mark.parametrize(
    ("coverage", "finding"),
    [
        (
            dataclasses.replace(WHOLE, citations={**WHOLE.citations, "A-99": ["b.py", "c.py"]}),
            "unknown-id: A-99, cited by b.py, c.py",
        ),
        (
            dataclasses.replace(WHOLE, proofs={**WHOLE.proofs, "BMQ-A-4": ("A-99",)}),
            "unknown-id: A-99, said to be proved by BMQ-A-4",
        ),
        (
            dataclasses.replace(WHOLE, chapters=[*WHOLE.chapters, Chapter("b.md", (), ("A-99",))]),
            "unknown-id: A-99, named by b.md",
        ),
        (
            dataclasses.replace(WHOLE, citations={each: ["a.py"] for each in IDS[1:]}),
            "not-enforced: A-1: no code cites it",
        ),
        (
            dataclasses.replace(WHOLE, proofs={"BMQ-A-1": IDS[1:]}),
            "not-proved: A-1: no case proves it, and it does not say why",
        ),
    ],
)
def test_a_planted_orphan_is_found(coverage: Coverage, finding: str) -> None:
    assert coverage.findings() == [finding]


def test_a_statement_may_say_why_nothing_proves_it() -> None:
    coverage = with_statements(Statement("B-1", "So it is.", "nobody can look"))
    assert coverage.findings() == ["not-enforced: B-1: no code cites it"]


def test_an_excuse_that_nothing_needs_is_stale() -> None:
    chapters = [Chapter("a.md", tuple(Statement(each, "So.", "no way") for each in IDS[:1]))]
    coverage = Coverage(chapters, {"A-1": ["a.py"]}, {"BMQ-A-1": ("A-1",)})
    assert coverage.findings() == ["stale-excuse: A-1: a case proves it, so it needs no excuse"]


@pytest.mark.parametrize(("excused", "is_enough"), [(2, True), (3, False)])
def test_excuses_count_as_not_proved(excused: int, *, is_enough: bool) -> None:
    statements = tuple(
        Statement(each, "So it is.", "no way" if number < excused else "")
        for number, each in enumerate(IDS)
    )
    coverage = Coverage(
        [Chapter("a.md", statements)], WHOLE.citations, {"BMQ-A-1": tuple(IDS[excused:])}
    )
    shares = [finding for finding in coverage.findings() if finding.startswith("share: 92.5%")]
    assert (coverage.findings() == []) is is_enough
    assert len(shares) == (not is_enough)


def test_ids_and_areas_are_unique() -> None:
    coverage = with_statements(Statement("A-1", "Again."), Statement("A-41", "Elsewhere."))
    found = [finding for finding in coverage.findings() if finding.startswith("form")]
    assert found == [
        "form: b.md: A-1 is used twice",
        "form: b.md: A-1 belongs to an area of a.md",
        "form: b.md: A-41 belongs to an area of a.md",
    ]


def test_the_table_counts_by_chapter() -> None:
    coverage = with_statements(Statement("B-1", "So it is."))
    rows = [line.split() for line in coverage.table().splitlines()]
    assert rows[1:] == [
        ["a.md", "40", "40", "40", "100.0%"],
        ["b.md", "1", "0", "0", "0.0%"],
        ["all", "41", "40", "40", "97.6%"],
    ]
