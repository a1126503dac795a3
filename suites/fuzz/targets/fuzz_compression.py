"""A stream inflates to what it holds and to no more than it may, or is refused with a typed error.

An input is a zlib stream. For any bytes:

- no more comes out than the limit; one byte less is too little, and says that this is why;
- what comes out is what zlib says when it is asked in small steps;
- a whole stream is refused with a byte behind it, and without its last byte;
- any bytes, compressed, inflate to themselves.

Accepted rejections: `WireError`; `DecompressionLimitError` only for what is larger than the limit.
"""

from __future__ import annotations

import zlib
from typing import Final

from reference_broker.base import WireError
from reference_broker.base.limits import KIB
from reference_broker.wire import DecompressionLimitError, compress, decompress
from suites.fuzz.oracles.bodies import check_rejection

#: What an input may inflate to here; far below the product's limit, to keep executions short.
INFLATED_BYTES_MAX: Final = 4 * KIB
_STEP_BYTES: Final = 512


def test_one_input(data: bytes) -> None:
    """Inflate `data`, and compress it.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    packed = compress(data)
    again = decompress(packed, len(data))
    assert again == data, f"{data.hex()} is compressed to {packed.hex()}, inflated to {again.hex()}"
    witness, is_whole = _in_steps(data)
    try:
        plain = decompress(data, INFLATED_BYTES_MAX)
    except DecompressionLimitError as error:
        check_rejection(error, len(data))
        assert len(witness) > INFLATED_BYTES_MAX, f"{len(witness)} bytes are said to be too many"
        return
    except WireError as error:
        check_rejection(error, len(data))
        assert not is_whole, f"a whole stream is refused: {data.hex()}"
        return
    assert len(plain) <= INFLATED_BYTES_MAX, f"inflated to {len(plain)} bytes"
    assert plain == witness, f"{data.hex()} is inflated to {plain.hex()}, not {witness.hex()}"
    assert is_whole, f"half a stream is accepted: {data.hex()}"
    assert decompress(data, len(plain)) == plain, f"the limit of {len(plain)} bytes is too strict"
    _check_refused(data + b"\0", INFLATED_BYTES_MAX)
    _check_refused(data[:-1], INFLATED_BYTES_MAX)
    if plain:
        refusal = _check_refused(data, len(plain) - 1)
        assert isinstance(refusal, DecompressionLimitError), f"no reason to refuse: {refusal}"


def _in_steps(data: bytes) -> tuple[bytes, bool]:
    """Return what a stream inflates to, up to one byte above the limit, and whether it is whole."""
    stream = zlib.decompressobj()
    inflated = b""
    rest = data
    try:
        while len(inflated) <= INFLATED_BYTES_MAX and not stream.eof:
            most = min(_STEP_BYTES, INFLATED_BYTES_MAX + 1 - len(inflated))
            step = stream.decompress(rest, most)
            if not step and not stream.eof:
                return inflated, False
            inflated += step
            rest = stream.unconsumed_tail
    except zlib.error:
        return inflated, False
    return inflated, stream.eof and not stream.unused_data


def _check_refused(data: bytes, limit: int) -> WireError:
    try:
        plain = decompress(data, limit)
    except WireError as error:
        return error
    raise AssertionError(f"{data.hex()} is inflated to {len(plain)} bytes, with a limit of {limit}")
