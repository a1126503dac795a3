"""When a segment is full: the queues that it introduces do not count."""

from __future__ import annotations

import itertools

from reference_broker.base import QueueUri
from reference_broker.ports import CreateFile, Effect, RemoveFile, Write
from reference_broker.storage import PartitionLog, recover_log

SEGMENT = 1_000
QUEUES = 100  # their QUEUE records alone are several times as long as a segment


def uri(index: int) -> QueueUri:
    return QueueUri.parse(f"bmq://test.file/queue-{index}")


def crowded() -> tuple[PartitionLog, dict[str, bytes]]:
    """Return a log that knows many queues, and its files."""
    log, files = PartitionLog(0, SEGMENT), dict[str, bytes]()
    for index in range(1, QUEUES + 1):
        carry_out(files, log.append_queue(index, uri(index)))
    return log, files


def carry_out(files: dict[str, bytes], effects: list[Effect]) -> int:
    """Write to the files; returns how many were created."""
    for effect in effects:
        match effect:
            case CreateFile(name):
                files[name] = b""
            case Write(name, chunks):
                files[name] += b"".join(chunks)
            case RemoveFile(name):
                del files[name]
            case _:
                raise AssertionError(effect)
    return sum(isinstance(effect, CreateFile) for effect in effects)


def append(log: PartitionLog, files: dict[str, bytes], count: int, size: int = 100) -> list[int]:
    """Append small batches; returns for each how many segments it began."""
    begun: list[int] = []
    for _ in range(count):
        number = log.next_segment
        begun.append(carry_out(files, log.append_puts(1, 0, [bytes(size)], 1)))
        assert log.segments[-1].number == number  # as was said before
    return begun


def test_many_idle_queues_do_not_make_each_record_begin_a_segment():
    log, files = crowded()
    append(log, files, 20)
    assert log.segments[-1].preamble > 2 * SEGMENT
    begun = append(log, files, 60)
    # A record of 100 bytes has a header of its own: 7 or 8 of them fill a segment.
    assert 60 // 10 <= sum(begun) <= 60 // 7 + 1
    gaps = [index for index, count in enumerate(begun) if count]
    assert min(b - a for a, b in itertools.pairwise(gaps)) >= 7


def test_confirms_do_not_begin_a_segment_each_either():
    log, files = crowded()
    append(log, files, 40)
    begun = 0
    for segment in [file.number for file in log.segments for _ in range(file.live)]:
        begun += carry_out(files, log.append_confirms(1, [bytes(16)], [segment]))
    assert begun <= 40 * 64 // SEGMENT + 1
    assert len(log.segments) <= 2
    assert len(files) == len(log.segments)


def test_a_restart_begins_one_segment_at_most():
    log, files = crowded()
    append(log, files, 20)
    log = recover_log(0, sorted(files.items()), SEGMENT).log
    assert sum(append(log, files, 6)) <= 1
    assert recover_log(0, sorted(files.items()), SEGMENT).log.queues == log.queues


def test_what_is_written_makes_a_segment_full_all_the_same():
    log, files = crowded()
    append(log, files, 1)
    assert append(log, files, 3, size=SEGMENT)[1:] == [1, 1]
