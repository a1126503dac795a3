"""The catalogue of malformed and hostile inputs: data, for any target.

| module    | inputs                                                         | numbers     |
|-----------|----------------------------------------------------------------|-------------|
| `framing` | event headers, types, sizes, truncations                       | 1 to 99     |
| `puts`    | PUT messages, their options, properties and compression        | 100 to 159  |
| `lists`   | CONFIRM events, and lists that only brokers send               | 160 to 199  |
| `control` | control messages: BER and JSON                                 | 200 to 299  |
| `state`   | right messages at the wrong time, before and after negotiation | 300 and up  |

`proofs` says which statements of the protocol they prove.

Each input says what the broker must do. Where BlazingMQ's answer is known that is it; otherwise
it is an error in the log and a closed connection. `Malformed.judge` says what other answers mean.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from suites.integration.malformed.control import CONTROL
from suites.integration.malformed.framing import FRAMING
from suites.integration.malformed.lists import LISTS
from suites.integration.malformed.model import Malformed, Outcome, Phase, Scene, Seen
from suites.integration.malformed.proofs import PROOFS
from suites.integration.malformed.puts import PUTS
from suites.integration.malformed.state import STATE

__all__ = ["CATALOGUE", "Malformed", "Outcome", "Phase", "Scene", "Seen"]

#: Every input, by number.
CATALOGUE: Final = tuple(
    replace(entry, proves=PROOFS.get(entry.number, ()))
    for entry in sorted((*FRAMING, *PUTS, *LISTS, *CONTROL, *STATE), key=lambda e: e.number)
)
