"""Mistakes of parsers: of the wire, of texts, of files.

They are for the fuzz suite, which has to find each of them; the integration suite need not. Most of
them look like a right program as long as peers send what they should. See `edits` for how they get in.
"""

from __future__ import annotations

import re

from reference_broker.admin import json_commands, values, words
from reference_broker.base import uri
from reference_broker.config import document, reader
from reference_broker.expr import evaluation, parser, tokens
from reference_broker.security import builtin
from reference_broker.session import negotiation
from reference_broker.storage import bodies, ledger, replay
from reference_broker.wire import (
    ack,
    compression,
    features,
    header,
    options,
    properties,
    property_lookup,
    push,
    put,
)
from reference_broker.wire.control import ber, json_codec
from reference_broker.wire.reader import EventReader
from suites.harness.defects.doors import replace
from suites.harness.defects.edits import edit, mistake

# Events.


@mistake("wire/header.py", "missing bound")
def event_shorter_than_its_header() -> None:
    """The length of an event may be less than its header has."""
    edit(header.read_length, ("length < EVENT_HEADER_SIZE", "length < 4"))


@mistake("wire/header.py", "missing bound")
def event_header_longer_than_its_event() -> None:
    """The words of an event's header are not compared with the event's length."""
    edit(header.read_event, ("<= header_size <= length:", "<= header_size:"))


@mistake("wire/reader.py", "wrong state")
def reader_goes_on_behind_an_error() -> None:
    """The event reader forgets that it has refused something."""
    edit(EventReader.feed, ("self.error = error", "pass"))


# Messages.


@mistake("wire/put.py", "padding not checked")
def put_without_padding() -> None:
    """The last byte of a PUT message may say that there is no padding."""
    edit(put.iter_puts, ("0 < padding < 5", "padding < 5"))


@mistake("wire/put.py", "unchecked offset")
def put_data_before_its_options() -> None:
    """A PUT message may be shorter than its header and its options."""
    edit(put.iter_puts, (" or data_start >= message_end", ""))


@mistake("wire/put.py", "off by one in words")
def put_header_of_seven_words() -> None:
    """A PUT header may have one word less than the shortest there ever was."""
    edit(put._check_sizes, ("header_words < _HEADER_WORDS_MIN", "header_words < 7"))


@mistake("wire/push.py", "unchecked offset")
def push_schema_behind_an_old_header() -> None:
    """The schema id is read of PUSH headers that end before it."""
    edit(push.iter_pushes, ("header_words >= _HEADER_WORDS else", "header_words else"))


@mistake("wire/ack.py", "missing bound")
def list_header_beyond_its_body() -> None:
    """The header of an ACK or CONFIRM list may be longer than the body of its event."""
    edit(ack.list_bounds, ("header_words < 1 or first > end", "header_words < 1"))


@mistake("wire/ack.py", "missing bound")
def list_of_broken_messages() -> None:
    """The last message of an ACK or CONFIRM list may be cut short at a word."""
    edit(ack.list_bounds, ("(end - first) % step", "(end - first) % 4"))


@mistake("wire/ack.py", "off by one in words")
def list_of_messages_of_five_words() -> None:
    """The messages of an ACK or CONFIRM list may have a word less than they need."""
    edit(ack.list_bounds, ("step < ACK_MESSAGE_SIZE", "step < ACK_MESSAGE_SIZE - 4"))


@mistake("wire/options.py", "sign")
def option_without_a_word() -> None:
    """An option may say that it has no words, which leaves less than nothing for its items."""
    edit(options._Decoder._header, ("if words < 2:", "if words < 0:"))


@mistake("wire/options.py", "off by one in words")
def option_of_words_for_bytes() -> None:
    """The words of an option are compared with the bytes that are left."""
    edit(options._Decoder._header, ("if words * WORD > left:", "if words > left:"))


@mistake("wire/options.py", "sign")
def group_id_that_ends_before_it_begins() -> None:
    """The padding of a message group id may be longer than the option."""
    edit(options._Decoder._group_id, ("1 <= padding <= WORD", "1 <= padding"))


# Properties and compression.


@mistake("wire/properties.py", "missing bound")
def properties_longer_than_the_data() -> None:
    """The area of properties may be longer than the data that it is in."""
    edit(properties.area_size, ("if size > len(data):", "if size > _AREA_WORDS_MAX:"))


@mistake("wire/properties.py", "unchecked offset")
def property_offsets_backwards() -> None:
    """The offset of a property's name may be before the end of the name in front of it."""
    changes = (
        "position < name_end <= value_end <= end",
        "position < name_end and value_end <= end",
    )
    edit(properties._spans, changes)


@mistake("wire/property_lookup.py", "wrong value")
def lookup_of_bools_of_any_byte() -> None:
    """For expressions a BOOL is true whatever its byte is, if it is not 0."""
    edit(property_lookup._value, ("data[start] == 1", "data[start] != 0"))


