"""Reports for the tests: one with every verdict in it, and makers of single parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from suites.harness.report import (
    Band,
    Case,
    Chart,
    Column,
    Matrix,
    Report,
    Series,
    SuiteResult,
    Table,
    Talk,
    TalkEntry,
    Verdict,
)

REPLAY = "gauntlet integration --case BMQ-PUT-7 --seed 17"

HOSTILE = (
    "<script>alert(1)</script> ]]> &amp; \"quoted\" 'too' \x00\x01\x1b[31mred\x1b[0m\x1b]0;title\x07 "
    "\ufffe\udc80 {{ 7 * 7 }} {% raw %} [bold]markup[/bold] \u202eevil \x9b2J"
)


def make_case(**changes: Any) -> Case:
    fields: dict[str, Any] = {
        "id": "BMQ-PUT-1",
        "suite": "integration",
        "title": "One message is acknowledged once",
        "verdict": Verdict.PASS,
        "duration_s": 0.25,
    }
    if changes.get("verdict") is Verdict.FAIL:
        fields |= {"reason": "it broke", "replay": REPLAY}
    elif "verdict" in changes and not changes["verdict"].is_passed:
        fields |= {"reason": "it did not run"}
    return Case(**(fields | changes))


def make_suite(*verdicts: Verdict, name: str = "integration") -> SuiteResult:
    cases = [
        make_case(id=f"C-{index}", suite=name, verdict=verdict)
        for index, verdict in enumerate(verdicts)
    ]
    return SuiteResult(name, tuple(cases), 1.0)


def make_report(*suites: SuiteResult) -> Report:
    return Report(
        title="gauntlet gate",
        target="reference",
        started_utc="2025-06-01T09:30:00Z",
        command="gauntlet gate --target reference",
        environment={"python": "3.11"},
        suites=suites,
    )


def make_column(target: str, *verdicts: Verdict, **changes: Any) -> Column:
    """Build a column whose cases are BMQ-PUT-1, BMQ-PUT-2 and so on."""
    cases = [
        make_case(id=f"BMQ-PUT-{number}", verdict=verdict, **changes)
        for number, verdict in enumerate(verdicts, 1)
    ]
    return Column(target, SuiteResult("integration", tuple(cases), 1.5))


def make_matrix(*columns: Column) -> Matrix:
    return Matrix(
        title="Integration suite",
        started_utc="2025-06-01T09:30:00Z",
        command="gauntlet integration --target a --target b",
        columns=columns,
        environment={"python": "3.11"},
        area_texts={"PUT": "messages on their way in"},
    )


def make_talk(name: str = "producer", began_ms: float = 0.0, **changes: Any) -> Talk:
    entry = TalkEntry(
        at_ms=1.25,
        direction=">",
        name="PUT",
        size=72,
        header={"length": "72", "type": "2"},
        messages=({"queueId": "3", "payload": "5 bytes: b'hello'"},),
        hex="0000004842020000",
    )
    heard = TalkEntry(at_ms=2.5, direction="<", name="ACK", size=36, hex="00000024")
    closed = TalkEntry(at_ms=3.0, direction="-", name="closed by us")
    fields: dict[str, Any] = {"entries": (entry, heard, closed)}
    return Talk(name=name, began_ms=began_ms, **(fields | changes))


def make_full_matrix() -> Matrix:
    """Build a matrix of two targets in which every verdict and a talk occur."""
    verdicts = tuple(Verdict)
    first = make_column("reference", *verdicts, talks=(make_talk(),), proves=("WIRE-PUT-1",))
    second = make_column(
        "bmqbrkr:/opt/bmq/bmqbrkr.tsk", *[Verdict.PASS] * len(verdicts), log="broker started"
    )
    return make_matrix(first, second)


def make_hostile_matrix() -> Matrix:
    """Build a matrix in which every free text is `HOSTILE`."""
    (suite,) = make_hostile_report().suites
    entry = TalkEntry(
        at_ms=0.0,
        direction=">",
        name=HOSTILE,
        header={HOSTILE: HOSTILE},
        messages=({HOSTILE: HOSTILE},),
        problem=HOSTILE,
        hex=HOSTILE,
    )
    remark = TalkEntry(at_ms=0.0, direction="-", name=HOSTILE)
    talk = Talk(name=HOSTILE, began_ms=0.0, entries=(entry, remark))
    changes: dict[str, Any] = {"talks": (talk,), "proves": (HOSTILE,), "log": HOSTILE}
    cases = tuple(replace(case, **changes) for case in suite.cases)
    column = Column(HOSTILE, replace(suite, cases=cases))
    return Matrix(
        title=HOSTILE,
        started_utc="2025-06-01T09:30:00Z",
        command=HOSTILE,
        columns=(column, replace(column, target=f"other {HOSTILE}")),
        environment={HOSTILE: HOSTILE},
        area_texts={case.id: HOSTILE for case in cases},
    )


def make_chart() -> Chart:
    seconds = tuple(float(index) for index in range(30))
    return Chart(
        "Rate and latency under a partition",
        (
            Series("acknowledged", "msg/s", tuple((x, 1000 + x) for x in seconds)),
            Series("p99", "ms", tuple((x, 3 + x % 5) for x in seconds)),
        ),
        (Band(8, 11, "partition"),),
    )


def make_full_report() -> Report:
    """Build four suites in which every verdict occurs, with a table and a chart."""
    integration = SuiteResult(
        "integration",
        (
            make_case(statement="A PUT is acknowledged.", expectation="One ACK."),
            make_case(
                id="BMQ-PUT-7",
                title="A wrong CRC is refused",
                verdict=Verdict.FAIL,
                reason="the message was acknowledged",
                details="Traceback: status is SUCCESS",
                replay=REPLAY,
                properties={"seed": 17, "p99_ms": 1.5, "status": "SUCCESS"},
            ),
            make_case(id="BMQ-SDK-1", verdict=Verdict.NON_STRICT, reason="another status"),
            make_case(id="BMQ-TLS-1", verdict=Verdict.NOT_APPLICABLE, reason="no tls"),
            make_case(id="BMQ-INFO-1", verdict=Verdict.INFORMATIONAL),
            make_case(id="BMQ-RUN-1", verdict=Verdict.NOT_RUN, reason="the target died"),
        ),
        12.5,
        notes=("the SDK is 1.2.2",),
    )
    chaos = SuiteResult(
        "chaos", (make_case(id="CHAOS-1", suite="chaos"),), 31.0, charts=(make_chart(),)
    )
    table = Table("Latency, ms", ("metric", "p50"), (("acknowledgement", "0.9"),))
    stress = SuiteResult(
        "stress", (make_case(id="STRESS-1", suite="stress"),), 10.0, tables=(table,)
    )
    fuzz = SuiteResult(
        "fuzz",
        (make_case(id="FUZZ-1", suite="fuzz", verdict=Verdict.ERROR, reason="no atheris"),),
        10.0,
    )
    return make_report(integration, chaos, stress, fuzz)


def make_hostile_report() -> Report:
    """Build a report in which every free text is `HOSTILE`."""
    cases = tuple(
        make_case(
            id=f"{verdict} {HOSTILE}",
            title=HOSTILE,
            verdict=verdict,
            statement=HOSTILE,
            expectation=HOSTILE,
            reason=HOSTILE,
            details=HOSTILE,
            replay="echo '<script>alert(2)</script> ]]>' && true",
            properties={HOSTILE: HOSTILE},
        )
        for verdict in Verdict
    )
    series = Series(HOSTILE, HOSTILE, ((0.0, 1.0), (1.0, 2.0)))
    suite = SuiteResult(
        "integration",
        cases,
        1.0,
        notes=(HOSTILE,),
        tables=(Table(HOSTILE, (HOSTILE,), ((HOSTILE,),)),),
        charts=(Chart(HOSTILE, (series,), (Band(0, 1, HOSTILE),)),),
    )
    return Report(
        title=HOSTILE,
        target=HOSTILE,
        started_utc="2025-06-01T09:30:00+00:00",
        command=HOSTILE,
        environment={HOSTILE: HOSTILE},
        suites=(suite,),
    )
