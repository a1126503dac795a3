from __future__ import annotations

import pytest

from reference_broker.base import OperatorError
from suites.fuzz.mutator import knows, tree
from suites.fuzz.mutator.grammars import GRAMMARS, Grammar, grammar_named
from suites.fuzz.registry import GRAMMARS as REGISTERED
from suites.fuzz.registry import TARGETS


def test_names_say_how_many_bytes_are_in_front():
    assert grammar_named("stream") == Grammar("stream", 0)
    assert grammar_named("stream+12") == Grammar("stream", 12)
    assert grammar_named("ber-or-json-prefixed") == Grammar("ber-or-json", 1)


@pytest.mark.parametrize("name", ["", "streams", "stream+", "stream+x", "stream+65", "+1", "uri"])
def test_other_names_are_refused(name):
    assert not knows(name)
    with pytest.raises(OperatorError, match="is no grammar; there are stream, put-body"):
        grammar_named(name)


def test_the_registry_has_the_names():
    names = {name.removesuffix("-prefixed") for name in REGISTERED}
    assert names >= GRAMMARS.keys() - {"application-data"}
    assert sum(knows(target.grammar) for target in TARGETS.values()) >= 15


def test_the_kind_of_a_control_message_is_seen():
    grammar = grammar_named("ber-or-json+1")
    assert grammar.root(b"\1{}").kind is tree.JSON_TEXT
    assert grammar.root(b"\0\x30\x80").kind is tree.BER_TEXT


def test_the_first_byte_says_what_application_data_are():
    grammar = grammar_named("application-data-prefixed")
    kinds = [grammar.root(bytes((said,)) + b"x").kind for said in range(8)]
    assert kinds == [
        tree.BYTES, tree.ZLIB, tree.OLD_DATA, tree.ZLIB_DATA,
        tree.BYTES, tree.ZLIB, tree.NEW_DATA, tree.ZLIB_PAYLOAD_DATA,
    ]  # fmt: skip


def test_an_input_that_is_too_short_has_no_structure():
    assert grammar_named("ack-body").root(b"\x16\0\0").kind is tree.BYTES