@mistake("wire/compression.py", "memory blow-up")
def bomb_judged_by_its_packed_size() -> None:
    """The limit of what a stream inflates to is compared with the stream itself."""
    edit(
        compression.decompress,
        ("stream.decompress(data, limit + 1)", "stream.decompress(data)"),
        ("if len(inflated) > limit:", "if len(data) > limit:"),
    )


# Control messages.


@mistake("wire/control/ber.py", "BER lengths")
def ber_length_beyond_the_end() -> None:
    """An element in BER may be longer than what is left."""
    edit(ber._Decoder._header, ("if end > stop:", "if end > stop + _LENGTH_MAX:"))


@mistake("wire/control/ber.py", "sign")
def ber_lengths_with_a_sign() -> None:
    """Long lengths in BER are read as signed numbers."""
    edit(
        ber._Decoder._header,
        ('from_bytes(data[position : position + octets], "big")',
         'from_bytes(data[position : position + octets], "big", signed=True)'),
    )  # fmt: skip


@mistake("wire/control/ber.py", "BER tags")
def ber_end_of_contents_of_one_octet() -> None:
    """In BER one zero octet is enough for the end of an element."""
    edit(
        ber._Decoder._has_more,
        ("!= _END_OF_CONTENTS or position + 2 > stop", "[:1] != _END_OF_CONTENTS[:1]"),
    )


@mistake("wire/control/ber.py", "missing bound")
def ber_integers_wider_than_their_type() -> None:
    """An integer in BER may have more octets than its type."""
    edit(ber._Decoder._integer, ("if len(content) > width:", "if len(content) > 2 * width:"))


@mistake("wire/control/ber.py", "recursion")
def ber_skips_by_recursion() -> None:
    """Unknown elements in BER are skipped by a function that calls itself, however deep they are."""

    def skip(self: ber._Decoder, octet: int, end: int, stop: int, depth: int, at: int) -> None:
        if end >= 0:
            self._position = end
        else:
            self._expect_constructed(octet, at)
            skip_content(self, stop, depth + 1)

    def skip_content(self: ber._Decoder, stop: int, depth: int) -> None:
        while self._has_more(-1, stop):
            at = self._position
            octet, _, end = self._header(stop)
            skip(self, octet, end, stop, depth, at)

    replace(ber._Decoder, "_skip", skip)


@mistake("wire/control/json_codec.py", "recursion")
def json_nested_as_deep_as_it_likes() -> None:
    """The nesting of a control message in JSON is left to the parser."""
    replace(json_codec._Decoder, "_check_depth", lambda _self, _text: None)


@mistake("wire/control/json_codec.py", "JSON")
def json_strings_of_half_pairs() -> None:
    """A string of a control message in JSON may hold half a surrogate pair."""
    edit(json_codec._Decoder._string, ("value.encode()", "value.encode(errors='replace')"))


@mistake("wire/control/json_codec.py", "sign")
def json_counts_below_nothing() -> None:
    """Of a number in JSON only the upper bound is looked at."""
    edit(json_codec._Decoder._integer, ("if not low <= number <= high:", "if number > high:"))


# Sessions begin.


@mistake("session/negotiation.py", "negotiation")
def nodes_of_clusters_let_in() -> None:
    """A node of a cluster gets a client's session."""
    edit(
        negotiation.negotiate,
        ("kind not in (SessionKind.CLIENT, SessionKind.ADMIN)", "kind is SessionKind.PROXY"),
    )


@mistake("wire/features.py", "negotiation")
def first_encoding_decides() -> None:
    """A client that lists JSON before BER is answered in JSON."""
    getter = features.Features.wants_json.fget  # type: ignore[attr-defined]
    edit(getter, ('and "BER" not in self.encodings', 'and self.encodings[0] == "JSON"'))


@mistake("security/builtin.py", "missing bound")
def beginning_of_a_password_is_enough() -> None:
    """The password is compared as far as the client has given it."""
    edit(
        builtin.BasicAuthenticator.identify,
        ('hmac.compare_digest(password, expected or b"")',
         'hmac.compare_digest(password, (expected or b"")[: len(password)])'),
    )  # fmt: skip


# Texts.


@mistake("base/uri.py", "URI")
def uri_with_an_empty_tier() -> None:
    """The tier of a URI may be empty."""
    edit(uri._parse_tier, ("if end == start:", "if end < start:"))


@mistake("base/uri.py", "URI")
def uri_query_by_its_beginning() -> None:
    """Any query of a URI that begins like `id` is one."""
    edit(uri._parse_query, ("key != _QUERY_ID", "not key.startswith(_QUERY_ID)"))


@mistake("base/uri.py", "off by one")
def uri_of_a_name_too_long() -> None:
    """A queue's name may have one character more than the limit."""
    edit(
        uri.QueueUri.parse.__func__,  # type: ignore[attr-defined]
        (
            "len(queue) > limits.QUEUE_NAME_CHARS_MAX:",
            "len(queue) > limits.QUEUE_NAME_CHARS_MAX + 1:",
        ),
    )


