from __future__ import annotations

import pytest

from suites.fuzz.seeds import recorded
from suites.fuzz.targets.fuzz_broker_core import Stage


def test_recorded_vectors_are_seeds():
    found = recorded.event_reader_seeds()
    assert len(found) > 150
    assert found["c2b_heartbeat_rsp"] == bytes.fromhex("000000084c020000")


def test_corpus_files_are_seeds():
    assert "put_bad_crc" in recorded.event_reader_seeds()
    assert recorded.corpus("no such target") == {}


def test_every_stage_of_the_core_has_seeds():
    found = recorded.broker_core_seeds()
    assert {data[0] for data in found.values()} == set(Stage)
    assert len(found["whole_session"]) > 500


@pytest.mark.parametrize("text", ["zz", "0", "0011 # no comment here"])
def test_only_hex_is_read(text):
    with pytest.raises(ValueError, match="non-hexadecimal"):
        recorded.parse_hex(text)


def test_comments_and_white_space_are_passed_over():
    assert recorded.parse_hex("# ab\n00 01\n02\n") == b"\0\1\2"
