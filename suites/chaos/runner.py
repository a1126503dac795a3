"""Run cases against a target, and say what was found."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from toxiproxy.proxy import Proxy

from reference_broker.base import OperatorError
from suites.chaos.cases import ChaosCase
from suites.chaos.nemesis import NemesisError
from suites.chaos.recorder import Recorder
from suites.chaos.run import Run
from suites.chaos.schedule import LINKS
from suites.harness.checkers import AnomalyKind, CheckResult
from suites.harness.history import HistoryWriter
from suites.harness.report import Case, Chart, SuiteResult, Verdict
from suites.harness.target import Capability, Target, TargetError, TargetSpec
from suites.harness.toxiproxy import ToxiproxyServer

SUITE: Final = "chaos"
#: Of a broker that is configured here. Ten may be missed, so a dead link is noticed in a second.
HEARTBEAT_MS: Final = 100
#: Everything beside the load: a run that takes longer hangs.
OVERHEAD_SECONDS_MAX: Final = 90.0
#: One of BlazingMQ's samples: where a broker that runs already has a queue for us.
SAMPLE_DOMAIN: Final = "bmq.test.mem.priority"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says.

    Attributes:
        target: the broker.
        seed: of everything random.
        seconds: of load, per case.
        toxiproxy: which server.
        histories: the folder where histories stay; None to keep none.
    """

    target: TargetSpec
    seed: int = 1
    seconds: float = 4.0
    toxiproxy: Literal["auto", "real", "own"] = "auto"
    histories: Path | None = None

    def replay(self, case: ChaosCase) -> str:
        """Return the command that runs a case again."""
        settings = f"--seed {self.seed} --seconds {self.seconds:g}"
        if self.toxiproxy != "auto":
            settings += f" --toxiproxy {self.toxiproxy}"
        return f"gauntlet chaos {self.target.arguments} {settings} --case {case.id}"


def run_suite(
    options: Options, cases: Sequence[ChaosCase], show: Callable[[Case], None]
) -> SuiteResult:
    """Run cases one after the other.

    If one cannot even begin, because there is no target or no proxy, those after it are not run.

    Args:
        options: what the command line says.
        cases: which; at least one.
        show: called with the result of each.
    """
    started = time.monotonic()
    results: list[Case] = []
    charts: list[Chart] = []
    notes = [f"seed {options.seed}, {options.seconds:g} s of load in each case"]

    def add(result: Case) -> None:
        results.append(result)
        show(result)

    try:
        with contextlib.ExitStack() as stack:
            toxiproxy = None
            if any(case.has_links for case in cases):
                server = ToxiproxyServer(options.toxiproxy, seed=options.seed)
                toxiproxy = stack.enter_context(server)
                notes.append(f"links ran through {toxiproxy.description}")
            for case in cases:
                result, chart = run_case(case, options, toxiproxy)
                add(result)
                charts += [chart] if chart is not None else []
    except (OperatorError, OSError) as error:
        left = cases[len(results) :]
        for case in left[:1]:
            add(_bare(case, Verdict.ERROR, str(error)))
        for case in left[1:]:
            add(_bare(case, Verdict.NOT_RUN, f"{left[0].id} before it could not begin"))
    return SuiteResult(
        name=SUITE,
        cases=tuple(results),
        duration_s=time.monotonic() - started,
        notes=tuple(notes),
        charts=tuple(charts),
    )


def run_case(
    case: ChaosCase, options: Options, toxiproxy: ToxiproxyServer | None
) -> tuple[Case, Chart | None]:
    """Run a case, from starting the target to its end.

    Returns:
        What was found, and acknowledgements and deliveries over time; a case that could not run is
        an error, with the reason.

    Raises:
        TargetError: the target cannot be started or reached to begin with.
        HistoryError: the history cannot be written.
        OSError: the proxy server does not answer.
    """
    started = time.monotonic()
    with (
        Target(options.target, heartbeat_ms=HEARTBEAT_MS) as target,
        tempfile.TemporaryDirectory(prefix="gauntlet-chaos-") as folder,
    ):
        missing = case.needs - target.capabilities
        if missing:
            reason = f"the target lacks: {', '.join(sorted(missing))}"
            return _bare(case, Verdict.NOT_APPLICABLE, reason), None
        histories = options.histories or Path(folder)
        histories.mkdir(parents=True, exist_ok=True)
        path = histories / f"{case.id}.jsonl"
        with HistoryWriter(path) as history:
            run = _new_run(case, options, target, toxiproxy, Recorder(history))
            failure: Exception | None = None
            try:
                asyncio.run(_carry_out(case, run))
            except Exception as error:  # noqa: BLE001 - whatever it is, the report says so
                failure = error
            finding = _judge(run, failure)
            result = _report(case, options, run, finding, time.monotonic() - started)
            return result, run.recorder.chart(f"{case.id}: {case.title}")