@mistake("expr/tokens.py", "quadratic loop")
def expression_strings_tried_in_every_way() -> None:
    """A string without an end is tried in every way to cut it into pieces."""
    pattern = tokens._TOKEN.pattern.replace(rb'[^"\\\0]|', rb'[^"\\\0]+|')
    assert pattern != tokens._TOKEN.pattern
    replace(tokens, "_TOKEN", re.compile(pattern, re.VERBOSE | re.DOTALL))


@mistake("expr/parser.py", "expressions")
def expression_comparisons_in_a_row() -> None:
    """Comparisons can follow one another without parentheses."""
    replace(parser, "_NOT_ASSOCIATIVE", frozenset())


@mistake("expr/parser.py", "missing bound")
def expression_properties_not_counted() -> None:
    """The use of a property is not counted as an operator."""
    edit(parser._Parser._use, ("self._operators += 1", "pass"))


@mistake("expr/evaluation.py", "sign")
def expression_quotients_rounded_down() -> None:
    """A quotient is rounded down, and not toward zero."""
    edit(
        evaluation._divide,
        ("return quotient if (a < 0) == (b < 0) else -quotient", "return a // b"),
    )


@mistake("expr/evaluation.py", "missing bound")
def expression_minimum_by_minus_one() -> None:
    """The least number can be divided by -1."""
    edit(evaluation._check_division, (" or (a == INT64_MIN and b == -1)", ""))


@mistake("admin/words.py", "missing bound")
def command_with_numbers_of_any_size() -> None:
    """Numbers in the words of a command may have more than 32 bits."""
    edit(words._integer, ("if is_int32(number) else None", ""))


@mistake("admin/values.py", "sign")
def command_with_half_negative_offsets() -> None:
    """Of a negative offset from UTC only the hours are negative."""
    edit(
        values._offset_minutes,
        ('(hours * 60 + minutes) * (-1 if zone[0] == "-" else 1)',
         'hours * 60 * (-1 if zone[0] == "-" else 1) + minutes'),
    )  # fmt: skip


@mistake("admin/json_commands.py", "quadratic loop")
def command_strings_tried_in_every_way() -> None:
    """A string without an end in a command is tried in every way to cut it into pieces."""
    pattern = re.compile(r'"(?:[^"\\]+|\\.)*"|[\[\]{}]', re.DOTALL)
    replace(json_commands, "_STRING_OR_BRACKET", pattern)


# Files.


@mistake("config/reader.py", "missing bound")
def config_integer_too_large_for_a_float() -> None:
    """An integer is made a float, however large it is."""
    edit(reader._as_number, ("case int() if abs(raw) <= _EXACT_FLOAT_MAX:", "case int():"))


@mistake("config/reader.py", "configuration")
def config_number_with_a_tail() -> None:
    """A number in quotes is one if it begins like one."""
    edit(reader._as_integer, ("_INTEGER.fullmatch(raw)", "_INTEGER.match(raw)"))


@mistake("config/reader.py", "configuration")
def config_bool_of_anything() -> None:
    """What is given for a bool is looked up whatever it is."""
    edit(reader._as_bool, (" if isinstance(raw, str) else None", ""))


@mistake("config/reader.py", "configuration")
def config_choice_of_nothing() -> None:
    """A choice may have no member."""
    edit(reader._Reader._read_object, ("len(raw) != 1", "len(raw) > 1"))


@mistake("config/document.py", "recursion")
def config_nested_as_deep_as_it_likes() -> None:
    """Nobody expects that a file is nested too deeply for the parser."""
    edit(document.load_document, ("except RecursionError:", "except MemoryError:"))


@mistake("storage/bodies.py", "log segment")
def log_record_of_unknown_kind() -> None:
    """Every kind of record is taken for known."""
    edit(bodies.decode_body, ("_DECODERS.get(record.kind)", "_DECODERS[record.kind]"))


@mistake("storage/replay.py", "stale handle")
def log_record_of_a_removed_queue() -> None:
    """Every queue that a record names is taken for known."""
    edit(replay.Replay._queue, ("self.queues.get(number)", "self.queues[number]"))


@mistake("storage/bodies.py", "snapshot")
def snapshot_columns_cut_short() -> None:
    """The number of messages in a snapshot is not compared with what is there."""
    edit(bodies._messages, ("len(body) != _TWO.size", "len(body) > _TWO.size"))


@mistake("storage/bodies.py", "snapshot")
def snapshot_with_half_a_guid() -> None:
    """The GUIDs of a snapshot's history may end in the middle of one."""
    edit(bodies._history, ("len(guids) % GUID_SIZE", "len(guids) < 0"))


@mistake("storage/ledger.py", "stale handle")
def ledger_of_queues_never_assigned() -> None:
    """Every queue that a record of the ledger names is taken for known."""
    edit(ledger.Ledger.apply, ("except KeyError as error:", "except IndexError as error:"))
