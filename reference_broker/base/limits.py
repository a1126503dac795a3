"""Every bound of the broker and of the client, in one place, with its reason.

Sizes are in bytes unless the name says otherwise. Relations between limits are asserted at import.
"""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * 1024

# The deployed C++ and Java SDKs build no event above 66 MiB.
EVENT_BYTES_MAX: Final = 66 * MIB
# Before a session is negotiated only an identity or credentials may come; neither is large.
HANDSHAKE_EVENT_BYTES_MAX: Final = 64 * KIB
# Application data of one message [PUT-15].
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
# qId values from 0xFFFFFFF6 up are reserved [OPEN-13].
QUEUE_ID_RESERVED_MIN: Final = 0xFFFF_FFF6

# Queues of one broker, idle ones too.
QUEUES_MAX: Final = 1_000_000
# What one step hands out, all queues together; the rest follows in the next, when it is known whether
# the consumers still read.
DELIVERY_BYTES_MAX: Final = 4 * MIB
# Messages that are handed out together; more follow at once.
DELIVERY_MESSAGES_MAX: Final = 1_024
# One PUSH event; larger batches go out as several events.
PUSH_EVENT_BYTES_MAX: Final = 4 * MIB
# Queues whose consumers are served in one step; the others follow in the next, after the heartbeats.
DELIVERY_QUEUES_MAX: Final = 2_000
# Messages of one run that go to the log as one record; a larger message is a record of its own.
RUN_BYTES_MAX: Final = 16 * MIB
# One put batch in the log.
LOG_RECORD_BYTES_MAX: Final = EVENT_BYTES_MAX + 64 * KIB
# Handshake packets are given three minutes each by the peer [NEG-19].
HANDSHAKE_SECONDS_MAX: Final = 180
CONNECTIONS_MAX: Final = 10_000
QUEUES_PER_SESSION_MAX: Final = 65_536
# Consumers of one stream, all its subscriptions together; each may be looked at for each message.
SUBSCRIPTIONS_PER_STREAM_MAX: Final = 256
# GUIDs remembered for de-duplication after their messages are gone, per queue.
DEDUPLICATION_GUIDS_MAX: Final = 1_000_000
# Admin commands that wait for their turn; each is executed within a step or two.
ADMIN_COMMANDS_WAITING_MAX: Final = 1_000

assert HANDSHAKE_EVENT_BYTES_MAX <= CONTROL_EVENT_BYTES_MAX <= EVENT_BYTES_MAX
assert APPLICATION_DATA_BYTES_MAX < EVENT_BYTES_MAX
assert PUSH_EVENT_BYTES_MAX < EVENT_BYTES_MAX < LOG_RECORD_BYTES_MAX

# One admin command, in characters: the longest that the grammar can say is a few names long.
ADMIN_COMMAND_CHARS_MAX: Final = 64 * KIB
# One word or JSON string of an admin command: the longest name is a queue URI.
ADMIN_NAME_CHARS_MAX: Final = 4096

# A subscription expression [EXPR-7]; a character is a byte of its UTF-8 form.
EXPRESSION_CHARS_MAX: Final = 128
# Unary and binary operators, `exists`, and each other use of a property [EXPR-6].
EXPRESSION_OPERATORS_MAX: Final = 10
# Uses of properties. Each is an operator or inside one, so the bound above is met first.
EXPRESSION_PROPERTIES_MAX: Final = 10

assert EXPRESSION_OPERATORS_MAX <= EXPRESSION_PROPERTIES_MAX

# Ordinals of one block of a queue's store; a power of two. Blocks are what is paged out and in: large
# enough for slicing to be cheap, small enough to be read back in one step.
BLOCK_MESSAGES: Final = 512
# Application data after which a block is closed early, so that reading one back stays small.
BLOCK_BYTES: Final = 512 * KIB
# What all queues together keep in memory of messages that the log has, each an equal share, and the
# least and the most that such a share is.
HOT_BYTES_MAX: Final = 256 * MIB
HOT_QUEUE_BYTES_MIN: Final = 256 * KIB
HOT_QUEUE_BYTES_MAX: Final = 8 * MIB
# What a message in memory takes beside its data, about: its tuple, GUID, numbers, dictionary entry.
HOT_MESSAGE_BYTES: Final = 320
# Entries of one sorted run of the index of GUIDs that are paged out; merging two of half that size
# takes a few milliseconds. An entry names its block in 16 bits, so there can be no more.
COLD_RUN_GUIDS_MAX: Final = 65_536
# Producers whose highest GUID that is paged out is remembered, per queue; GUIDs of further ones are
# always looked up.
COLD_CLIENTS_MAX: Final = 4_096
# GUIDs that are forgotten together when their time is over.
HISTORY_CHUNK_GUIDS: Final = 1_024
# Applications that one queue counts as still needing a message: what a 16-bit counter holds.
MESSAGE_REFERENCES_MAX: Final = 65_535

assert BLOCK_MESSAGES & (BLOCK_MESSAGES - 1) == 0
assert BLOCK_MESSAGES <= COLD_RUN_GUIDS_MAX <= 65_536

# Compressed messages that one step decompresses for consumers that read only the old style; each may
# become DECOMPRESSED_BYTES_MAX, all of which are in memory until they are sent.
DELIVERY_INFLATIONS_MAX: Final = 4
# Subscription expressions that one step evaluates, all queues together.
ROUTING_LOOKS_MAX: Final = 32_768
# Messages that one look at a queue's time to live removes; the rest follows in the next.
EXPIRY_MESSAGES_MAX: Final = 65_536

# Requests that one step answers, of all sessions and of each; the rest follows in the next, after the
# data of others. A request counts once for each so many bytes begun, as long ones take longer.
REQUESTS_PER_STEP_MAX: Final = 256
REQUESTS_PER_SESSION_MAX: Final = 64
REQUEST_BYTES: Final = 128
# What all sessions together may have sent of events that are not complete, or not due.
WAITING_BYTES_MAX: Final = 512 * MIB
# Admin commands that one step executes, and bytes of answers after which it does no further one.
ADMIN_COMMANDS_PER_STEP_MAX: Final = 16
ADMIN_ANSWERS_BYTES_PER_STEP: Final = 64 * KIB
# An answer to an admin command; one control event has to hold it.
ADMIN_ANSWER_BYTES_MAX: Final = 32 * MIB
# Characters of an answer that are repeated in the log.
ADMIN_ANSWER_LOGGED_CHARS_MAX: Final = 64 * KIB

# Connections to the metrics port at once: whoever scrapes needs one, for milliseconds.
METRICS_CONNECTIONS_MAX: Final = 16
# Lines of the control pipe that one turn of the loop takes, empty ones too.
CONTROL_PIPE_LINES_PER_TURN_MAX: Final = 32
# Lines of the control pipe that nobody understands and that are logged, in a second.
CONTROL_PIPE_COMPLAINTS_MAX: Final = 10
# Category expressions with a threshold of their own; the categories of the program are fewer.
LOG_CATEGORIES_MAX: Final = 100
# Inputs that one step is given; the rest waits for the next, and their connections are not read.
STEP_INPUTS_MAX: Final = 256