def _new_run(
    case: ChaosCase,
    options: Options,
    target: Target,
    toxiproxy: ToxiproxyServer | None,
    recorder: Recorder,
) -> Run:
    links: dict[str, Proxy] = {}
    if case.has_links:
        assert toxiproxy is not None, f"{case.id} needs links"
        client = toxiproxy.client()
        client.destroy_all()
        upstream = f"{target.host}:{target.port}"
        links = {name: client.create(upstream=upstream, name=name) for name in LINKS}
    domain = case.domain if Capability.CONFIGURED in target.capabilities else SAMPLE_DOMAIN
    # A broker that ran before may hold what another run has left.
    uri = f"bmq://{domain}/{case.id.lower()}-{time.time_ns():x}"
    seed = f"{options.seed}/{case.id}"
    return Run(target, links, recorder, uri, seed, options.seconds)


async def _carry_out(case: ChaosCase, run: Run) -> None:
    async with asyncio.timeout(run.seconds + OVERHEAD_SECONDS_MAX):
        try:
            await case.scenario(run)
            await run.finish()
        except BaseException:
            await run.abandon()
            raise


@dataclass(frozen=True, slots=True)
class _Finding:
    """The verdict, why, and what the checker says."""

    verdict: Verdict
    reasons: tuple[str, ...]
    check: CheckResult


def _judge(run: Run, failure: Exception | None) -> _Finding:
    check = run.recorder.checker.result()
    reasons = [check.reason] if check.verdict == "invalid" else []
    reasons += run.problems
    if isinstance(failure, NemesisError) and isinstance(failure.__cause__, TargetError):
        # It was reached before, so this is what the fault has done to it.
        reasons.append(str(failure))
        failure = None
    if reasons:
        return _Finding(Verdict.FAIL, tuple(reasons), check)
    if failure is not None:
        reasons.append(f"{type(failure).__name__}: {failure}")
        reasons += traceback.format_exception(failure)
    elif check.verdict == "unknown":
        reasons.append(check.reason)
    elif run.untouched:
        text = f"the fault did not reach {', '.join(run.untouched)}: no connection was lost"
        reasons.append(text)
    else:
        return _Finding(Verdict.PASS, (), check)
    return _Finding(Verdict.ERROR, tuple(reasons), check)


def _report(
    case: ChaosCase, options: Options, run: Run, finding: _Finding, duration_s: float
) -> Case:
    counts = finding.check.counts
    recovery_s = run.recorder.recovery_s
    properties: dict[str, str | float | int] = {
        "seed": options.seed,
        "posted": counts.posted,
        "acknowledged": counts.acknowledged,
        "refused": counts.refused,
        "unanswered": counts.unanswered,
        "delivered": counts.delivered,
        "redelivered": counts.redelivered,
        "confirmed": counts.confirmed,
        "reconnections": run.reconnections,
    }
    properties |= {kind.value: counts.anomalies[kind] for kind in AnomalyKind}
    if recovery_s is not None:
        properties["recovery_s"] = round(recovery_s, 3)
    return Case(
        id=case.id,
        suite=SUITE,
        title=case.title,
        verdict=finding.verdict,
        duration_s=duration_s,
        statement=case.statement,
        expectation=case.expectation,
        reason=finding.reasons[0] if finding.reasons else "",
        details=_details(run, finding),
        replay=options.replay(case),
        properties=properties,
    )


def _details(run: Run, finding: _Finding) -> str:
    lines = [f"schedule: {run.schedule or 'not begun'}", f"queue: {run.uri}"]
    lines.append(f"history: {finding.check.verdict}")
    lines += finding.reasons
    lines += map(str, finding.check.anomalies)
    if finding.reasons and (tail := run.target.log_tail()):
        lines += ["the end of the broker's log:", tail]
    return "\n".join(lines)


def _bare(case: ChaosCase, verdict: Verdict, reason: str) -> Case:
    """Return the result of a case that has not run."""
    return Case(
        id=case.id,
        suite=SUITE,
        title=case.title,
        verdict=verdict,
        duration_s=0.0,
        statement=case.statement,
        expectation=case.expectation,
        reason=reason,
    )
