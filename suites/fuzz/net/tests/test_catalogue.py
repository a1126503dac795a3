from __future__ import annotations

from itertools import islice

import pytest

from reference_broker.base import OperatorError
from suites.fuzz.net import catalogue
from suites.fuzz.net.catalogue import all_cases, cases_of, chosen, count_of, find, sample
from suites.fuzz.net.kinds import KINDS, PEER_COUNT


@pytest.mark.parametrize("name", KINDS)
def test_no_kind_has_fewer_cases_than_the_peer(name):
    assert count_of(name) >= min(KINDS[name].peer_count, 20_000)


def test_all_inputs_of_a_kind_differ_and_are_changed():
    total = 0
    for name, kind in KINDS.items():
        inputs = [case.messages[0] for case in cases_of(name)]
        assert len(set(inputs)) == len(inputs)
        assert not set(inputs) & {b"", *kind.forms}
        total += len(inputs)
    assert total == len(list(all_cases())) >= PEER_COUNT


@pytest.mark.parametrize("case_id", ["open_queue/0", "put/1234", "disconnect/77"])
def test_a_case_is_found_by_its_id(case_id):
    kind, _, number = case_id.partition("/")
    assert find(case_id) == next(islice(cases_of(kind), int(number), None))


def test_two_changes_of_one_message():
    one, two = find("put/5"), find("put/5~99")
    assert two.label.startswith(one.label)
    assert two.messages != one.messages
    assert two == find("put/5~99")


def test_two_messages_of_one_session():
    case = find("open_queue/5+put/7")
    assert case.kind == "open_queue"
    first, configuring, second = case.messages
    assert first == find("open_queue/5").messages[0]
    assert configuring == KINDS["configure_stream"].forms[0]
    assert second == find("put/7").messages[0]


@pytest.mark.parametrize(
    ("case_id", "said"),
    [
        ("open_queue", "ids are like"),
        ("nothing/1", "ids are like"),
        ("open_queue/x", "ids are like"),
        ("open_queue/99999999", "has the numbers 0 to"),
        ("put/1+open_queue/2", "does not come behind"),
        ("put/1+put/2", "does not come behind"),
    ],
)
def test_what_is_no_case(case_id, said):
    with pytest.raises(OperatorError, match=said):
        find(case_id)


def test_samples_are_those_of_their_seed():
    first = [case.id for case in islice(sample(1), 20)]
    assert first == [case.id for case in islice(sample(1), 20)]
    assert first[7:] == [case.id for case in islice(sample(1, start=7), 13)]
    assert first != [case.id for case in islice(sample(2), 20)]
    assert {"~" in each for each in first} == {True, False}


def test_a_sample_replays_by_its_id():
    for case in islice(sample(5), 30):
        assert find(case.id) == case


def test_kinds_and_ids_can_be_chosen():
    cases = chosen(["disconnect", "put/3"])
    assert len(cases) == count_of("disconnect") + 1
    assert cases[-1] == find("put/3")


def test_not_too_many_can_be_chosen():
    with pytest.raises(OperatorError, match="at most"):
        chosen(["put/1"] * (catalogue.ONLY_MAX + 1))
