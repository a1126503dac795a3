"""Replay: from records, of a snapshot and of the log behind it, to what the queues hold.

Messages are only ever added while records are read; what apps have confirmed is noted beside. Once
all is read the messages that nobody needs are taken out, all at once, which costs a fraction of
looking each one up. Batches of messages of one size, the usual ones, are taken apart without a
step for each message.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import compress
from operator import itemgetter
from typing import Final, NamedTuple

from reference_broker.base import DEFAULT_APP_ID, GUID_SIZE, QueueUri, WireError
from reference_broker.base.limits import DEDUPLICATION_GUIDS_MAX
from reference_broker.storage.bodies import (
    ALL_APPS,
    PUTS_PREFIX_SIZE,
    AppRecord,
    Body,
    ConfirmsRecord,
    HistoryRecord,
    MessagesRecord,
    MovedRecord,
    PurgeRecord,
    PutsRecord,
    QueueRecord,
    RemovedRecord,
    TrimmedRecord,
)
from reference_broker.storage.columns import (
    SEGMENT_SHIFT,
    STORED_HEADER_SIZE,
    Columns,
    coding_word,
    cut_columns,
)
from reference_broker.storage.records import RecordError
from reference_broker.storage.stored import StoredApp, StoredQueue, has_no_options
from reference_broker.wire import iter_puts

#: The second word of a stored message's header, but for the compression: 9 words, no options.
_WORD_1: Final = STORED_HEADER_SIZE // 4
_COMPRESSION_BITS: Final = 7 << 5
#: The words with sizes and flags, GUID and schema id of a stored message.
_EVEN_FORM: Final = f">II4x{GUID_SIZE}s4xH"
_PADDINGS: Final = frozenset({1, 2, 3, 4})
_first: Final = itemgetter(0)
#: Number of the one app that a queue has in all modes but fanout.
_DEFAULT_APP: Final = 0


class _Batch(NamedTuple):
    """What the log says of messages that it stores, one after the other."""

    guids: bytes
    locations: array[int] | range | list[int]
    sizes: array[int]
    codings: array[int]


class QueueReplay:
    """What is known of one queue so far.

    Args:
        number: in the log.
        uri: canonical.
    """

    def __init__(self, number: int, uri: QueueUri) -> None:
        self.number = number
        self.uri = uri
        self.next_ordinal = 0
        self.apps: dict[int, StoredApp] = {}
        self._ordinals = array("Q")
        self._guids = bytearray()
        self._locations = array("Q")
        self._sizes = array("I")
        self._arrivals = array("Q")
        self._codings = array("I")
        self._history = bytearray()
        self._last_put = -1
        self._is_sorted = True
        #: The app that is there although no record says so.
        self._implied: StoredApp | None = None

    def add_puts(self, body: PutsRecord, location: int) -> None:
        """Take a batch of messages, the first of which is at `location`.

        Raises:
            RecordError: they are not PUT messages without options.
        """
        batch = _columns_of(body.messages, location)
        count = len(batch.sizes)
        first = body.first_ordinal
        if first <= self._last_put:
            raise RecordError(f"ordinal {first} of {self.uri} is given twice")
        self._last_put = first + count - 1
        self._imply_app(first)
        self._ordinals.extend(range(first, first + count))
        self._arrivals.extend(array("Q", [body.wall_ns]) * count)
        self._add(batch)
        self.next_ordinal = max(self.next_ordinal, first + count)

    def add_moved(self, body: MovedRecord, location: int) -> None:
        """Take messages that are at another place now, the first of them at `location`."""
        batch = _columns_of(body.messages, location)
        if len(batch.sizes) != len(body.ordinals):
            raise RecordError(f"{len(batch.sizes)} messages, but {len(body.ordinals)} ordinals")
        if body.ordinals:
            self._imply_app(body.ordinals[0])
        self._ordinals.extend(body.ordinals)
        self._arrivals.extend(body.arrivals)
        self._add(batch)
        self._is_sorted = False
        for number, ordinal in body.done:
            if number in self.apps:
                self.apps[number].done.append(ordinal)

    def _imply_app(self, first: int) -> None:
        """See to it that somebody needs the messages that are stored from an ordinal on.

        Nobody stores a message that no app needs; so where the log knows of no app its record is
        missing. A fanout queue without apps stores nothing: the messages are those of the one app
        that a queue has in every other mode. Dropping them would lose what was acknowledged.
        """
        if not self.apps:
            self._implied = StoredApp(_DEFAULT_APP, DEFAULT_APP_ID, first)
            self.apps[_DEFAULT_APP] = self._implied
        elif self._implied is not None:  # an older message may have been moved behind the others
            self._implied.first_ordinal = min(self._implied.first_ordinal, first)

    def add_columns(self, columns: Columns) -> None:
        """Take messages of a snapshot."""
        if columns.ordinals:
            self._last_put = columns.ordinals[-1]
        self._ordinals.extend(columns.ordinals)
        self._arrivals.extend(columns.arrivals)
        self._add(_Batch(columns.guids, columns.locations, columns.sizes, columns.codings))

    def _add(self, batch: _Batch) -> None:
        self._guids += batch.guids
        self._locations.extend(batch.locations)
        self._sizes.extend(batch.sizes)
        self._codings.extend(batch.codings)

    def add_history(self, guids: bytes) -> None:
        """Take GUIDs of messages that are gone."""
        self._history += guids

    @property
    def history(self) -> bytes:
        """GUIDs of messages that are gone, as far as they are known."""
        return bytes(self._history)

    def add_app(self, body: AppRecord) -> None:
        """Take note of an app that comes, is introduced again, or goes."""
        known = self.apps.get(body.app)
        if not body.is_registered:
            self.apps.pop(body.app, None)
        elif known is None or known.app_id != body.app_id:
            self.apps[body.app] = StoredApp(body.app, body.app_id, body.first_ordinal)
        else:
            known.first_ordinal = max(known.first_ordinal, body.first_ordinal)
        self.next_ordinal = max(self.next_ordinal, body.first_ordinal)

    def confirm(self, app: int, ordinals: array[int]) -> None:
        """Take note that an app has done with messages; one that is gone has nothing to do."""
        if app in self.apps:
            self.apps[app].done.extend(ordinals)

    def purge(self, app: int, upto: int) -> None:
        """Take note that everything below an ordinal is gone."""
        self.next_ordinal = max(self.next_ordinal, upto)
        for each in self.apps.values():
            if app in (ALL_APPS, each.number):
                each.first_ordinal = max(each.first_ordinal, upto)

    # The end.

    def settle(self) -> StoredQueue:
        """Return what is left of the queue."""
        if not self._is_sorted:
            self._sort()
        columns = Columns(
            self._ordinals,
            bytes(self._guids),
            self._locations,
            self._sizes,
            self._arrivals,
            self._codings,
        )
        # The columns are only made smaller from here on, and the originals are not needed.
        columns = self._without_dead(columns)
        self._reduce_done(columns.ordinals)
        history = bytes(self._history[-DEDUPLICATION_GUIDS_MAX * GUID_SIZE :])
        return StoredQueue(self.number, self.uri, self.next_ordinal, self.apps, columns, history)

    def _sort(self) -> None:
        """Put messages that were copied back into order; of two copies the later one counts."""
        places = {ordinal: place for place, ordinal in enumerate(self._ordinals)}
        order = [place for _, place in sorted(places.items())]
        guids = bytes(self._guids)
        self._guids = bytearray().join(
            [guids[place * GUID_SIZE : (place + 1) * GUID_SIZE] for place in order]
        )
        self._ordinals = array("Q", [self._ordinals[place] for place in order])
        self._locations = array("Q", [self._locations[place] for place in order])
        self._sizes = array("I", [self._sizes[place] for place in order])
        self._arrivals = array("Q", [self._arrivals[place] for place in order])
        self._codings = array("I", [self._codings[place] for place in order])

    def _without_dead(self, columns: Columns) -> Columns:
        """Return the messages that some app needs; the GUIDs of the others become history."""
        ordinals = columns.ordinals
        apps = list(self.apps.values())
        first = min((app.first_ordinal for app in apps), default=self.next_ordinal)
        start = bisect_left(ordinals, first)
        if start:
            self._history += columns.guids[: start * GUID_SIZE]
            columns = cut_columns(columns, start, len(ordinals))
            ordinals = columns.ordinals
        if not apps or not all(app.done or app.first_ordinal > first for app in apps):
            return columns  # one app has confirmed nothing and needs them all
        gone = set(self._needless(apps[0], ordinals))
        for app in apps[1:]:
            gone.intersection_update(self._needless(app, ordinals))
        return self._pick(columns, [ordinal not in gone for ordinal in ordinals])

    def _needless(self, app: StoredApp, ordinals: array[int]) -> array[int]:
        """Return the ordinals that an app does not need, in any order."""
        return app.done + ordinals[: bisect_left(ordinals, app.first_ordinal)]

    def _pick(self, columns: Columns, is_live: list[bool]) -> Columns:
        """Return the messages that are live; the GUIDs of the others become history."""
        guids = list(map(_first, struct.iter_unpack(f"{GUID_SIZE}s", columns.guids)))
        self._history += b"".join(compress(guids, [not each for each in is_live]))
        return Columns(
            array("Q", compress(columns.ordinals, is_live)),
            b"".join(compress(guids, is_live)),
            array("Q", compress(columns.locations, is_live)),
            array("I", compress(columns.sizes, is_live)),
            array("Q", compress(columns.arrivals, is_live)),
            array("I", compress(columns.codings, is_live)),
        )

    def _reduce_done(self, ordinals: array[int]) -> None:
        """Keep of what apps have confirmed only what the queue still holds."""
        if not any(app.done for app in self.apps.values()):
            return
        live = set(ordinals)
        for app in self.apps.values():
            kept = live.intersection(app.done)
            app.done = array("Q", sorted([each for each in kept if each >= app.first_ordinal]))


class Replay:
    """What is known of one partition so far.

    Args:
        histories: GUIDs of messages that are gone, by number and URI of the queue.

    Attributes:
        queues: by number.
        highest_queue: the highest queue number that was ever given.
        oldest: the oldest segment that is needed.
        introduced: (queue, None) and (queue, app) for each that the segment at hand introduces.
    """

    def __init__(self, histories: Mapping[tuple[int, QueueUri], bytes] | None = None) -> None:
        self.queues: dict[int, QueueReplay] = {}
        self._histories = histories or {}
        self.highest_queue = 0
        self.oldest = 1
        self.introduced: set[tuple[int, int | None]] = set()

    def apply(self, body: Body, location: int) -> None:
        """Take what one record says.

        Args:
            body: of the record.
            location: where the record's body begins.

        Raises:
            RecordError: it does not fit to what was said before.
        """
        match body:
            case PutsRecord(queue):
                self._queue(queue).add_puts(body, location + PUTS_PREFIX_SIZE)
            case ConfirmsRecord(queue, app, ordinals):
                self._queue(queue).confirm(app, ordinals)
            case MessagesRecord(queue, columns):
                self._queue(queue).add_columns(columns)
            case MovedRecord(queue):
                self._queue(queue).add_moved(body, location + body.prefix_size)
            case HistoryRecord(queue, guids):
                self._queue(queue).add_history(guids)
            case PurgeRecord(queue, app, upto):
                self._queue(queue).purge(app, upto)
            case QueueRecord():
                self._add_queue(body)
            case AppRecord(queue, app):
                self._queue(queue).add_app(body)
                self.introduced.add((queue, app))
            case RemovedRecord(queue):
                self._queue(queue)
                del self.queues[queue]
            case TrimmedRecord(oldest):
                if oldest > location >> SEGMENT_SHIFT:
                    raise RecordError(f"segment {oldest}, which comes later, is the oldest needed")
                self.oldest = max(self.oldest, oldest)
            case _:
                raise RecordError(f"{type(body).__name__} where it does not belong")

    def _add_queue(self, body: QueueRecord) -> None:
        known = self.queues.get(body.queue)
        if known is None or known.uri != body.uri:
            known = self.queues[body.queue] = QueueReplay(body.queue, body.uri)
            known.add_history(self._histories.get((body.queue, body.uri), b""))
        known.next_ordinal = max(known.next_ordinal, body.next_ordinal)
        self.highest_queue = max(self.highest_queue, body.queue)
        self.introduced.add((body.queue, None))

    def _queue(self, number: int) -> QueueReplay:
        queue = self.queues.get(number)
        if queue is None:
            raise RecordError(f"queue {number} is never introduced")
        return queue

    def histories(self) -> dict[tuple[int, QueueUri], bytes]:
        """Return the GUIDs of messages that are gone, by number and URI of the queue."""
        return {(each.number, each.uri): each.history for each in self.queues.values()}

    def introduced_so_far(self) -> set[tuple[int, int | None]]:
        """Return what a segment that says all that is known so far would introduce."""
        return {
            mark
            for number, queue in self.queues.items()
            for mark in ((number, None), *((number, app) for app in queue.apps))
        }


def _columns_of(messages: memoryview, location: int) -> _Batch:
    """Take stored messages apart, the first one at `location`.

    Raises:
        RecordError: they are not PUT messages without options.
    """
    if len(messages) >= STORED_HEADER_SIZE + 4:
        stride = (int.from_bytes(messages[:4], "big") & 0x0FFF_FFFF) * 4
        if stride > STORED_HEADER_SIZE and not len(messages) % stride:
            batch = _even_columns(messages, location, stride)
            if batch is not None:
                return batch
    return _uneven_columns(messages, location)


def _even_columns(messages: memoryview, location: int, stride: int) -> _Batch | None:
    """Do it for messages that are all of the same size in the log; None if they are not."""
    form = f"{_EVEN_FORM}{stride - STORED_HEADER_SIZE + 1}xB"
    words_0, words_1, guids, schemas, padding = zip(
        *struct.iter_unpack(form, messages), strict=True
    )
    is_even = len({word & 0x0FFF_FFFF for word in set(words_0)}) == 1
    if not (is_even and {word & ~_COMPRESSION_BITS for word in set(words_1)} == {_WORD_1}):
        return None
    end = stride - STORED_HEADER_SIZE
    if not set(padding) <= _PADDINGS or (end == 4 and 4 in padding):
        return None
    sizes = array("I", [end - each for each in padding])
    locations = range(location, location + len(messages), stride)
    return _Batch(b"".join(guids), locations, sizes, _even_codings(words_0, words_1, schemas))


def _even_codings(
    words_0: Sequence[int], words_1: Sequence[int], schemas: Sequence[int]
) -> array[int]:
    """Return the coding words of messages, given the words of their headers that say it."""
    if len(set(words_0)) == len(set(words_1)) == len(set(schemas)) == 1:  # as usual
        return array("I", [_coding_word(words_0[0], words_1[0], schemas[0])]) * len(schemas)
    kinds = list(zip(words_0, words_1, schemas, strict=True))
    known = {kind: _coding_word(*kind) for kind in set(kinds)}
    return array("I", [known[kind] for kind in kinds])


def _coding_word(word_0: int, word_1: int, schema: int) -> int:
    return coding_word(word_0 >> 28, word_1 >> 5 & 7, schema)


def _uneven_columns(messages: memoryview, location: int) -> _Batch:
    data = bytes(messages)
    guids: list[bytes] = []
    sizes = array("I")
    locations: list[int] = []
    codings = array("I")
    try:
        for put in iter_puts(data, 0, len(data)):
            if not has_no_options(put):
                raise RecordError(f"message {len(guids)} of a batch has options")
            guids.append(put[3])
            sizes.append(put[8] - put[7])
            locations.append(location + put[10])
            codings.append(coding_word(put[0], put[1], put[5]))
    except WireError as error:
        raise RecordError(f"message {len(guids)} of a batch: {error}") from error
    return _Batch(b"".join(guids), locations, sizes, codings)
