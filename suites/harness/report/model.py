"""The verdict model: what a run of the suites found, as values.

A suite makes `Case`s and wraps them in a `SuiteResult`; a command wraps those in a `Report`. The
writers (`html`, `junit`, `console`) only read them.

| verdict of a case | meaning                                                  | the suite becomes  |
|-------------------|----------------------------------------------------------|--------------------|
| `FAIL`            | the target broke what the case states                    | `FAIL`             |
| `ERROR`           | the case could not run                                   | `ERROR`            |
| `NOT_RUN`         | the case was due, and the run ended before it            | `ERROR`            |
| `NON_STRICT`      | tolerable, and not what the statement asks               | `NON_STRICT`       |
| `PASS`            | as stated                                                | `PASS`             |
| `INFORMATIONAL`   | observed; the protocol leaves it open                    | `INFORMATIONAL`    |
| `NOT_APPLICABLE`  | the target lacks what the case needs                     | `NOT_APPLICABLE`   |

The first row that matches any case decides, so a failure that was seen is never hidden by
something that could not run. A suite without cases is an `ERROR`, and a report in which no case
passed or failed is one too: a check that asserts nothing is a defect.

A model that breaks its own rules is a fault of the suite that built it (`AssertionError`); a
report file that does is the operator's (`OperatorError`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Literal, TypeAlias

import msgspec

from reference_broker.base import OperatorError
from suites.harness.report.talk import Talk
from suites.harness.report.text import plural

FORMAT_VERSION = 1
"""Of `report.json`; it grows when a reader of the old shape would misread the new one."""

Outcome: TypeAlias = Literal["pass", "fail", "error"]
"""Of a whole run."""

EXIT_CODES: Mapping[Outcome, int] = {"pass": 0, "fail": 1, "error": 2}

SUITE_NAMES = ("integration", "chaos", "stress", "fuzz")

REPLAY_CHARS_MAX = 8_192
PLOT_VALUE_MAX = 1e18


class Verdict(StrEnum):
    """What a case found, or why it found nothing."""

    PASS = "pass"
    NON_STRICT = "non-strict"
    INFORMATIONAL = "informational"
    NOT_APPLICABLE = "not-applicable"
    FAIL = "fail"
    NOT_RUN = "not-run"
    ERROR = "error"

    @property
    def label(self) -> str:
        """The words a person reads."""
        return LABELS[self]

    @property
    def is_passed(self) -> bool:
        """True if the case ran and nothing in it makes the run red."""
        return self in {Verdict.PASS, Verdict.NON_STRICT, Verdict.INFORMATIONAL}

    @property
    def is_bad(self) -> bool:
        """True if the case makes the run red: a failure, or something that could not run."""
        return self in {Verdict.FAIL, Verdict.ERROR, Verdict.NOT_RUN}


LABELS: Mapping[Verdict, str] = {
    Verdict.PASS: "Pass",
    Verdict.NON_STRICT: "Non-strict",
    Verdict.INFORMATIONAL: "Informational",
    Verdict.NOT_APPLICABLE: "Not applicable",
    Verdict.FAIL: "Fail",
    Verdict.NOT_RUN: "Not run",
    Verdict.ERROR: "Could not run",
}

SEVERITY = (
    Verdict.FAIL,
    Verdict.ERROR,
    Verdict.NOT_RUN,
    Verdict.NON_STRICT,
    Verdict.PASS,
    Verdict.INFORMATIONAL,
    Verdict.NOT_APPLICABLE,
)
"""Worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One statement put to one target.

    Attributes:
        id: stable and unique within its suite: `BMQ-PUT-7`.
        suite: one of `SUITE_NAMES`.
        title: one line.
        verdict: what was found.
        duration_s: how long it took, in seconds.
        statement: the sentence of the protocol or behaviour that the case checks.
        proves: ids of the statements of the protocol's description that the case proves.
        expectation: what a right target does, in words.
        reason: one line, why the case did not simply pass; needed unless `verdict.is_passed`.
        details: any length: a traceback, a witness, decoded frames.
        log: the end of what the target logged.
        talks: what went over the wire, decoded, if it was asked for.
        replay: the one-line shell command that runs this case again; a failure needs one.
        properties: named facts: a seed, a count, a percentile.

    Raises:
        AssertionError: a rule above is broken; the message names the case and the field.
    """

    id: str
    suite: str
    title: str
    verdict: Verdict
    duration_s: float
    statement: str = ""
    expectation: str = ""
    reason: str = ""
    details: str = ""
    replay: str = ""
    properties: Mapping[str, str | float | int] = field(default_factory=dict)
    proves: tuple[str, ...] = ()
    log: str = ""
    talks: tuple[Talk, ...] = ()

    def __post_init__(self) -> None:
        where = f"case {self.id!r} of suite {self.suite!r}"
        assert self.id.strip(), f"{where}: the id is empty"
        assert self.suite in SUITE_NAMES, f"{where}: the suite is none of {SUITE_NAMES}"
        assert self.title.strip(), f"{where}: the title is empty"
        _check_duration(where, self.duration_s)
        explained = self.verdict.is_passed or self.reason.strip()
        assert explained, f"{where}: the verdict is {self.verdict} but the reason is empty"
        replayable = self.verdict is not Verdict.FAIL or self.replay.strip()
        assert replayable, f"{where}: it failed but no replay command is given"
        assert self.replay.isprintable(), f"{where}: replay {self.replay!r} is not one line of text"
        assert len(self.replay) <= REPLAY_CHARS_MAX, (
            f"{where}: the replay has {len(self.replay)} characters but at most "
            f"{REPLAY_CHARS_MAX} are allowed; put the input into a file"
        )
        for name, value in self.properties.items():
            legal = type(value) in {str, int, float} and (
                not isinstance(value, float) or math.isfinite(value)
            )
            assert legal, f"{where}: property {name!r} is {value!r}, no string or finite number"


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a plot.

    Attributes:
        name: for the legend.
        unit: of the values: `ms`, `msg/s`. Series of one unit share an axis.
        points: (seconds since the start, value), in any order.

    Raises:
        AssertionError: a number is not finite or beyond `PLOT_VALUE_MAX`.
    """

    name: str
    unit: str
    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        for point in self.points:
            _check_plottable(f"series {self.name!r}", point)


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of a plot during which a fault was on, in seconds since the start.

    Raises:
        AssertionError: a number is not finite, or the band ends before it starts.
    """

    start_s: float
    end_s: float
    label: str

    def __post_init__(self) -> None:
        _check_plottable(f"band {self.label!r}", (self.start_s, self.end_s))
        assert self.start_s <= self.end_s, (
            f"band {self.label!r} ends at {self.end_s} s, before its start at {self.start_s} s"
        )


@dataclass(frozen=True, slots=True)
class Chart:
    """Values over seconds, with the faults that were on meanwhile."""

    title: str
    series: tuple[Series, ...]
    bands: tuple[Band, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text; every row has as many cells as there are columns.

    Raises:
        AssertionError: a row has another number of cells.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        for index, row in enumerate(self.rows):
            assert len(row) == len(self.columns), (
                f"table {self.title!r}: row {index} has {len(row)} cells but there are "
                f"{len(self.columns)} columns"
            )


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """What one suite found.

    Attributes:
        name: one of `SUITE_NAMES`.
        cases: in the order of the run.
        duration_s: wall time of the suite, in seconds.
        notes: what a reader should know: which fault proxy ran, which seed was drawn.
        tables: measurements.
        charts: measurements over time.

    Raises:
        AssertionError: a case belongs to another suite, or two cases share an id.
    """

    name: str
    cases: tuple[Case, ...]
    duration_s: float
    notes: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()

    def __post_init__(self) -> None:
        assert self.name in SUITE_NAMES, f"suite {self.name!r} is none of {SUITE_NAMES}"
        _check_duration(f"suite {self.name!r}", self.duration_s)
        for case in self.cases:
            assert case.suite == self.name, (
                f"case {case.id!r} of suite {case.suite!r} is reported under {self.name!r}"
            )
        _check_unique(f"suite {self.name!r}: case id", (case.id for case in self.cases))

    @property
    def totals(self) -> dict[Verdict, int]:
        """How many cases have each verdict, worst first, zeros included."""
        return count_verdicts(self.cases)

    @property
    def verdict(self) -> Verdict:
        """The worst of the cases; `ERROR` if one was not run or there is none."""
        verdicts = {case.verdict for case in self.cases}
        worst = next((verdict for verdict in SEVERITY if verdict in verdicts), Verdict.ERROR)
        return Verdict.ERROR if worst is Verdict.NOT_RUN else worst

    @property
    def problem(self) -> str:
        """Why the suite as a whole is an error although no case says so; usually empty."""
        return "" if self.cases else "the suite ran no case, so it has shown nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run of one command against one target.

    Attributes:
        title: one line.
        target: what was tested: `reference`, `external:127.0.0.1:30114`.
        started_utc: ISO 8601 with an offset of zero: `2025-01-31T12:00:00Z`.
        command: the shell command that repeats the run.
        environment: named facts about the machine and the versions.
        suites: in the order of the run, each name at most once.

    Raises:
        AssertionError: the start is no UTC time, or a suite is there twice.
    """

    title: str
    target: str
    started_utc: str
    command: str
    environment: Mapping[str, str]
    suites: tuple[SuiteResult, ...]

    def __post_init__(self) -> None:
        assert _is_utc(self.started_utc), (
            f"report: started_utc is {self.started_utc!r} but must be ISO 8601 in UTC"
        )
        _check_unique("report: suite", (suite.name for suite in self.suites))

    @property
    def cases(self) -> tuple[Case, ...]:
        """Every case of every suite."""
        return tuple(case for suite in self.suites for case in suite.cases)

    @property
    def totals(self) -> dict[Verdict, int]:
        """How many cases have each verdict, worst first, zeros included."""
        return count_verdicts(self.cases)

    @property
    def duration_s(self) -> float:
        """The suites' wall time together, in seconds."""
        return sum(suite.duration_s for suite in self.suites)

    @property
    def verdict(self) -> Outcome:
        """`fail` if any case failed, else `error` if anything could not run, else `pass`."""
        verdicts = {suite.verdict for suite in self.suites}
        if Verdict.FAIL in verdicts:
            return "fail"
        judged = verdicts & {Verdict.PASS, Verdict.NON_STRICT}
        return "error" if Verdict.ERROR in verdicts or not judged else "pass"

    @property
    def exit_code(self) -> int:
        """0 passed, 1 failed, 2 could not run."""
        return EXIT_CODES[self.verdict]

    @property
    def summary(self) -> str:
        """The outcome in a line: `31 cases in 4 suites: 1 fail, 30 pass`."""
        counts = [
            f"{count:,} {verdict.label.lower()}" for verdict, count in self.totals.items() if count
        ]
        text = f"{plural(len(self.cases), 'case')} in {plural(len(self.suites), 'suite')}"
        return f"{text}: {', '.join(counts)}" if counts else text


