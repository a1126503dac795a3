"""The bench, in tiny: every part runs through and prints its table."""

from __future__ import annotations

import pytest

from suites.harness.target import Target, TargetSpec
from tools.bench.__main__ import main
from tools.bench.heartbeats import HeartbeatProbe
from tools.bench.process import cpu_seconds, main_thread_seconds, memory_bytes, peak_memory_mb

TINY = [
    "--seconds", "0.1", "--many", "2", "--backlog", "250", "--connections", "3", "--queues", "7",
]  # fmt: skip


@pytest.fixture(scope="module")
def target():
    with Target(TargetSpec.parse("reference")) as target:
        yield target


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("load", ["1Q 1P 5C", "1Q 1P 10C", "2Q 2P 2C", "gauntlet.strong", "MiB"]),
        ("backlog", ["250 messages", "written", "after SIGKILL", "no snapshot", "read"]),
        ("scale", ["3 connect", "7 queues opened", "everybody rests", "leave at once"]),
    ],
)
def test_part(part, expected, capsys):
    main(["--only", part, *TINY])
    printed = capsys.readouterr().out
    assert [text for text in expected if text not in printed] == []


def test_part_that_does_not_exist(capsys):
    with pytest.raises(SystemExit):
        main(["--only", "sleep"])
    assert "invalid choice: 'sleep'" in capsys.readouterr().err


@pytest.mark.slow
def test_what_a_process_has_used(target):
    assert 0 < main_thread_seconds(target.pid) < 60
    assert 0 < cpu_seconds(target.pid) < 60
    assert 1024**2 < memory_bytes(target.pid) <= (peak_memory_mb(target.pid) + 1) * 1024**2


@pytest.mark.slow
def test_probe_measures_until_the_broker_is_gone(target):
    with HeartbeatProbe(target) as probe:
        pause = probe.take_longest()
        assert pause.busy_ms > 0
        assert 0 < pause.wall_ms < 60_000
        target.kill()
        with pytest.raises(OSError):  # noqa: PT011 - closed, reset or broken, as the kernel likes
            probe.take_longest()
