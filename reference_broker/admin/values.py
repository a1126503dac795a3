"""The values that a tunable parameter can have, and their two written forms.

A value is `None`, a bool, an int of 64 bits, a finite float, a `Date`, a `Time`, a `Datetime` or a
text. A word becomes the first of these whose form it has:

    null  true  false  -12  1.5e3  2026-01-02  10:20:30.5  2026-01-02T10:20:30Z  anything else

Points in time carry microseconds and an offset from UTC. ISO 8601 is how JSON has them, with
milliseconds; the peer's text form is `02JAN2026_10:20:30.500000+0000`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

_MONTHS: Final = (
    *("JAN", "FEB", "MAR", "APR", "MAY", "JUN"),
    *("JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
)
_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DAY_NS: Final = 86_400 * 1_000_000_000

# No more digits than 64 bits can need: Python refuses thousands of them.
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,20}")
_DOUBLE: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DATE_FORM: Final = r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
_TIME_FORM: Final = r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]+))?"
_ZONE_FORM: Final = r"([Zz]|[+-][0-9]{2}:?[0-9]{2})?"
_DATE: Final = re.compile(_DATE_FORM + _ZONE_FORM)
_TIME: Final = re.compile(_TIME_FORM + _ZONE_FORM)
_DATETIME: Final = re.compile(f"{_DATE_FORM}[Tt]{_TIME_FORM}{_ZONE_FORM}")


@dataclass(frozen=True, slots=True)
class Date:
    """A day of the Gregorian calendar, with its offset from UTC in minutes."""

    year: int
    month: int
    day: int
    offset_minutes: int = 0

    def __str__(self) -> str:
        return f"{_date_text(self)}{_offset(self.offset_minutes, '')}"

    @property
    def iso(self) -> str:
        """The ISO 8601 form, as JSON has it."""
        return f"{_date_iso(self)}{_offset(self.offset_minutes, ':')}"


@dataclass(frozen=True, slots=True)
class Time:
    """A time of day, with its offset from UTC in minutes."""

    hour: int
    minute: int
    second: int
    microsecond: int = 0
    offset_minutes: int = 0

    def __str__(self) -> str:
        return f"{_time_text(self)}.{self.microsecond:06d}{_offset(self.offset_minutes, '')}"

    @property
    def iso(self) -> str:
        """The ISO 8601 form, as JSON has it: with milliseconds."""
        fraction = f"{self.microsecond // 1000:03d}"
        return f"{_time_text(self)}.{fraction}{_offset(self.offset_minutes, ':')}"


@dataclass(frozen=True, slots=True)
class Datetime:
    """A day and a time of day; the offset is the time's, the date's is not looked at."""

    date: Date
    time: Time

    @classmethod
    def from_wall_ns(cls, wall_ns: int) -> Self:
        """Return the UTC date and time of nanoseconds since 1970, cut to microseconds."""
        days, rest_ns = divmod(wall_ns, _DAY_NS)
        seconds, fraction_ns = divmod(rest_ns, 1_000_000_000)
        minutes, second = divmod(seconds, 60)
        hour, minute = divmod(minutes, 60)
        return cls(_civil(days), Time(hour, minute, second, fraction_ns // 1000))

    def __str__(self) -> str:
        return f"{_date_text(self.date)}_{self.time}"

    @property
    def iso(self) -> str:
        """The ISO 8601 form, as JSON has it: with milliseconds."""
        return f"{_date_iso(self.date)}T{self.time.iso}"


Value: TypeAlias = bool | int | float | Date | Time | Datetime | str | None


def parse_value(word: str) -> Value:
    """Return what a word says as a value; any word is one, a text if nothing else."""
    match word:
        case "null":
            return None
        case "true":
            return True
        case "false":
            return False
        case _:
            number = _parse_number(word)
            if number is not None:
                return number
            return parse_date(word) or parse_time(word) or parse_datetime(word) or word


def is_int32(number: int) -> bool:
    """Return whether a number fits in the peer's 32-bit integers."""
    return -(2**31) <= number < 2**31


