"""From any bytes in a ledger its queues are recovered, or the damage is named.

The first byte of an input says what the rest is, a file: bit 0, that every record's header is put
right; bit 1, that the ledger lies beside an older one that is whole. For any file:

- it is refused, or what it says is complete: a second recovery finds the same, in one file, and has
  nothing to mend;
- the ledger goes on: a queue that is added is found with the rest;
- a file as it is says nothing that was never written.

Accepted rejections: `StorageCorruptionError`.
"""

from __future__ import annotations

from typing import Final

from reference_broker.base import OperatorError, QueueUri
from reference_broker.storage import LEDGER_MAGIC, Ledger, LedgerEntry
from suites.fuzz.oracles.log_bench import WALL_NS, Disk, files_of, stored_ledger, with_right_records
from suites.fuzz.oracles.recovered import check_corruption

#: Bytes in front of the file.
PREFIX_BYTES: Final = 1
RIGHT_BIT: Final = 1
SECOND_BIT: Final = 2
_NAME: Final = "bmq_csl_20231114_221329_0000000000.bmq_csl"
_NEW: Final = LedgerEntry(QueueUri("new", "", "queue", ""), b"new q", 0, 1, ("foo", "bar"))

OLDER: Final = files_of(stored_ledger(), ".bmq_csl")
_QUEUES: Final = frozenset(("bmq://d/q1", "bmq://d.~lcl/q2"))


def test_one_input(data: bytes) -> None:
    """Recover a ledger that is the input.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    if not data:
        return
    content = data[PREFIX_BYTES:]
    is_right = bool(data[0] & RIGHT_BIT)
    if is_right:
        content = with_right_records(content, LEDGER_MAGIC)
    disk = Disk({**(OLDER if data[0] & SECOND_BIT else {}), _NAME: content})
    try:
        recovered = disk.recover_ledger()
    except OperatorError as error:
        check_corruption(error)
        return
    ledger = recovered.ledger
    entries = dict(ledger.entries)
    assert is_right or entries.keys() <= _QUEUES, f"{entries} were never written"
    for uri, entry in entries.items():
        assert entry.uri.canonical == uri, f"{uri} is {entry}"
    _go_on(disk, ledger)
    again = disk.recover_ledger()
    assert len(disk.files) == 1, f"there are {[*disk.files]}"
    assert not again.notes, f"something was left to mend: {again.notes}"
    expected = entries | {_NEW.uri.canonical: _NEW}
    found = again.ledger.entries
    assert found == expected, f"first {expected}, the second time {found}"


def _go_on(disk: Disk, ledger: Ledger) -> None:
    """Add a queue, and an app to it."""
    disk.carry_out(ledger.assign(_NEW.uri, _NEW.key, _NEW.partition, _NEW.number, _NEW.apps[:1]))
    disk.carry_out(ledger.update_apps(_NEW.uri, _NEW.apps))
    if ledger.is_full:
        disk.carry_out(ledger.roll_over(WALL_NS).effects)
