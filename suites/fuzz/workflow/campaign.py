"""A campaign: several targets for a while, in several processes, with corpora that stay.

Ctrl-C ends the fuzzing and not the campaign: what was found until then is looked into. A second one
ends everything.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

from rich.console import Console

from suites.fuzz.children import Children
from suites.fuzz.engine import Run, Statistics, fuzz
from suites.fuzz.registry import CANARY, Target
from suites.fuzz.suite import CRASHES_MAX
from suites.fuzz.workflow.corpora import corpus_folder
from suites.fuzz.workflow.display import LOOK_SECONDS, Board, shown
from suites.fuzz.workflow.plan import Piece, plan
from suites.fuzz.workflow.triage import CRASH, Finding, save, triage
from suites.harness.target import TargetSpec

#: A run that a hang ended goes on so often, if so much of its time is left.
_RESTARTS_MAX: Final = 3
_RESTART_SECONDS_MIN: Final = 3
_SEED_MASK: Final = 0x7FFF_FFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What is to be done.

    Attributes:
        spec: of the target; only a seeded defect in it matters here.
        targets: which, each once.
        seconds: of every process, at least 1.
        jobs: processes at a time, at least 1.
        seed: of the fuzzers.
        persists: whether corpora stay.
        corpus: where they are: the corpus of the target if there is one, else a folder of corpora;
            by default a folder that knows all targets.
        crash_folder: where findings go.
        unguided: do without atheris.
        mutator: use the structure-aware mutator where inputs have a grammar.
    """

    spec: TargetSpec
    targets: tuple[Target, ...]
    seconds: int
    jobs: int
    seed: int
    persists: bool
    corpus: Path | None = None
    crash_folder: Path = Path("fuzz-crashes")
    unguided: bool = False
    mutator: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one target.

    Attributes:
        run: all its runs together.
        findings: one for each stack.
        folders: of the findings, in the same order, each with whether it is new.
    """

    run: Run
    findings: tuple[Finding, ...] = ()
    folders: tuple[tuple[Path, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a campaign.

    Attributes:
        outcomes: of the targets that had time, in their order.
        is_interrupted: whether it ended before its time.
    """

    outcomes: tuple[Outcome, ...]
    is_interrupted: bool


def run_campaign(campaign: Campaign, console: Console) -> Result:
    """Fuzz, and look into what was found.

    Args:
        campaign: what is to be done.
        console: where it is shown meanwhile.

    Raises:
        OperatorError: a process cannot be started, or something cannot be written.
        KeyboardInterrupt: it was interrupted twice.
    """
    lanes = plan(campaign.targets, campaign.seconds, campaign.jobs)
    with tempfile.TemporaryDirectory(prefix="gauntlet-campaign-") as name:
        work = Path(name)
        with _Workers(campaign, work, Board(campaign.seconds)) as workers:
            is_interrupted = workers.fuzz(lanes, console)
            outcomes = [
                _outcome(campaign, target, workers.runs[target.id], workers.children)
                for target in campaign.targets
                if workers.runs[target.id]
            ]
    return Result(tuple(outcomes), is_interrupted)


def _outcome(
    campaign: Campaign, target: Target, runs: Sequence[Run], children: Children
) -> Outcome:
    run = combined(runs)
    if not run.crashes or target is CANARY:
        return Outcome(run)
    findings = triage(target, run.crashes, defect=campaign.spec.defect, children=children)
    folders = tuple(
        save(target, finding, campaign.crash_folder, campaign.spec) for finding in findings
    )
    return Outcome(run, findings, folders)


class _Workers:
    """The threads that wait for the fuzzing processes; however they are left, those have ended."""

    def __init__(self, campaign: Campaign, work: Path, board: Board) -> None:
        self.children = Children()
        self.runs: dict[str, list[Run]] = {target.id: [] for target in campaign.targets}
        self._campaign = campaign
        self._board = board
        self._work = work
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(campaign.jobs, thread_name_prefix="fuzz")
        is_alone = len(campaign.targets) == 1
        chosen = campaign.corpus if campaign.persists else work / "corpus"
        self._corpora = {
            target.id: corpus_folder(target, chosen, is_alone=is_alone)
            for target in campaign.targets
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._stop.set()
            self.children.end()  # the threads end with what they wait for
        self._pool.shutdown()

    def fuzz(self, lanes: Sequence[Sequence[Piece]], console: Console) -> bool:
        """Run the lanes; returns whether that was interrupted."""
        futures = [self._pool.submit(self._run_lane, lane) for lane in lanes]
        with shown(self._board, console) as look:
            try:
                while wait(futures, LOOK_SECONDS).not_done:
                    look()
                    _raise_first(futures)
            except KeyboardInterrupt:
                console.print("interrupted: looking into what was found; once more to end at once")
                self._stop.set()
                self.children.stop()
                wait(futures)
        _raise_first(futures)
        return self._stop.is_set()

    def _run_lane(self, lane: Sequence[Piece]) -> None:
        for piece in lane:
            if not self._stop.is_set():
                self._run_piece(piece)

    def _run_piece(self, piece: Piece) -> None:
        end = time.monotonic() + piece.seconds
        seconds, kept = piece.seconds, 0
        for attempt in range(1 + _RESTARTS_MAX):
            run = self._run(piece, attempt, seconds, CRASHES_MAX - kept)
            if self._stop.is_set():
                run = replace(run, problem="")  # it did not end by itself
            self.runs[piece.target.id].append(run)
            kept += len(run.crashes)
            seconds = round(end - time.monotonic())
            is_cut_short = any(crash.kind != CRASH for crash in run.crashes)
            if not is_cut_short or kept >= CRASHES_MAX or seconds < _RESTART_SECONDS_MIN:
                return
            if self._stop.is_set():
                return

    def _run(self, piece: Piece, attempt: int, seconds: int, crashes_max: int) -> Run:
        campaign, target = self._campaign, piece.target
        log = self._work / f"{piece.number}-{attempt}.log"
        with self._on_board(target, log):
            return fuzz(
                target,
                seconds=seconds,
                seed=(campaign.seed + 1_000 * attempt + piece.number) & _SEED_MASK or 1,
                crashes_max=crashes_max,
                defect=campaign.spec.defect,
                unguided=campaign.unguided,
                mutator=campaign.mutator,
                children=self.children,
                corpus=self._corpora[target.id],
                log=log,
            )

    @contextmanager
    def _on_board(self, target: Target, log: Path) -> Iterator[None]:
        self._board.starts(target, log)
        try:
            yield
        finally:
            self._board.ends(target, log)
            log.unlink(missing_ok=True)


def _raise_first(futures: Sequence[Future[None]]) -> None:
    for future in futures:
        if future.done():
            future.result()


def combined(runs: Sequence[Run]) -> Run:
    """Return the runs of one target as one."""
    assert runs
    all_statistics = [run.statistics for run in runs]
    return Run(
        target=runs[0].target,
        seed=runs[0].seed,
        duration_s=sum(run.duration_s for run in runs),
        statistics=Statistics(
            executions=sum(one.executions for one in all_statistics),
            coverage=max(one.coverage for one in all_statistics),
            features=max(one.features for one in all_statistics),
            corpus_units=max(one.corpus_units for one in all_statistics),
            corpus_bytes=max(one.corpus_bytes for one in all_statistics),
            peak_rss_mib=max(one.peak_rss_mib for one in all_statistics),
        ),
        crashes=tuple(crash for run in runs for crash in run.crashes),
        is_guided=all(run.is_guided for run in runs),
        problem=next((run.problem for run in runs if run.problem), ""),
        cpu_s=sum(run.cpu_s for run in runs),
    )
