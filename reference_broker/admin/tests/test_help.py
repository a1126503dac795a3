"""The list of commands against the peer's."""

from __future__ import annotations

from reference_broker.admin import OutputEncoding, help_result, render
from reference_broker.admin.tests.samples import real_answers

FORMS = [line.split(" - ")[0] for line in real_answers()["HELP PLUMBING"].splitlines()]


def test_plumbing_has_a_line_for_each():
    text = render(help_result(plumbing=True), OutputEncoding.TEXT)
    assert [line.split(" - ")[0] for line in text.splitlines()] == FORMS
    assert text.endswith("\n")


def test_people_get_a_heading_and_two_lines_for_each():
    title, *lines = render(help_result(plumbing=False), OutputEncoding.TEXT).splitlines()
    assert title == "This process responds to the following CMD subcommands:"
    assert lines[::2] == [f"    {form}" for form in FORMS]
    assert all(line.startswith(" " * 8) and line[8] != " " for line in lines[1::2])


def test_compact_json_has_no_four_blanks():
    assert " " * 4 not in render(help_result(plumbing=False), OutputEncoding.JSON_COMPACT)
    assert " " * 4 in render(help_result(plumbing=False), OutputEncoding.JSON_PRETTY)
