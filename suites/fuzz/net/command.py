"""`gauntlet fuzz sweep` and `gauntlet fuzz net`; exit code 0 pass, 1 findings, 2 could not run."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Final

import msgspec

from reference_broker.base import OperatorError
from suites.fuzz.net import state as states
from suites.fuzz.net.campaign import Campaign, LostError
from suites.fuzz.net.catalogue import Case, all_cases, chosen, count_of, sample
from suites.fuzz.net.findings import Findings
from suites.fuzz.net.judging import Tally, could_not_run, group_of, judged, lines_of
from suites.fuzz.net.kinds import KINDS
from suites.fuzz.net.line import ANSWER_SECONDS_MAX
from suites.fuzz.net.sweep import SAMPLES_MAX, cases_for, sweep
from suites.fuzz.net.volley import LANES_DEFAULT, LANES_MAX
from suites.harness.defects import ALL_DEFECTS
from suites.harness.report import SuiteResult, Verdict
from suites.harness.report.text import printable
from suites.harness.target import Target, TargetSpec

#: The sub-commands.
NAMES: Final = ("net", "sweep")
MINUTES_MAX: Final = 7 * 24 * 60
_SAMPLES_DEFAULT: Final = 10_000
_SEED_BITS: Final = 31
_SEED_MAX: Final = (1 << 63) - 1
_ANSWER_SECONDS_LIMIT: Final = 600
_PACE_MAX: Final = 1_000_000
_TELL_SECONDS: Final = 2.0
_SAVE_SECONDS: Final = 2.0
_LEAST_SECONDS: Final = 1e-9


def main(arguments: Sequence[str]) -> int:
    """Run a sub-command, its name first; returns the exit code."""
    started = time.monotonic()
    options = _parser().parse_args(arguments)
    if options.seed is None and options.name == "sweep":
        options.seed = 1
    try:
        result = (_sweep if options.name == "sweep" else _net)(options)
    except OperatorError as error:
        result = could_not_run(options.name, str(error), time.monotonic() - started)
    return _delivered(result, options.result)


def _delivered(result: SuiteResult, path: Path | None) -> int:
    _say("\n".join(lines_of(result)))
    if path is not None:
        try:
            path.write_bytes(msgspec.json.encode(result))
        except OSError as error:
            _say(f"the result cannot be written to {path}: {error}")
            return 2
    if result.verdict is Verdict.FAIL:
        return 1
    return 2 if result.verdict is Verdict.ERROR else 0


def _say(text: str) -> None:
    sys.stdout.write(printable(text) + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gauntlet fuzz", description=__doc__)
    commands = parser.add_subparsers(dest="name", required=True)
    inside = commands.add_parser(
        "sweep", help="every single change, against a core in this process"
    )
    inside.add_argument("--samples", type=_bounded(1, SAMPLES_MAX), default=_SAMPLES_DEFAULT,
                        help="pairs to draw at depth 2")  # fmt: skip
    net = commands.add_parser("net", help="the same over TCP, against any target")
    net.add_argument("--target", default="reference", metavar="SPEC")
    net.add_argument("--minutes", type=_minutes, metavar="M",
                     help="by default the sweep, however long it takes")  # fmt: skip
    net.add_argument("--resume", type=Path, metavar="FILE",
                     help="keep the state there, and go on from what is there")  # fmt: skip
    net.add_argument("--lanes", type=_bounded(1, LANES_MAX), default=LANES_DEFAULT,
                     help="attackers at a time")  # fmt: skip
    net.add_argument("--pace", type=_bounded(1, _PACE_MAX), metavar="N",
                     help="cases a second at most")  # fmt: skip
    net.add_argument("--answer-seconds", type=_seconds, default=ANSWER_SECONDS_MAX, metavar="S",
                     help="what a client waits for an answer; then the target hangs")  # fmt: skip
    for each in (inside, net):
        each.add_argument("--only", action="append", default=[], metavar="CASE|KIND",
                          help="such as open_queue/123; may be repeated")  # fmt: skip
        each.add_argument("--depth", type=int, choices=(1, 2),
                          help="1: each change once; 2: pairs, by sampling")  # fmt: skip
        each.add_argument("--seed", type=_bounded(0, _SEED_MAX), help="of the pairs")
        each.add_argument("--break", dest="defect", default="", metavar="DEFECT")
        each.add_argument("--result", type=Path, metavar="FILE", help="the result, as JSON")
    return parser


class _bounded:  # noqa: N801 - argparse names it in its messages
    """Reads an integer between bounds."""

    def __init__(self, low: int, high: int) -> None:
        self._bounds = low, high

    def __call__(self, text: str) -> int:
        low, high = self._bounds
        number = int(text)
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(f"{number} is not from {low} to {high}")
        return number


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0 < minutes <= MINUTES_MAX:
        raise argparse.ArgumentTypeError(f"{text} is not more than 0 and at most {MINUTES_MAX}")
    return minutes


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= _ANSWER_SECONDS_LIMIT:
        raise argparse.ArgumentTypeError(
            f"{text} is not more than 0 and at most {_ANSWER_SECONDS_LIMIT}"
        )
    return seconds


# In this process.


def _sweep(options: argparse.Namespace) -> SuiteResult:
    spec = TargetSpec.parse("reference", options.defect)
    if spec.defect:
        ALL_DEFECTS[spec.defect].apply()
    depth = options.depth or 1
    command = f"gauntlet fuzz sweep{f' --break {spec.defect}' if spec.defect else ''}"
    tally = Tally(name="sweep", command=command)
    cases = cases_for(tuple(options.only), depth, options.samples, options.seed)
    if depth == 2 and not options.only:
        tally.notes.append(f"seed {options.seed}")
    sweep(cases, tally, _say, is_whole=depth == 1 and not options.only)
    tally.notes.append(
        f"{tally.total:,} cases in {tally.seconds:.1f} s, of which "
        f"{tally.properties['cpu_seconds']} s of the processor"
    )
    return judged(tally)


# Over TCP.


def _net(options: argparse.Namespace) -> SuiteResult:
    spec = TargetSpec.parse(options.target, options.defect)
    if options.depth == 2 and not options.minutes and not options.only:
        raise OperatorError("--depth 2 never comes to an end; say how long with --minutes")
    if options.resume and options.only:
        raise OperatorError("--only sends few cases, which need no --resume")
    state = states.load(options.resume, spec.arguments, options.seed) if options.resume else None
    if state is None:
        seed = secrets.randbits(_SEED_BITS) if options.seed is None else options.seed
        state = states.State(target=spec.arguments, seed=seed, cases=states.catalogue_size())
    run = _Run(options, spec, state)
    with Target(spec) as target:
        run.go(target)
    return judged(run.tally)


class _Run:
    """A run over TCP: its plan, its progress and its end.

    Args:
        options: of the command line.
        spec: of the target.
        state: what is behind already.
    """

    def __init__(self, options: argparse.Namespace, spec: TargetSpec, state: states.State) -> None:
        self._options = options
        self._state = state
        self.tally = Tally(
            name="net",
            command=f"gauntlet fuzz net {spec.arguments}",
            done=state.done,
            findings=Findings(state.findings),
        )
        if not options.only and options.depth != 2:
            self.tally.due |= {kind: count_of(kind) for kind in KINDS}
        self._started = self._told = self._saved = time.monotonic()
        self._before_s = state.seconds
        self._here = 0

    def go(self, target: Target) -> None:
        """Send the cases of the plan until it or the time is over; save the state."""
        campaign = Campaign(
            target,
            self.tally.findings,
            _say,
            lanes=self._options.lanes,
            answer_s=self._options.answer_seconds,
            pace=self._options.pace,
        )
        self._started = time.monotonic()
        try:
            campaign.begin()
            self._send(campaign)
        except LostError as error:
            self.tally.notes.append(f"the run ended early, as the target is gone: {error}")
        finally:
            campaign.end()
            self._note(campaign)
            self._save()

    def _plan(self) -> Iterator[Case]:
        if self._options.only:
            return iter(chosen(self._options.only))
        state, depth = self._state, self._options.depth
        singles = islice(all_cases(), state.swept, None) if depth != 2 else iter(())
        has_pairs = depth != 1 and self._options.minutes is not None
        return chain(singles, sample(state.seed, state.sampled) if has_pairs else ())

    def _send(self, campaign: Campaign) -> None:
        minutes = self._options.minutes
        give_up = self._started + minutes * 60 if minutes else float("inf")
        for batch, sent in campaign.run(self._plan()):
            for case in sent:
                self.tally.note_done(group_of(case.id))
            singles = sum(group_of(case.id) in KINDS for case in batch)
            self._state.swept += singles
            self._state.sampled += len(batch) - singles
            self._here += len(sent)
            self._look_at_clock(batch[-1])
            if time.monotonic() >= give_up:
                return

    def _look_at_clock(self, case: Case) -> None:
        now = time.monotonic()
        if now - self._told >= _TELL_SECONDS:
            self._told = now
            count, found = self.tally.total, self.tally.findings.count
            _say(f"{count:,} cases, {self._rate():,.0f}/s, {found} findings, at {case.id}")
        if now - self._saved >= _SAVE_SECONDS:
            self._save()

    def _rate(self) -> float:
        return self._here / max(time.monotonic() - self._started, _LEAST_SECONDS)

    def _save(self) -> None:
        self._saved = time.monotonic()
        self._state.seconds = self._before_s + self._saved - self._started
        self._state.findings = self.tally.findings.kept
        self.tally.seconds = self._state.seconds
        if self._options.resume:
            states.save(self._options.resume, self._state)

    def _note(self, campaign: Campaign) -> None:
        seconds = time.monotonic() - self._started
        self.tally.properties |= {"seed": self._state.seed, "cases_per_s": round(self._rate())}
        self.tally.notes.append(
            f"seed {self._state.seed}; {self._here:,} cases in {seconds:.1f} s, "
            f"{self._rate():,.0f}/s, with {self._options.lanes} attackers at a time"
        )
        for count, text in (
            (campaign.restarts, "times the target was started anew"),
            (campaign.unreached, "cases did not come to their state"),
            (campaign.left_open, "connections were left open by the target"),
        ):
            if count:
                self.tally.notes.append(f"{count:,} {text}")