def count_verdicts(cases: Iterable[Case]) -> dict[Verdict, int]:
    """Count the cases of each verdict, worst first, zeros included."""
    counts = dict.fromkeys(SEVERITY, 0)
    for case in cases:
        counts[case.verdict] += 1
    return counts


def to_json(report: Report) -> bytes:
    """Encode a report as indented UTF-8 JSON.

    The object holds the report's fields and, for readers that only want the outcome, `format`,
    `verdict`, `exit_code` and `totals`. Lone surrogates, which UTF-8 cannot carry, become escapes.
    """
    summary = {
        "format": FORMAT_VERSION,
        "verdict": report.verdict,
        "exit_code": report.exit_code,
        "totals": {str(verdict): count for verdict, count in report.totals.items()},
    }
    return encode_document(summary | msgspec.to_builtins(report))


def encode_document(document: Mapping[str, object], *, indent: int = 2) -> bytes:
    """Encode builtins as UTF-8 JSON; lone surrogates become escapes, a negative indent no lines."""
    data = msgspec.json.encode(_without_surrogates(document))
    return msgspec.json.format(data, indent=indent) + b"\n"


def from_json(data: bytes) -> Report:
    """Decode what `to_json` wrote.

    Raises:
        OperatorError: it is no report, or one of another format.
    """
    try:
        header = msgspec.json.decode(data, type=_Header)
        if header.format != FORMAT_VERSION:
            raise OperatorError(
                f"report format is {header.format} but this version reads {FORMAT_VERSION}; "
                "run the command again to write a new report"
            )
        return msgspec.json.decode(data, type=Report)
    except (msgspec.MsgspecError, UnicodeDecodeError, AssertionError) as error:
        raise OperatorError(f"this is no report that `gauntlet` wrote: {error}") from error


class _Header(msgspec.Struct):
    format: int


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_surrogates(item) for item in value]
    return value


def _check_duration(where: str, duration_s: float) -> None:
    legal = math.isfinite(duration_s) and duration_s >= 0
    assert legal, f"{where}: the duration is {duration_s} s but must be finite and at least 0"


def _check_plottable(where: str, point: tuple[float, float]) -> None:
    # The comparison is false for NaN, too.
    legal = all(abs(number) <= PLOT_VALUE_MAX for number in point)
    assert legal, f"{where}: {point} is not plottable; the limit is {PLOT_VALUE_MAX:g}"


def _check_unique(what: str, names: Iterable[str]) -> None:
    for left, right in pairwise(sorted(names)):
        assert left != right, f"{what} {left!r} is there twice"


def _is_utc(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).utcoffset() == timedelta(0)
    except ValueError:
        return False
