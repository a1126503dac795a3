from __future__ import annotations

from typing import Any

import pytest

from reference_broker.base import UNSET_GUID, WireError
from reference_broker.wire import EventReader, correlation_id_of, crc32c, iter_puts
from reference_broker.wire.options import decode_options
from suites.fuzz.core import posts
from suites.fuzz.core.posts import Fate, Kind, Order


def order(kind: Kind = Kind.PLAIN, **others: Any) -> Order:
    usual = Order(1, 3, kind, 0, 10, makes_guids=True, last_guid=b"\x41" * 16)
    return usual._replace(**others)


def read(data: bytes) -> Any:
    (event,) = EventReader(1 << 20).feed(data)
    return event.buffer, list(iter_puts(event.buffer, event.start, event.end))


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.CUT_OFF])
def test_drafts_say_what_is_in_the_event(kind):
    data, drafts = posts.event(order(kind))
    buffer, puts = read(data)
    for draft, put in zip(drafts, puts, strict=True):
        assert (put[2], put[3]) == (draft.queue_id, draft.guid)
        assert buffer[put[7] : put[8]] == draft.data
        assert put[0] == draft.flags | draft.is_asked
        assert (crc32c(draft.data) == put[4]) or kind is Kind.WRONG_CRC
    assert [draft.order for draft in drafts] == list(range(10, 10 + len(drafts)))


def test_faults_are_in_the_last_message():
    for kind in (Kind.WRONG_CRC, Kind.NO_GUID, Kind.NO_COMPRESSION, Kind.NO_OPTION):
        fates = [draft.fate for draft in posts.event(order(kind))[1]]
        assert fates == [Fate.GOOD, Fate.GOOD, Fate.REFUSED], kind
    _, puts = read(posts.event(order(Kind.NO_GUID))[0])
    assert [put[3] == UNSET_GUID for put in puts] == [False, False, True]
    buffer, puts = read(posts.event(order(Kind.NO_OPTION))[0])
    with pytest.raises(WireError):
        decode_options(buffer, puts[-1][6], puts[-1][7])


def test_a_message_that_is_cut_off_cannot_be_read():
    data, drafts = posts.event(order(Kind.CUT_OFF))
    assert drafts[-1].fate is Fate.UNREAD
    with pytest.raises(WireError):
        read(data)


def test_guids_that_come_again():
    _, again = posts.event(order(Kind.AGAIN))
    assert again[0].guid == b"\x41" * 16
    assert len({draft.guid for draft in again}) == 3
    _, twice = posts.event(order(Kind.TWICE))
    assert len({draft.guid for draft in twice}) == 1


def test_two_queues():
    _, drafts = posts.event(order(Kind.TWO_QUEUES))
    assert [draft.queue_id for draft in drafts] == [1, 2, 1]


def test_without_guids_there_are_correlation_ids():
    data, drafts = posts.event(order(makes_guids=False))
    _, puts = read(data)
    assert [correlation_id_of(put[3]) for put in puts] == [draft.key for draft in drafts]
    assert all(draft.guid is None for draft in drafts)
    _, drafts = posts.event(order(Kind.UNASKED, makes_guids=False))
    assert {draft.key for draft in drafts} == {0}


def test_any_number_is_a_kind():
    assert {posts.kind_of(number) for number in range(128)} == set(Kind)
