"""Recovery of the ledger."""

from __future__ import annotations

import pytest

from reference_broker.base import QueueUri
from reference_broker.storage import Ledger, StorageCorruptionError
from reference_broker.storage.tests.disk import WALL_NS, Disk, opened_ledger

URI = QueueUri.parse("bmq://test.file/q")
OTHER = QueueUri.parse("bmq://test.file/r")
KEY = b"\1\2\3\4\5"


def small_ledger() -> tuple[Disk, Ledger]:
    disk = Disk()
    ledger = opened_ledger(disk)
    disk.carry_out(ledger.assign(URI, KEY, 1, 5, ["foo", "bar"]))
    disk.carry_out(ledger.assign(OTHER, KEY, 0, 6))
    disk.carry_out(ledger.update_apps(URI, ["bar"]))
    disk.carry_out(ledger.unassign(OTHER))
    return disk, ledger


def test_there_is_one_from_the_start():
    disk = Disk()
    recovered = disk.recover_ledger()
    assert disk.names("") == [recovered.ledger.name]
    assert disk.recover_ledger().effects == []


def test_what_was_written_comes_back_and_goes_on():
    disk, ledger = small_ledger()
    again = disk.recover_ledger().ledger
    assert again.entries == ledger.entries
    assert (again.head, again.size, again.sequence) == (ledger.head, ledger.size, ledger.sequence)
    disk.carry_out(again.assign(OTHER, KEY, 3, 7))
    assert disk.recover_ledger().ledger.entries == again.entries


def test_a_torn_end_is_cut():
    disk, ledger = small_ledger()
    del disk.files[ledger.name][-1]
    recovered = disk.recover_ledger()
    assert list(recovered.ledger.entries) == [URI.canonical, OTHER.canonical]
    assert "the unfinished end was cut off at byte" in recovered.notes[0]
    assert disk.recover_ledger().notes == []


def test_damage_is_named():
    disk, ledger = small_ledger()
    disk.files[ledger.name][200] ^= 1
    with pytest.raises(StorageCorruptionError, match=f"ledger {ledger.name} is damaged at byte 1"):
        disk.recover_ledger()


def test_a_file_that_is_no_ledger_is_refused():
    disk = Disk()
    disk.files["bmq_csl_20240101_000000_0123456789.bmq_csl"] = bytearray(b"\x42from the peer")
    with pytest.raises(StorageCorruptionError, match="it is no ledger of this broker; move it"):
        disk.recover_ledger()


@pytest.mark.parametrize("kept", [0, 3, 8, 40, 60, 130])
def test_a_rollover_that_was_cut_short_leaves_the_old_one(kept: int):
    disk, ledger = small_ledger()
    old, content = ledger.name, bytes(disk.files[ledger.name])
    disk.carry_out(ledger.roll_over(WALL_NS + 10**9).effects)
    disk.files[old] = bytearray(content)
    del disk.files[ledger.name][kept:]
    recovered = disk.recover_ledger()
    assert recovered.ledger.name == old
    assert recovered.ledger.entries == ledger.entries
    assert disk.names("") == [old]


def test_the_newer_of_two_complete_ones_counts():
    disk, ledger = small_ledger()
    old, content = ledger.name, bytes(disk.files[ledger.name])
    disk.carry_out(ledger.roll_over(WALL_NS - 10**12).effects)  # the clock was set back
    disk.files[old] = bytearray(content)
    assert disk.recover_ledger().ledger.name == ledger.name
    assert disk.names("") == [ledger.name]


def test_a_change_of_a_queue_that_was_never_assigned():
    disk, ledger = small_ledger()
    ledger.entries[OTHER.canonical] = ledger.entries[URI.canonical]
    disk.carry_out(ledger.unassign(OTHER))
    with pytest.raises(StorageCorruptionError, match=r"'bmq://test\.file/r' was never assigned"):
        disk.recover_ledger()
