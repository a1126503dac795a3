"""Values: what words they are, and their two written forms."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.admin.tests.strategies import DATES, DATETIMES, TIMES
from reference_broker.admin.values import (
    Date,
    Datetime,
    Time,
    parse_value,
    value_member,
    value_text,
)

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("null", None),
        ("NULL", "NULL"),
        ("true", True),
        ("false", False),
        ("-7", -7),
        ("+7", 7),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", 2.0**63),
        ("1.5", 1.5),
        (".5", 0.5),
        ("-1e3", -1000.0),
        ("1e999", "1e999"),
        ("9" * 400, "9" * 400),
        ("nan", "nan"),
        ("1_000", "1_000"),
        ("\N{ARABIC-INDIC DIGIT ONE}", "\N{ARABIC-INDIC DIGIT ONE}"),
        ("2026-01-02", Date(2026, 1, 2)),
        ("2026-01-02-01:30", Date(2026, 1, 2, -90)),
        ("2024-02-29", Date(2024, 2, 29)),
        ("2100-02-29", "2100-02-29"),
        ("2026-04-31", "2026-04-31"),
        ("0000-01-01", "0000-01-01"),
        ("2026-13-01", "2026-13-01"),
        ("10:20:30", Time(10, 20, 30)),
        ("10:20:30,25Z", Time(10, 20, 30, 250_000)),
        ("10:20:30.1234567+0200", Time(10, 20, 30, 123_456, 120)),
        ("10:20:30+02:60", "10:20:30+02:60"),
        ("24:00:00", "24:00:00"),
        ("2026-01-02T10:20:30Z", Datetime(Date(2026, 1, 2), Time(10, 20, 30))),
        ("2026-02-30T10:20:30", "2026-02-30T10:20:30"),
        ("hello", "hello"),
    ],
)
def test_words(word, value):
    parsed = parse_value(word)
    assert parsed == value
    assert type(parsed) is type(value)


@given(DATES | TIMES | DATETIMES)
def test_the_iso_form_comes_back(value):
    cut = parse_value(value.iso)
    assert isinstance(cut, type(value))
    assert value_member(cut)[1] == value.iso


@given(st.datetimes(timezones=st.just(dt.UTC)), st.integers(0, 999))
def test_wall_time(moment, rest_ns):
    microseconds = (moment - EPOCH) // dt.timedelta(microseconds=1)
    value = Datetime.from_wall_ns(microseconds * 1000 + rest_ns)
    form = f"{moment:%d}{moment:%b}{moment.year:04d}_{moment:%H:%M:%S.%f}+0000".upper()
    assert value_text(value) == form
    assert value.iso == moment.isoformat(timespec="milliseconds")
