"""Text from a broker under test, made safe to print, to parse and to keep small.

A report quotes bytes that a hostile peer chose. Before they reach a terminal, an XML parser or a
browser, `printable` turns what those refuse or obey into visible escapes, `clip` bounds the length
and says so, and `one_line` folds a message into a row of a table.
"""

from __future__ import annotations

import re

ANSI_STYLE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""Colour and cursor sequences: they carry no text, so they go without a trace."""

UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls: illegal in XML 1.0, or orders to a terminal
    "\u2028-\u202e\u2066-\u2069"  # line separators and bidirectional overrides
    "\ud800-\udfff\ufffe\uffff]"  # lone surrogates and non-characters: illegal in XML 1.0
)

WHITESPACE = re.compile(r"\s+")

LINE_CHARS_MAX = 400


def printable(text: str) -> str:
    r"""Give the text with everything dangerous shown as a `\xNN` or `\uNNNN` escape.

    Tabs and line feeds stay; carriage returns become line feeds; terminal colours are dropped.

    Args:
        text: any text, lone surrogates included.

    Returns:
        Text that is legal in XML 1.0, encodes as UTF-8 and moves no terminal's cursor.
    """
    text = ANSI_STYLE.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return UNPRINTABLE.sub(_escape, text)


def clip(text: str, chars_max: int) -> str:
    """Cut the middle out of a text that is too long and leave a note in its place.

    Args:
        text: any text.
        chars_max: how many of its characters may stay; the note comes on top of them.

    Returns:
        The text, or its first two thirds and its last third around the note.
    """
    if len(text) <= chars_max:
        return text
    head_chars = chars_max * 2 // 3
    tail_chars = chars_max - head_chars
    note = f"[... {len(text) - chars_max:,} characters left out; report.json has them all ...]"
    tail = text[len(text) - tail_chars :]
    return f"{text[:head_chars]}\n{note}\n{tail}"


def one_line(text: str, chars_max: int = LINE_CHARS_MAX) -> str:
    """Fold printable text into one line of at most `chars_max` characters."""
    folded = WHITESPACE.sub(" ", printable(text[: 2 * chars_max + 2])).strip()
    return folded if len(folded) <= chars_max else f"{folded[: chars_max - 3]}..."


def plural(count: int, noun: str) -> str:
    """Give `1 case`, `2 cases`, `1,000 cases`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def duration_text(duration_s: float) -> str:
    """Give a duration in seconds the unit that a person would choose."""
    if duration_s < 1:
        return f"{duration_s * 1000:.0f} ms"
    if duration_s < 100:
        return f"{duration_s:.1f} s"
    minutes, rest_s = divmod(round(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest_s:02} s"


def _escape(match: re.Match[str]) -> str:
    point = ord(match.group())
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}"
