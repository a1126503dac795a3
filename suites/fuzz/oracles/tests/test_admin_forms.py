from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from reference_broker.admin import CommandError, parse_command
from suites.fuzz.oracles.admin_forms import in_json, in_words
from suites.fuzz.seeds.texts import lines_of

PURGE = '{"domain":{"name":"d","command":{"purge":{}}}}'


def recorded() -> Iterator[tuple[str, str]]:
    """Yield words, and the JSON form that the original has for them."""
    for line in lines_of("ref_admin_commands_parsed.txt"):
        words, _, tree = line.partition(" | ")
        if words and not words.startswith(("{", " ")) and "error:" not in tree:
            yield words, tree


@pytest.mark.parametrize(("words", "tree"), list(recorded()))
def test_the_forms_are_those_of_the_original(words, tree):
    parsed = parse_command(words)
    written = in_words(parsed)
    assert written is not None
    assert parse_command(written) == parsed
    if words == words.upper() and "theNull" not in tree:
        assert written.split() == words.replace(" TEXT", "").split() or "LIST" in words
    try:
        expected = json.loads(tree)
    except json.JSONDecodeError:
        return  # that line was cut off
    found = json.loads(in_json(parsed))
    assert _without_defaults(found) == _without_defaults(expected)


def _without_defaults(tree: object) -> object:
    if isinstance(tree, dict):
        return {
            name: _without_defaults(value)
            for name, value in tree.items()
            if value not in (False, None)
        }
    return tree


@pytest.mark.parametrize(
    "text",
    [
        '{"domains":{"reconfigure":{"domain":"a b"}}}',
        '{"domains":{"resolver":{"clearCache":{"domain":"all"}}}}',
        '{"stat":{"setTunable":{"name":"x","value":{"theString":"true"}}}}',
        '{"stat":{"setTunable":{"name":"x","value":{"theString":"5"}}}}',
        f'{{"clusters":{{"cluster":{{"name":"c","command":{{"storage":{PURGE}}}}}}}}}',
    ],
)
def test_what_words_cannot_say(text):
    parsed = parse_command(text)
    assert in_words(parsed) is None
    assert parse_command(in_json(parsed)) == parsed


def test_every_command_has_a_row():
    with pytest.raises(CommandError):
        parse_command("NOTHING")