def is_int64(number: int) -> bool:
    """Return whether a number fits in the peer's 64-bit integers."""
    return -(2**63) <= number < 2**63


def parse_date(text: str) -> Date | None:
    """Return the date that an ISO 8601 text says, or `None`."""
    found = _DATE.fullmatch(text)
    return _date(found.groups()) if found else None


def parse_time(text: str) -> Time | None:
    """Return the time that an ISO 8601 text says, cut to microseconds, or `None`."""
    found = _TIME.fullmatch(text)
    return _time(found.groups()) if found else None


def parse_datetime(text: str) -> Datetime | None:
    """Return the date and time that an ISO 8601 text says, or `None`."""
    found = _DATETIME.fullmatch(text)
    if not found:
        return None
    groups = found.groups()
    date, time = _date((*groups[:3], None)), _time(groups[3:])
    return None if date is None or time is None else Datetime(date, time)


def value_text(value: Value) -> str:
    """Return a value as the TEXT form has it: a bool is 1 or 0, a float has six digits."""
    match value:
        case None:
            return "null"
        case bool():
            return str(int(value))
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def value_member(value: Value) -> tuple[str, object]:
    """Return the one member that a value is in JSON: its name, and a plain JSON value."""
    match value:
        case None:
            return "theNull", {}
        case bool():
            return "theBool", value
        case int():
            return "theInteger", value
        case float():
            assert math.isfinite(value), f"JSON has no {value}"
            return "theDouble", value
        case Date():
            return "theDate", value.iso
        case Time():
            return "theTime", value.iso
        case Datetime():
            return "theDatetime", value.iso
        case str():
            return "theString", value


def _parse_number(word: str) -> int | float | None:
    if _INTEGER.fullmatch(word):
        number = int(word)
        if is_int64(number):
            return number
    if _DOUBLE.fullmatch(word):
        double = float(word)
        return double if math.isfinite(double) else None
    return None


def _date(groups: tuple[str | None, ...]) -> Date | None:
    year, month, day = (int(group or 0) for group in groups[:3])
    offset = _offset_minutes(groups[3])
    if year < 1 or not 1 <= month <= 12 or offset is None:
        return None
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = _DAYS[month - 1] + (month == 2 and is_leap)
    return Date(year, month, day, offset) if 1 <= day <= days else None


def _time(groups: tuple[str | None, ...]) -> Time | None:
    hour, minute, second = (int(group or 0) for group in groups[:3])
    microsecond = int((groups[3] or "")[:6].ljust(6, "0"))
    offset = _offset_minutes(groups[4])
    if hour > 23 or minute > 59 or second > 59 or offset is None:
        return None
    return Time(hour, minute, second, microsecond, offset)


def _offset_minutes(zone: str | None) -> int | None:
    """Return the minutes that a zone says; `None` if it says no possible offset."""
    if zone is None or zone in "Zz":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 23 or minutes > 59:
        return None
    return (hours * 60 + minutes) * (-1 if zone[0] == "-" else 1)


def _offset(minutes: int, separator: str) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}{separator}{rest:02d}"


def _date_text(date: Date) -> str:
    return f"{date.day:02d}{_MONTHS[date.month - 1]}{date.year:04d}"


def _date_iso(date: Date) -> str:
    return f"{date.year:04d}-{date.month:02d}-{date.day:02d}"


def _time_text(time: Time) -> str:
    return f"{time.hour:02d}:{time.minute:02d}:{time.second:02d}"


def _civil(days: int) -> Date:
    """Return the date that is `days` after 1970-01-01.

    It counts in years that begin in March, so that the day that leap years add is the last one.
    """
    era, day_of_era = divmod(days + 719_468, 146_097)
    leaps = day_of_era // 1460 - day_of_era // 36_524 + day_of_era // 146_096
    year_of_era = (day_of_era - leaps) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    march_month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * march_month + 2) // 5 + 1
    month = march_month + 3 if march_month < 10 else march_month - 9
    return Date(era * 400 + year_of_era + (month <= 2), month, day)
