"""What the control pipe understands.

| line                                | effect                                        |
|-------------------------------------|-----------------------------------------------|
| `CMD <command>`                     | the core's answer, in the log                 |
| `EXIT`                              | a graceful stop                               |
| `HELP`                              | the words, on standard output                 |
| `LOG HELP`                          | the words that `LOG` knows                    |
| `LOG INFO`                          | thresholds and log file                       |
| `LOG VERB <severity>`               | threshold of every category                   |
| `LOG CONSOLE <severity>`            | threshold of the console                      |
| `LOG CATEGORY <category> <severity>`| threshold of one category, or of all by `*`   |
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from reference_broker.app.log_format import LEVELS
from reference_broker.app.log_output import LogOutput
from reference_broker.app.pretty import pretty_time
from reference_broker.app.records import LOGGER
from reference_broker.base.limits import CONTROL_PIPE_COMPLAINTS_MAX, LOG_CATEGORIES_MAX
from reference_broker.ports import AdminResult

_WORDS: Final = (
    ("CMD <command>", "carry out an admin command; CMD HELP lists them"),
    ("EXIT", "stop gracefully"),
    ("HELP", "list these words"),
    ("LOG <command>", "control the log; LOG HELP lists the commands"),
)
_LOG_HELP: Final = f"""\
LOG commands:
    HELP - list these commands
    INFO - show thresholds and the log file
    VERB <severity> - set the threshold of every category
    CONSOLE <severity> - set the threshold of the console
    CATEGORY <category> <severity> [<color>] - set the threshold of a category; PREFIX* is several
Severities: {", ".join(LEVELS)}"""
_HINT: Final = "Send 'HELP' to see a list of commands supported by bmqbrkr."
_TOO_MANY_CATEGORIES: Final = (
    f"{LOG_CATEGORIES_MAX} categories have a threshold, which is the most; "
    "'LOG VERB <severity>' clears them all"
)
_COMPLAINTS_INTERVAL_S: Final = 1.0
_TEXT: Final = {"is_text": True}
_REFUSED: Final = -1


class ControlWords:
    """Carries out the lines of a control pipe.

    Args:
        command: takes an admin command to the core.
        log: whose thresholds may be changed.
        stop: begins a graceful stop.
        clock: seconds.
    """

    def __init__(
        self,
        *,
        command: Callable[[str], asyncio.Future[AdminResult]],
        log: LogOutput,
        stop: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._command = command
        self._log = log
        self._stop = stop
        self._clock = clock
        #: Lines not understood since a time; most of a flood is not worth a record each.
        self._complaints = 0
        self._complaints_since_s = clock()

    def take(self, line: str) -> None:
        """Carry out one line: a command [PIPE-2], the end [PIPE-3], or else [PIPE-4]."""
        word, _, rest = line.partition(" ")
        rest = rest.lstrip(" ")
        if word == "CMD":
            began_ns = time.perf_counter_ns()
            self._command(rest).add_done_callback(partial(_on_answer, rest, began_ns))
        elif word == "EXIT":
            self._stop()
        elif word == "HELP":
            self._log.say("This process responds to the following messages:")
            for syntax, effect in _WORDS:
                self._log.say(f"    {syntax} - {effect}")
        elif word == "LOG":
            self._on_log(rest)
        else:
            self._complain(line)

    def _complain(self, line: str) -> None:
        now_s = self._clock()
        if now_s - self._complaints_since_s >= _COMPLAINTS_INTERVAL_S:
            self._complaints, self._complaints_since_s = 0, now_s
        self._complaints += 1
        if self._complaints <= CONTROL_PIPE_COMPLAINTS_MAX:
            LOGGER.error("Failed to dispatch M-Trap message '%s' [rc: -1]", line)
        elif self._complaints == CONTROL_PIPE_COMPLAINTS_MAX + 1:
            text = "the control pipe brings more lines that are no commands: %d a second are logged"
            LOGGER.error(text, CONTROL_PIPE_COMPLAINTS_MAX)

    def _on_log(self, rest: str) -> None:
        rc, text = self._change_log(rest.split())
        if rc:
            LOGGER.error(
                "Error processing command 'LOG %s' [rc: %d]:\n%s", rest, rc, text, extra=_TEXT
            )
        else:
            LOGGER.info("Command 'LOG %s' successfully processed:\n%s", rest, text, extra=_TEXT)

    def _change_log(self, words: list[str]) -> tuple[int, str]:
        """Return a return code and what to say."""
        match [words[0].upper(), *words[1:]] if words else []:
            case ["HELP"]:
                return 0, _LOG_HELP
            case ["INFO"]:
                return 0, self._log.describe()
            case ["VERB", severity] if severity.upper() in LEVELS:
                self._log.set_verbosity(severity.upper())
                return 0, f"Verbosity is {severity.upper()}"
            case ["CONSOLE", severity] if severity.upper() in LEVELS:
                self._log.set_console(severity.upper())
                return 0, f"Console threshold is {severity.upper()}"
            case ["CATEGORY", name, severity, *_color] if severity.upper() in LEVELS:
                if not self._log.set_category(name, severity.upper()):
                    return _REFUSED, _TOO_MANY_CATEGORIES
                return 0, f"Verbosity of category {name} is {severity.upper()}"
            case _:
                return _REFUSED, f"Not a LOG command, or not a severity\n{_LOG_HELP}"


def _on_answer(command: str, began_ns: int, answer: asyncio.Future[AdminResult]) -> None:
    if answer.cancelled():
        result = AdminResult(0, "the broker has stopped", _REFUSED)
    else:
        result = answer.result()
    if result.rc:
        LOGGER.error(
            "Error processing command [rc: %d] %s\n%s", result.rc, result.text, _HINT, extra=_TEXT
        )
        return
    took = pretty_time(time.perf_counter_ns() - began_ns)
    text = "Command 'CMD %s' processed successfully in %s:\n%s"
    LOGGER.info(text, command, took, result.text, extra=_TEXT)
