"""The options of a message are read wherever they lie, are bounded by their bytes, and survive encoding.

An input is an options area. Beside what `bodies` says of options:

- the same area between other bytes says the same, or is refused in the same words;
- an area that is not in whole words is refused;
- what it says, encoded anew, says the same.

Accepted rejections: `WireError`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reference_broker.base.limits import (
    MESSAGE_GROUP_ID_BYTES_MAX,
    QUEUES_PER_SESSION_MAX,
)
from reference_broker.wire.options import (
    Options,
    decode_options,
    encode_message_group_id,
    encode_sub_queue_ids_old,
    encode_sub_queue_infos,
)
from suites.fuzz.oracles.bodies import check_options
from suites.fuzz.oracles.placing import check_placing, unmoved

_WORD: Final = 4


def test_one_input(data: bytes) -> None:
    """Read `data` as an options area.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    check_options(data, 0, len(data))
    for options in check_placing(_read, data, unmoved):
        assert len(data) % _WORD == 0, f"{options} in {len(data)} bytes"
        assert len(options.sub_queue_infos) <= QUEUES_PER_SESSION_MAX, options
        group = options.message_group_id
        assert group is None or 1 <= len(group.encode()) <= MESSAGE_GROUP_ID_BYTES_MAX, options
        _check_encoding(options)


def _read(buffer: bytes, start: int, end: int) -> Iterable[Options]:
    return [decode_options(buffer, start, end)]


def _check_encoding(options: Options) -> None:
    infos, group, _ = options
    expected = options._replace(unknown=0)
    written = encode_message_group_id(group) if group is not None else b""
    if infos:
        written += encode_sub_queue_infos(infos)
    again = decode_options(written, 0, len(written))
    assert again == expected, f"{expected} is written as {written.hex()} and reads {again}"
    ids = [info.id for info in infos]
    if ids:
        old = encode_sub_queue_ids_old(ids)
        told = [info.id for info in decode_options(old, 0, len(old)).sub_queue_infos]
        assert told == ids, f"{ids} are written as {old.hex()} and read {told}"
