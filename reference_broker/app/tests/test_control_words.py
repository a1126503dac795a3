"""What the words do."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable

import pytest

from reference_broker.app.control_words import ControlWords
from reference_broker.app.log_output import LogOutput
from reference_broker.ports import AdminResult


class Bench:
    """The words on a loop, with a core that answers when it is told to."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.answers: list[asyncio.Future[AdminResult]] = []
        self.stops = 0
        self.words = ControlWords(command=self.command, log=LogOutput(), stop=self.stop)

    def command(self, text: str) -> asyncio.Future[AdminResult]:
        self.commands.append(text)
        self.answers.append(asyncio.get_running_loop().create_future())
        return self.answers[-1]

    def stop(self) -> None:
        self.stops += 1


def told(
    *lines: str, answer: Callable[[asyncio.Future[AdminResult]], object] | None = None
) -> Bench:
    """Return a bench that was told the lines; commands were answered by `answer`."""

    async def main() -> Bench:
        bench = Bench()
        for line in lines:
            bench.words.take(line)
        for future in bench.answers:
            if answer is not None:
                answer(future)
        await asyncio.sleep(0)
        return bench

    return asyncio.run(main())


@pytest.fixture(autouse=True)
def _level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="reference_broker")


def test_a_command_is_answered_in_the_log(caplog: pytest.LogCaptureFixture):
    text = "Purged 2 message(s)\nand more"
    bench = told(
        "CMD   DOMAINS DOMAIN d  PURGE", answer=lambda f: f.set_result(AdminResult(1, text, 0))
    )
    assert bench.commands == ["DOMAINS DOMAIN d  PURGE"]
    (record,) = caplog.records
    pattern = r"Command 'CMD DOMAINS DOMAIN d  PURGE' processed successfully in [\d.]+ \w+:\n"
    assert re.fullmatch(pattern + re.escape(text), record.getMessage())
    assert record.levelname == "INFO"
    assert vars(record)["is_text"]


@pytest.mark.parametrize("rc", [-31, -2])
def test_a_command_that_fails(caplog: pytest.LogCaptureFixture, rc: int):
    told("CMD nonsense", answer=lambda f: f.set_result(AdminResult(1, "no such thing", rc)))
    (record,) = caplog.records
    assert record.getMessage() == (
        f"Error processing command [rc: {rc}] no such thing\n"
        "Send 'HELP' to see a list of commands supported by bmqbrkr."
    )
    assert record.levelname == "ERROR"


def test_a_command_that_the_end_overtakes(caplog: pytest.LogCaptureFixture):
    told("CMD help", answer=lambda f: f.cancel())
    assert "[rc: -1] the broker has stopped" in caplog.text


def test_exit():
    assert told("EXIT").stops == 1


@pytest.mark.parametrize("line", ["", "exit", "cmd HELP", "CMDHELP", "HELP\ttoo"])
def test_other_words_are_refused(caplog: pytest.LogCaptureFixture, line: str):
    bench = told(line)
    assert (bench.stops, bench.commands) == (0, [])
    assert f"Failed to dispatch M-Trap message '{line}' [rc: -1]" in caplog.text


def test_of_a_flood_of_other_words_a_few_are_logged(caplog: pytest.LogCaptureFixture):
    now_s = 0.0

    async def main() -> list[int]:
        nonlocal now_s
        bench = Bench()
        bench.words = ControlWords(
            command=bench.command, log=LogOutput(), stop=bench.stop, clock=lambda: now_s
        )
        counts = []
        for second in range(3):
            now_s = float(second)
            for number in range(1_000):
                bench.words.take(f"flood {number}")
            counts.append(len(caplog.records))
        return counts

    assert asyncio.run(main()) == [11, 22, 33]
    assert caplog.messages[9] == "Failed to dispatch M-Trap message 'flood 9' [rc: -1]"
    assert "10 a second are logged" in caplog.messages[10]


def test_more_categories_than_there_may_be(caplog: pytest.LogCaptureFixture):
    logger = logging.getLogger("reference_broker")
    level = logger.level
    told(*(f"LOG CATEGORY c{number} INFO" for number in range(101)))
    logger.setLevel(level)
    assert "100 categories have a threshold, which is the most" in caplog.messages[-1]
    assert "'LOG VERB <severity>' clears them all" in caplog.messages[-1]


def test_help(capsys: pytest.CaptureFixture[str]):
    told("HELP")
    first, *words = capsys.readouterr().out.splitlines()
    assert first == "This process responds to the following messages:"
    assert [word.split()[0] for word in words] == ["CMD", "EXIT", "HELP", "LOG"]


@pytest.mark.parametrize(
    ("line", "setting"),
    [
        ("LOG VERB debug", "verbosity: DEBUG"),
        ("LOG console WARN", "console: WARN"),
        ("LOG CATEGORY MQB* Error red", "category MQB*: ERROR"),
        ("LOG CATEGORY MQB.X OFF", "category MQB.X: OFF"),
    ],
)
def test_thresholds_can_be_changed_and_seen(
    caplog: pytest.LogCaptureFixture, line: str, setting: str
):
    logger = logging.getLogger("reference_broker")
    level = logger.level
    bench = told(line)
    assert caplog.records[0].getMessage().startswith(f"Command '{line}' successfully processed:\n")
    bench.words.take("LOG INFO")
    logger.setLevel(level)
    assert setting in bench.words._log.describe()


@pytest.mark.parametrize(
    "rest", ["", "NONSENSE", "VERB", "VERB LOUD", "CONSOLE", "CATEGORY X", "CATEGORY X LOUD"]
)
def test_other_words_for_the_log(caplog: pytest.LogCaptureFixture, rest: str):
    told(f"LOG {rest}")
    assert (
        caplog.records[0]
        .getMessage()
        .startswith(f"Error processing command 'LOG {rest}' [rc: -1]:\n")
    )


def test_help_for_the_log(caplog: pytest.LogCaptureFixture):
    told("LOG HELP")
    for word in ("INFO", "VERB", "CONSOLE", "CATEGORY", "TRACE"):
        assert word in caplog.text
