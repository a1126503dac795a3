from __future__ import annotations

import pytest

from suites.fuzz import dump
from suites.fuzz.seeds.recorded import event_reader_seeds

SEEDS = event_reader_seeds()


@pytest.mark.parametrize(
    ("seed", "texts"),
    [
        (
            "c2b_put_old_plain_hello_ack",
            ["event 1: PUT, 52 bytes", "PUT[0]: queue id 0", "68 65 6c 6c"],
        ),
        ("b2c_push_two_messages", ["PUSH[0]", "PUSH[1]"]),
        ("b2c_ack_batch", ["ACK[0]: status"]),
        ("c2b_confirm_default_app", ["CONFIRM[0]: queue id 0"]),
        ("real_bb_reject", ["REJECT[0]"]),
        ("c2b_openQueue_write_only", ["OpenQueue(", "bmq://bmq.test.mem.priority/w1"]),
        ("c2b_negotiation_clientIdentity_ber", ["no ControlMessage", "ClientIdentity("]),
        ("authentication_ber", ["AuthenticationRequest("]),
        ("real_bb_elector_leaderHeartbeat", ["LeaderHeartbeat("]),
        ("put_padding_5", ["refused: PUT[0].padding is 5"]),
        (
            "good_then_bad",
            ["event 1: HEARTBEAT_RSP", "event 2: PUT", "refused: eventHeader.length"],
        ),
        ("largest_length_unfinished", ["unfinished: 8 bytes wait for more"]),
    ],
)
def test_seed(seed, texts):
    shown = dump.annotated(SEEDS[seed])
    for text in texts:
        assert text in shown


@pytest.mark.parametrize("name", SEEDS)
def test_every_seed_can_be_shown(name):
    assert dump.annotated(SEEDS[name])


def test_offsets_count_the_prefix():
    shown = dump.annotated(b"\2" + SEEDS["good_then_bad"], prefix_bytes=1).splitlines()
    assert shown[0] == "000000  prefix"
    assert shown[2] == "000001  event 1: HEARTBEAT_RSP, 8 bytes"


def test_a_crash_of_a_decoder_is_shown(monkeypatch):
    def broken(*_):
        raise IndexError("index out of range")

    monkeypatch.setattr(dump, "iter_puts", broken)
    assert "crashed: IndexError" in dump.annotated(SEEDS["put_bad_crc"])


def test_long_inputs_are_cut():
    assert "4976 bytes more" in dump.annotated(b"\0\0\xff\xff" + bytes(5996))
