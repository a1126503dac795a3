"""Hostile and endless text, made printable and short."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.harness.report.text import clip, duration_text, one_line, plural, printable

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)


@given(ANY_TEXT)
def test_printable_text_survives_xml_and_utf8(text: str) -> None:
    shown = printable(text)
    element = ET.Element("a", b=shown)
    element.text = shown
    parsed = ET.fromstring(ET.tostring(element, encoding="utf-8"))
    assert (parsed.text or "") == shown
    assert parsed.get("b") == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc", "a\tb\nc"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("\x00\x1f\x9b", "\\x00\\x1f\\x9b"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;t\x07", "\\x1b]0;t\\x07"),
        ("\udc80\u202e\ufffe", "\\udc80\\u202e\\ufffe"),
        ("Zürich ✓ 😀", "Zürich ✓ 😀"),
    ],
)
def test_dangerous_characters_become_escapes(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_clip_keeps_both_ends_and_says_what_is_gone() -> None:
    text = "a" * 5_000 + "b" * 5_000
    clipped = clip(text, 300)
    assert clipped.startswith("a" * 200 + "\n[")
    assert clipped.endswith("]\n" + "b" * 100)
    assert "9,700 characters left out; report.json" in clipped


def test_clip_leaves_text_at_the_limit_alone() -> None:
    assert clip("abc", 3) == "abc"
    assert clip("abcd", 3).startswith("ab\n[")


@given(ANY_TEXT)
def test_one_line_is_one_short_line(text: str) -> None:
    line = one_line(text, 20)
    assert len(line) <= 20
    assert len(line.splitlines()) <= 1


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [
        (0, "0 ms"),
        (0.25, "250 ms"),
        (1.25, "1.2 s"),
        (119.7, "2 min 00 s"),
        (3_660, "1 h 01 min"),
    ],
)
def test_durations_have_the_unit_a_person_would_choose(duration_s: float, text: str) -> None:
    assert duration_text(duration_s) == text


def test_plural() -> None:
    assert [plural(count, "case") for count in (0, 1, 1000)] == ["0 cases", "1 case", "1,000 cases"]
