"""pytest's hooks of the suite: which cases run, and where their verdicts go.

`options.activate` registers this module. It touches nothing but numbered cases, so that it does no
harm to other tests of the same run.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest

from suites.harness.report import Verdict
from suites.harness.target import Target, TargetError, TargetSpec
from suites.integration import options
from suites.integration.case import MARK, Graded, info_of
from suites.integration.transcript import begin_case
from suites.integration.verdict import (
    Collector,
    Properties,
    RunState,
    judge,
    properties_key,
    state_key,
)

_MARK_KEY: Final = "gauntlet_mark"
_mark_folder_key: Final = pytest.StashKey[Path]()
_OWN_TESTS = Path(__file__).parent / "tests"


def spec_of(config: pytest.Config) -> TargetSpec:
    """Return the target asked for.

    Raises:
        TargetError: the specification is of no known form.
    """
    return TargetSpec.parse(options.target_text(config), options.defect_name(config))


def pytest_configure(config: pytest.Config) -> None:
    """Prepare the run; a specification that makes no sense ends it here."""
    config.addinivalue_line("markers", f"{MARK}(info): one numbered case of the integration suite")
    mark = getattr(config, "workerinput", {}).get(_MARK_KEY)
    config.stash[state_key] = RunState(Path(mark) if mark else None)
    try:
        spec = spec_of(config)
    except TargetError as error:
        raise pytest.UsageError(str(error)) from error
    path = options.result_file(config)
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Collector(Path(path), (f"target {spec.text}",)))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of a parallel run where it learns that others have lost the target."""
    stash = node.config.stash
    if _mark_folder_key not in stash:
        stash[_mark_folder_key] = Path(tempfile.mkdtemp(prefix="gauntlet-run-"))
    node.workerinput[_MARK_KEY] = str(stash[_mark_folder_key] / "lost")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what the workers shared."""
    if _mark_folder_key in config.stash:
        shutil.rmtree(config.stash[_mark_folder_key], ignore_errors=True)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the suite's own tests out of runs that are about a target."""
    is_own = options.is_aimed(config) and collection_path == _OWN_TESTS
    return True if is_own else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the cases that were asked for.

    Raises:
        UsageError: one of them does not exist.
    """
    wanted = set(options.case_ids(config))
    if not wanted:
        return
    found = {info.id: item for item in items if (info := info_of(item)) is not None}
    unknown = sorted(wanted - found.keys())
    if unknown:
        raise pytest.UsageError(f"there is no case {', '.join(unknown)}")
    chosen = {found[case_id] for case_id in wanted}
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = [item for item in items if item in chosen]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """See to it that the case can run at all."""
    info = info_of(item)
    if info is None:
        return
    item.stash[properties_key] = Properties()
    begin_case()
    state = item.config.stash[state_key]
    if state.lost:
        raise TargetError(state.lost)
    limit = options.seconds_max(item.config)
    if limit is not None and time.monotonic() - state.started_at > limit:
        raise Graded(Verdict.NOT_RUN, f"the {limit:g} s of this run were over")
    target = Target(spec_of(item.config))
    lacking = [need.value for need in info.needs if need not in target.capabilities]
    if lacking:
        pytest.skip(f"target {target.spec.text} lacks: {', '.join(lacking)}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a case's outcome into its verdict."""
    report = yield
    info = info_of(item)
    if info is not None and (call.when == "call" or call.excinfo is not None):
        judge(item, info, spec_of(item.config), call, report)
    return report
