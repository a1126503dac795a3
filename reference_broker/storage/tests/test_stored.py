"""Messages read back from the log, one at a time."""

from __future__ import annotations

import pytest

from reference_broker.base import QueueUri
from reference_broker.storage import StorageCorruptionError, StoredQueue, decode_stored
from reference_broker.storage.tests.disk import guid
from reference_broker.wire import FLAG_ACK_REQUESTED, FLAG_MESSAGE_PROPERTIES, Put, put_message

FLAGS = FLAG_ACK_REQUESTED | FLAG_MESSAGE_PROPERTIES
MESSAGE = put_message(Put(3, guid(9), b"hello", FLAGS, compression=1, schema=7))


def test_a_message_comes_back_in_parts():
    assert decode_stored(MESSAGE) == (
        FLAG_MESSAGE_PROPERTIES,
        1 << 16 | 7,
        guid(9),
        b"hello\3\3\3",
        5,
        1 << 31 | 1 << 16 | 7,
    )


@pytest.mark.parametrize("place", [36, 40])
def test_changed_data_is_refused_and_the_place_named(place: int):
    data = bytearray(MESSAGE)
    data[place] ^= 1
    with pytest.raises(StorageCorruptionError, match=r"log file f is damaged at byte 99: CRC-32C"):
        decode_stored(bytes(data), "f", 99)


@pytest.mark.parametrize(
    "data",
    [b"", MESSAGE[:-1], MESSAGE[:-4], MESSAGE + bytes(4), bytes(40), MESSAGE + MESSAGE],
)
def test_what_is_not_one_message_is_refused(data: bytes):
    with pytest.raises(StorageCorruptionError, match="damaged at byte 5"):
        decode_stored(data, "f", 5)


def test_a_message_with_options_is_not_what_is_stored():
    with pytest.raises(StorageCorruptionError, match="no message of"):
        decode_stored(put_message(Put(3, guid(9), b"hello", options=bytes(8))))


def test_a_queue_knows_its_size():
    queue = StoredQueue(1, QueueUri.parse("bmq://a.b/c"), 0, history=bytes(48))
    assert (len(queue), queue.history_count) == (0, 3)
