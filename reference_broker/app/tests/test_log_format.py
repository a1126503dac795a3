"""Records as text."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from reference_broker.app.log_format import JsonFormatter, PatternFormatter, severity_name


def record(text: str = "text", level: int = logging.INFO, **attributes: Any) -> logging.LogRecord:
    made = logging.LogRecord("x", level, "/some/folder/file.py", 7, text, None, None)
    made.created, made.msecs, made.thread, made.process = 1_700_000_000.25, 250, 12, 34
    vars(made).update(attributes)
    return made


def line(pattern: str, *arguments: Any, **attributes: Any) -> str:
    return PatternFormatter(pattern).format(record(*arguments, **attributes))


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("%d", "14NOV2023_22:13:20.250"),
        ("%D", "14NOV2023_22:13:20.250000"),
        ("%i", "2023-11-14T22:13:20Z"),
        ("%I", "2023-11-14T22:13:20.250Z"),
        ("%p %t", "34 12"),
        ("%c", "BMQBRKR"),
        ("%f", "/some/folder/file.py"),
        ("%F:%l", "file.py:7"),
        ("%s %m", "INFO text"),
        ("%x %X", "text text"),
        ("100%% %q %", "100% %q %"),
        ("", ""),
    ],
)
def test_specifiers(pattern: str, text: str):
    assert line(pattern) == f"{text}\n"


def test_escapes_are_understood_and_the_end_of_a_line_is_added_once():
    assert line(r"%m\n") == line("%m\n") == line("%m") == "text\n"
    assert line(r"%m\n\n") == "text\n\n"
    assert line(r"a\tb\\n\q") == "a\tb\\n\\q\n"


def test_a_record_may_name_its_category_and_source():
    text = line("%c %F:%l", category="MQBA.APPLICATION", source=("broker.py", 0))
    assert text == "MQBA.APPLICATION broker.py:0\n"


@pytest.mark.parametrize(
    ("level", "name"),
    [(5, "TRACE"), (10, "DEBUG"), (20, "INFO"), (30, "WARN"), (40, "ERROR"), (50, "FATAL")],
)
def test_severities_have_the_peers_names(level: int, name: str):
    assert severity_name(level) == name


def test_fields_follow_the_message():
    fields = (("queue_id", 7), ("uri", "bmq://d/q"), ("text", 'a "b"'), ("eq", "a=b"), ("no", ""))
    text = line("%m", fields=fields)
    assert text == 'text queue_id=7 uri=bmq://d/q text="a \\"b\\"" eq="a=b" no=""\n'


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\x1b[31mb", "a\u2028b", "a\x00b", "a\udce9"])
@pytest.mark.parametrize("pattern", ["%m", "%x"])
def test_whatever_a_peer_calls_itself_stays_on_its_line(text: str, pattern: str):
    shown = line(pattern, f"peer {text}", fields=(("name", text),)).removesuffix("\n")
    assert shown.isprintable()
    assert len(shown.splitlines()) == 1


def test_a_text_for_the_operator_may_have_lines_but_no_escapes():
    assert line("%m", "one\n\ttwo\x1b[0m", is_text=True) == "one\n\ttwo\\x1b[0m\n"


def test_a_traceback_follows():
    error = ValueError("lost")
    failed = record(exc_info=(type(error), error, None))
    assert PatternFormatter("%m").format(failed) == "text\nValueError: lost\n"
    assert json.loads(JsonFormatter().format(failed))["exception"] == "ValueError: lost"


def test_json():
    shown = JsonFormatter().format(record("a\nb é \udce9", fields=(("n", 1), ("message", "m"))))
    assert shown.count("\n") == 1
    assert shown.isascii()
    assert json.loads(shown) == {
        "time": "2023-11-14T22:13:20.250Z",
        "severity": "INFO",
        "category": "BMQBRKR",
        "message": "a\nb é \udce9",
        "fields": {"n": 1, "message": "m"},
    }
