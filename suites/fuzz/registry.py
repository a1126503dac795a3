"""The targets: what can be fuzzed, under which name, from which seeds.

| id                  | module              | crash means                                        |
|---------------------|---------------------|----------------------------------------------------|
| `FUZZ-EVENT-READER` | `fuzz_event_reader` | a defect                                           |
| `FUZZ-BROKER-CORE`  | `fuzz_broker_core`  | a defect                                           |
| `FUZZ-CANARY`       | `canary`            | all is well; it is its absence that is reported    |

Where an id is asked for, the dotted name of a module will do, too: any module that has
`test_one_input(data: bytes)`, so that users fuzz parsers of their own with the same harness.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from reference_broker.base import OperatorError
from suites.fuzz.fuzz_broker_core import STAGE_BYTES
from suites.fuzz.seeds import broker_core_seeds, event_reader_seeds, no_seeds

INPUT_BYTES_MAX: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One thing to fuzz.

    Attributes:
        id: of its case in a report.
        title: the same in words.
        module: dotted name of the module with `test_one_input`.
        package: top-level package whose code gives coverage.
        seeds: gives inputs to begin with, by name.
        unguided_seeds: inputs to add where there is no coverage to guide the fuzzer.
        has_dictionary: whether the protocol's tokens are worth inserting.
        prefix_bytes: bytes of an input before its stream of events.
        input_bytes_max: longest input tried.
    """

    id: str
    title: str
    module: str
    package: str = "reference_broker"
    seeds: Callable[[], Mapping[str, bytes]] = no_seeds
    unguided_seeds: tuple[bytes, ...] = ()
    has_dictionary: bool = True
    prefix_bytes: int = 0
    input_bytes_max: int = INPUT_BYTES_MAX

    @property
    def function(self) -> Callable[[bytes], None]:
        """`test_one_input` itself, uninstrumented, in this process."""
        found: Callable[[bytes], None] = import_module(self.module).test_one_input
        return found

    @property
    def invariant(self) -> str:
        """The sentence that must hold: the first line of the module's docstring."""
        return (import_module(self.module).__doc__ or "").partition("\n")[0].replace("`", "")


EVENT_READER: Final = Target(
    id="FUZZ-EVENT-READER",
    title="The event reader and every decoder of bodies survive",
    module="suites.fuzz.fuzz_event_reader",
    seeds=event_reader_seeds,
)
BROKER_CORE: Final = Target(
    id="FUZZ-BROKER-CORE",
    title="The broker core and a bystander survive one connection",
    module="suites.fuzz.fuzz_broker_core",
    seeds=broker_core_seeds,
    prefix_bytes=STAGE_BYTES,
)
CANARY: Final = Target(
    id="FUZZ-CANARY",
    title="The canary crashes",
    module="suites.fuzz.canary",
    package="suites",
    unguided_seeds=(b"BMQ?",),
    has_dictionary=False,
)

TARGETS: Final[Mapping[str, Target]] = {
    target.id: target for target in (EVENT_READER, BROKER_CORE, CANARY)
}
#: Run when nothing is asked for, beside the canary; the first gets the whole time.
SMOKE: Final = (EVENT_READER, BROKER_CORE)


def find_target(name: str) -> Target:
    """Return the target with an id, or one made of a module's dotted name.

    Raises:
        OperatorError: there is neither.
    """
    if name in TARGETS:
        return TARGETS[name]
    try:
        is_module = "." in name and importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        is_module = False
    if not is_module or not hasattr(import_module(name), "test_one_input"):
        known = ", ".join(TARGETS)
        raise OperatorError(
            f"{name!r} is no case of the fuzz suite (those are FUZZ-CORPUS, {known}) "
            "and no module with a function test_one_input(data)"
        )
    return Target(
        id=name,
        title=f"{name} survives",
        module=name,
        package=name.partition(".")[0],
        has_dictionary=False,
    )
