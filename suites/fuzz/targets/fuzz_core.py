"""Whatever three clients do, in whatever order, the broker keeps its promises and nobody is harmed.

An input is a program: see `core.program` for its bytes, `core.deeds` for what can happen. It runs
against the real `Broker.step`, from one of the states of `core.starts`. What must hold:

- the core raises nothing, and asks for a bounded number of steps, log records and sent bytes;
- clients are sent whole events; who breaks the protocol is closed, and nobody else;
- a request is answered once, as `core.client` and `core.deeds` foresee;
- what is acknowledged is delivered or still stored, by count, and is there after a restart if it was
  durable; nothing is delivered that was not posted, twice without a flag, or after its confirmation;
  order is kept; who has room does not wait: see `core.queue_model`;
- at the end everybody hangs up and nothing is left, and a bystander could use its queue all the time.

The states that a program reaches are reported to the fuzzer beside the code that it runs.
Accepted rejections: none.
"""

from __future__ import annotations

from typing import Final

from suites.fuzz.core import deeds
from suites.fuzz.core.play import Play
from suites.fuzz.core.program import Program, decode
from suites.fuzz.core.starts import play_at

# Of any program, and for each instruction and byte of it.
_STEPS_FREE: Final = 64
_STEPS_PER_INSTRUCTION: Final = 200
_LOG_RECORDS_FREE: Final = 64
_LOG_RECORDS_PER_INSTRUCTION: Final = 64
_SENT_BYTES_FREE: Final = 64 * 1024
# A message can be delivered again and again, to each of three clients.
_SENT_BYTES_PER_BYTE: Final = 256
_FILE_BYTES_FREE: Final = 256 * 1024
_FILE_BYTES_PER_BYTE: Final = 64


def test_one_input(data: bytes) -> None:
    """Execute a program and look at everybody.

    Raises:
        Exception: the core raised it, or a statement does not hold.
    """
    program = decode(data)
    play = play_at(program.start)
    before = play.world.step_count, play.world.log_count, play.world.sent_bytes
    deeds.perform(play, program)
    deeds.finish(play)
    _check_work(play, program, before)


def _check_work(play: Play, program: Program, before: tuple[int, int, int]) -> None:
    """Check that the broker has not done more than it was asked for."""
    steps, records, sent = before
    world, count, received = play.world, len(program.instructions), play.received_bytes
    most = _STEPS_FREE + _STEPS_PER_INSTRUCTION * count
    steps = world.step_count - steps
    assert steps <= most, f"{count} instructions took {steps} steps"
    most = _LOG_RECORDS_FREE + _LOG_RECORDS_PER_INSTRUCTION * count
    records = world.log_count - records
    assert records <= most, f"{count} instructions caused {records} log records"
    most = _SENT_BYTES_FREE + _SENT_BYTES_PER_BYTE * received
    sent = world.sent_bytes - sent
    assert sent <= most, f"{received} bytes caused {sent} to be sent"
    most = _FILE_BYTES_FREE + _FILE_BYTES_PER_BYTE * received
    stored = sum(map(len, world.files.values()))
    assert stored <= most, f"{received} bytes caused {stored} in files"
