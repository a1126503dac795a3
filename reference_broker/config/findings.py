"""What a document said beyond what the broker acts on: kept and reported, never eaten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Base of every parsed configuration.

    Attributes:
        unknown: paths of members that the peer's schema does not have (a typing mistake, or a
            newer peer).
        unhonoured: paths of members that are well-formed and ask for something, and that this
            version accepts without effect. `unhonoured_reason(path)` says why.
        extra: the raw value at each path of `unknown` and `unhonoured`.
    """

    unknown: tuple[str, ...] = ()
    unhonoured: tuple[str, ...] = ()
    extra: Mapping[str, object] = field(default_factory=dict, hash=False, repr=False)
