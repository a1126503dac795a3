from __future__ import annotations

import pytest

from reference_broker.base import OperatorError
from reference_broker.storage import StorageCorruptionError, StoredMessage
from suites.fuzz.oracles.log_bench import Disk, stored_log
from suites.fuzz.oracles.recovered import check_corruption, check_recovered, read_back, said_by


def test_a_whole_log_passes_and_goes_on():
    disk = stored_log()
    recovered = disk.recover()
    check_recovered(disk, recovered, is_sensible=True)
    assert len(disk.recover().queues) == len(recovered.queues) + 1


def test_an_empty_log_passes():
    disk = Disk()
    check_recovered(disk, disk.recover(), is_sensible=True)


def test_messages_are_read_back_or_are_damaged():
    disk = stored_log()
    (queue, _) = said_by(disk.recover())
    assert all(isinstance(each, StoredMessage) for each in read_back(disk, queue))
    for content in disk.files.values():
        content[-30:] = bytes(30)
    assert any(isinstance(each, StorageCorruptionError) for each in read_back(disk, queue))


@pytest.mark.parametrize(
    "error",
    [
        OperatorError("bmq_0 is bad"),
        StorageCorruptionError("something is bad"),
        StorageCorruptionError("bmq_0" * 999),
    ],
)
def test_a_complaint_that_helps_nobody_is_found_out(error):
    with pytest.raises(AssertionError):
        check_corruption(error)


@pytest.mark.parametrize("break_it", ["highest", "guids", "ordinals", "next", "done"])
def test_a_wrong_state_is_found_out(break_it):
    disk = stored_log()
    recovered = disk.recover()
    queue = recovered.queues[1]
    match break_it:
        case "highest":
            recovered.highest_queue = 1
        case "guids":
            queue.columns = queue.columns._replace(guids=b"")
        case "ordinals":
            queue.columns.ordinals[0] = 99
        case "next":
            queue.next_ordinal = 1
        case _:
            queue.apps[0].done.append(99)
    with pytest.raises(AssertionError):
        check_recovered(disk, recovered, is_sensible=True)
