"""Every bound of the broker and of the client, in one place, with its reason.

Sizes are in bytes unless the name says otherwise. Relations between limits are asserted at import.
"""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * 1024

# The deployed C++ and Java SDKs build no event above 66 MiB (WIRE 1.1).
EVENT_BYTES_MAX: Final = 66 * MIB
# Before a session is negotiated only an identity or credentials may come; neither is large.
HANDSHAKE_EVENT_BYTES_MAX: Final = 64 * KIB
# Application data of one message (WIRE 5.2).
APPLICATION_DATA_BYTES_MAX: Final = 64 * MIB
# What one message may decompress to. The peer's bound is 512 MiB; ours is the size that a message
# may have uncompressed, so that compression cannot be used to get past APPLICATION_DATA_BYTES_MAX.
DECOMPRESSED_BYTES_MAX: Final = APPLICATION_DATA_BYTES_MAX
# What all compressed messages of one PUT event may decompress to.
EVENT_DECOMPRESSED_BYTES_MAX: Final = DECOMPRESSED_BYTES_MAX
# Control messages are small; a megabyte leaves room for 255 subscriptions.
CONTROL_EVENT_BYTES_MAX: Final = 1 * MIB
# Nesting of BER and JSON: the schema needs 9 levels; the peer stops at 512, which Python's own
# stack would not survive.
CONTROL_NESTING_MAX: Final = 64
# Members that a decoder looks at in one sequence, known and unknown together.
CONTROL_MEMBERS_MAX: Final = 65_536

OPTION_WORDS_MAX: Final = 2**21 - 1
OPTIONS_WORDS_MAX: Final = 2**24 - 1
PROPERTIES_MAX: Final = 255
PROPERTY_NAME_BYTES_MAX: Final = 4095
PROPERTY_VALUE_BYTES_MAX: Final = 67_104_745
MESSAGE_GROUP_ID_BYTES_MAX: Final = 31
QUEUE_NAME_CHARS_MAX: Final = 64
# qId values from 0xFFFFFFF6 up are reserved (WIRE 9.2).
QUEUE_ID_RESERVED_MIN: Final = 0xFFFF_FFF6

# Queues of one broker, idle ones too.
QUEUES_MAX: Final = 1_000_000
# What one queue hands out in one step; the rest follows in the next, when it is known whether the
# consumers still read.
DELIVERY_BYTES_MAX: Final = 4 * MIB
DELIVERY_MESSAGES_MAX: Final = 16_384
# One PUSH event; larger batches go out as several events.
PUSH_EVENT_BYTES_MAX: Final = 4 * MIB
# Messages of one run that go to the log as one record; a larger message is a record of its own.
RUN_BYTES_MAX: Final = 16 * MIB
# One put batch in the log.
LOG_RECORD_BYTES_MAX: Final = EVENT_BYTES_MAX + 64 * KIB
# Handshake packets are given three minutes each by the peer (WIRE 2.1).
HANDSHAKE_SECONDS_MAX: Final = 180
CONNECTIONS_MAX: Final = 10_000
QUEUES_PER_SESSION_MAX: Final = 65_536
# Consumers of one stream, all its subscriptions together; each may be looked at for each message.
SUBSCRIPTIONS_PER_STREAM_MAX: Final = 256
# GUIDs remembered for de-duplication after their messages are gone, per queue.
DEDUPLICATION_GUIDS_MAX: Final = 1_000_000

assert HANDSHAKE_EVENT_BYTES_MAX <= CONTROL_EVENT_BYTES_MAX <= EVENT_BYTES_MAX
assert APPLICATION_DATA_BYTES_MAX < EVENT_BYTES_MAX
assert PUSH_EVENT_BYTES_MAX < EVENT_BYTES_MAX < LOG_RECORD_BYTES_MAX
