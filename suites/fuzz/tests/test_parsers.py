from __future__ import annotations

import pytest

from reference_broker.base import OperatorError
from suites.fuzz.parsers import foreign_target, plain_grammars, seeds_for
from suites.fuzz.registry import TARGETS

PLANTED = "python:suites.fuzz.workflow.tests.planted:parse"


def test_a_parser_is_a_target():
    target = foreign_target(PLANTED, "stream", ("ValueError",))
    assert target.id.startswith("PARSER-SUITES-FUZZ-WORKFLOW-")
    assert (target.package, target.module, target.grammar) == ("suites", PLANTED, "stream")
    assert target.invariant == "It raises nothing but ValueError."
    assert len(target.seeds()) > 30
    target.function(b"no")


def test_ids_are_those_of_the_parser():
    assert foreign_target("command:/bin/cat", "").id != foreign_target("command:/bin/cat -n", "").id
    assert foreign_target("command:/bin/cat", "").is_command


@pytest.mark.parametrize("grammar", plain_grammars())
def test_every_grammar_has_seeds_and_nothing_in_front_of_them(grammar):
    seeds = seeds_for(grammar)
    assert seeds
    prefixed = [t for t in TARGETS.values() if t.grammar == f"{grammar}-prefixed"]
    for target in prefixed:
        cut = {data[target.prefix_bytes :] for data in target.seeds().values()}
        assert cut <= set(seeds.values())
    assert "" not in plain_grammars()


def test_without_a_grammar_there_are_no_seeds():
    assert foreign_target(PLANTED, "").seeds() == {}


@pytest.mark.parametrize(
    ("spec", "grammar", "rejects", "said"),
    [
        ("json:loads", "", (), "is neither python:MODULE:FUNCTION nor command:"),
        ("python:no_such_module:f", "", (), "cannot be used: No module named"),
        ("python:json:no_such", "", (), "no_such"),
        ("python:json:loads", "", ("NoSuch",), "NoSuch"),
        ("python:json:loads", "", ("int",), "that is no exception"),
        ("python:json:loads", "jason", (), "--grammar 'jason' is none; there are stream,"),
        ("command:/bin/cat", "", ("ValueError",), "a command refuses with exit code 1"),
    ],
)
def test_what_cannot_be_used(spec, grammar, rejects, said):
    with pytest.raises(OperatorError, match=said):
        foreign_target(spec, grammar, rejects)
