from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from reference_broker.base import OperatorError
from reference_broker.storage import StorageCorruptionError
from suites.fuzz.oracles import recovered
from suites.fuzz.oracles.log_bench import Disk
from suites.fuzz.targets import fuzz_log_segment
from suites.fuzz.tests.planting import (
    changed,
    found_out_by,
    plant,
    raising,
    replaced,
    seeds_of,
    sometimes,
)


def with_a_note(found):
    return replace(found, notes=["something"])


def with_another_guid(found):
    for queue in found.queues.values():
        queue.columns = queue.columns._replace(guids=queue.columns.guids[:-1])
    return found


def backwards(found):
    for queue in found.queues.values():
        queue.columns = queue.columns._replace(ordinals=queue.columns.ordinals[::-1])
    return found


SEEDS = seeds_of("FUZZ-LOG-SEGMENT")
DEFECTS = {
    "untyped": (Disk, "recover", replaced, raising(ValueError("x"))),
    "no damage": (Disk, "recover", replaced, raising(OperatorError("no"))),
    "no file named": (Disk, "recover", replaced, raising(StorageCorruptionError("no"))),
    "another the second time": (recovered, "said_by", sometimes, lambda queues: queues[1:]),
    "a note the second time": (Disk, "recover", sometimes, with_a_note),
    "GUIDs out of nothing": (Disk, "recover", changed, with_another_guid),
    "out of order": (Disk, "recover", changed, backwards),
    "a message that was never stored": (fuzz_log_segment, "MESSAGE_DATAS", replaced, ()),
    "a message that cannot be read": (
        fuzz_log_segment,
        "read_back",
        replaced,
        lambda _disk, queue: [None] * len(queue),
    ),
    "a queue that is forgotten": (recovered, "_NEW_DATA", replaced, (b"a", b"b", b"c")),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_log_segment.test_one_input(SEEDS[name])


@for_any(st.binary(max_size=200))
def test_any_bytes(data):
    fuzz_log_segment.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_log_segment.test_one_input, SEEDS)
