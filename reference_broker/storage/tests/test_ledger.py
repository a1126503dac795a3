"""The ledger: what is assigned, and the file that says so."""

from __future__ import annotations

from reference_broker.base import QueueUri
from reference_broker.ports import CreateFile, RemoveFile, Sync, Write
from reference_broker.storage import Ledger, LedgerEntry
from reference_broker.storage.tests.disk import WALL_NS, Disk, opened_ledger

URI = QueueUri.parse("bmq://test.file/q")
OTHER = QueueUri.parse("bmq://test.file/r")
KEY = b"\1\2\3\4\5"


def test_a_ledger_without_a_file_only_remembers():
    ledger = Ledger(1_000)
    assert ledger.assign(URI, KEY, 0, 1) == []
    assert not ledger.is_full
    assert ledger.entries == {URI.canonical: LedgerEntry(URI, KEY, 0, 1, ())}
    assert ledger.take_unsynced() == []


def test_changes_are_written_once():
    disk = Disk()
    ledger = opened_ledger(disk)
    (write,) = ledger.assign(URI, KEY, 2, 1, ["foo"])
    assert isinstance(write, Write)
    assert ledger.take_unsynced() == [ledger.name] == [write.name]
    assert ledger.take_unsynced() == []
    assert ledger.assign(URI, KEY, 2, 1, ["foo"]) == []
    assert ledger.update_apps(URI, ["foo"]) == []
    assert ledger.update_apps(OTHER, ["foo"]) == []
    assert ledger.unassign(OTHER) == []
    assert len(ledger.update_apps(URI, ["foo", "bar"])) == 1
    assert ledger.entries[URI.canonical].apps == ("foo", "bar")
    assert len(ledger.unassign(URI)) == 1
    assert ledger.entries == {}


def test_a_full_file_is_replaced_by_one_that_says_the_same():
    disk = Disk()
    ledger = opened_ledger(disk, 700)
    disk.carry_out(ledger.assign(OTHER, KEY, 0, 2))
    while not ledger.is_full:
        disk.carry_out(ledger.assign(URI, KEY, 0, 1))
        disk.carry_out(ledger.unassign(URI))
    old = ledger.name
    assert len(disk.files[old]) == ledger.size <= 700
    sequence = ledger.sequence
    rollover = ledger.roll_over(WALL_NS)
    assert [type(effect) for effect in rollover.effects] == [CreateFile, Write, Sync, RemoveFile]
    assert rollover.old_id in old
    assert rollover.new_id in ledger.name
    assert rollover.old_id != rollover.new_id
    assert ledger.sequence < sequence
    disk.carry_out(rollover.effects)
    assert disk.names(".bmq_csl") == [ledger.name]
    assert ledger.size == len(disk.files[ledger.name])
    again = disk.recover_ledger().ledger
    assert again.entries == ledger.entries == {OTHER.canonical: LedgerEntry(OTHER, KEY, 0, 2, ())}
