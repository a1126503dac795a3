"""Signals that ask a process to stop, from its first moment to its last."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from reference_broker.app import cli
from reference_broker.app.stop_signals import StopSignals
from reference_broker.app.tests.child import PATIENCE_S, drop_in_folder, lines_until, process
from reference_broker.app.tests.test_cli import _logger_as_it_was
from reference_broker.client.tests.running import until

__all__ = ["_logger_as_it_was"]  # a fixture, for this module's tests too


def test_those_before_the_loop_are_handed_over_once_each():
    signals = StopSignals()
    signals.catch()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        signal.raise_signal(number)
    taken: list[signal.Signals] = []

    async def main() -> None:
        signals.hand_to(taken.append)

    asyncio.run(main())
    assert taken == [signal.SIGTERM, signal.SIGINT]


def test_they_wake_the_loop_until_they_are_ignored():
    signals = StopSignals()
    signals.catch()
    taken: list[signal.Signals] = []

    async def main() -> None:
        signals.hand_to(taken.append)
        signal.raise_signal(signal.SIGINT)
        await until(lambda: taken)
        signal.raise_signal(signal.SIGTERM)  # on its way when nobody wants to know any more
        signals.ignore()

    asyncio.run(main())
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGTERM)
    assert taken == [signal.SIGINT]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_wish_before_the_start_is_granted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], number: signal.Signals
):
    signals = StopSignals()
    signals.catch()
    signal.raise_signal(number)
    assert cli.main([str(drop_in_folder(tmp_path) / "etc")], signals=signals) == 0
    written = capsys.readouterr()
    lines = written.out.splitlines()
    assert [line.split()[0] for line in lines if "Reading" not in line] == [
        "STARTING", "Shutting", "STOPPED",
    ]  # fmt: skip
    assert written.err == ""
    assert signal.getsignal(number) is signal.SIG_IGN


@pytest.mark.slow
def test_a_second_signal_changes_nothing(tmp_path: Path):
    with process("-p", "0", "--storage", str(tmp_path)) as running:
        lines_until(running, "STARTED bmqbrkr")
        running.send_signal(signal.SIGINT)
        lines_until(running, "Shutting down")
        running.send_signal(signal.SIGINT)
        lines_until(running, "STOPPED bmqbrkr")
        running.send_signal(signal.SIGINT)
        assert running.wait(PATIENCE_S) == 0
        assert running.stderr is not None
        assert running.stderr.read() == ""


@pytest.mark.slow
def test_a_signal_while_the_program_is_imported_is_a_wish_too(tmp_path: Path):
    entry = (
        "import signal, sys\n"
        "import reference_broker.__main__ as program\n"
        "class Importing:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'reference_broker.app.cli':\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "assert 'reference_broker.app.cli' not in sys.modules\n"
        "sys.meta_path.insert(0, Importing())\n"
        "sys.exit(program.main())\n"
    )
    with process("-p", "0", "--storage", str(tmp_path), entry=entry) as running:
        lines_until(running, "STOPPED bmqbrkr")
        assert running.wait(PATIENCE_S) == 0
        assert running.stderr is not None
        assert running.stderr.read() == ""
