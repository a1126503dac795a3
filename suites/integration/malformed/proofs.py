"""Which statements of `docs/protocol` the inputs of the catalogue prove, by their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_TRUNCATED: Final = (*range(40, 46), *range(50, 60), *range(65, 71), *range(75, 80))
_UNREADABLE_PUTS: Final = (*range(100, 114), *range(115, 118))
_BER_GARBAGE: Final = (*range(200, 209), *range(210, 219), 220, 221)
_JSON_GARBAGE: Final = tuple(range(260, 278))
_REFUSED: Final = (*range(240, 247), *range(335, 338), 339, 340)

_FRAMING: Final[Mapping[str, tuple[int, ...]]] = {
    "FRAME-3": (*_TRUNCATED, 85),
    "FRAME-4": (85,),
    "FRAME-5": (1, 2, 3, 29),
    "FRAME-6": (6,),
    "FRAME-7": (4, 5, 26),
    "FRAME-8": (27, 28, 30),
    "FRAME-9": (25,),
    "FRAME-10": (7, 8, 9),
    "FRAME-11": (10, 11, 12),
    "FRAME-13": (13, 14, 15),
    "FRAME-14": (*range(16, 25), 185, 186, 187),
    "FRAME-15": (275, 276),
    "FRAME-16": (*range(247, 253), 314),
}

_MESSAGES: Final[Mapping[str, tuple[int, ...]]] = {
    "PUT-5": (124,),
    "PUT-6": (114,),
    "PUT-7": (*_UNREADABLE_PUTS, 131, 132, 133),
    "PUT-9": _UNREADABLE_PUTS,
    "PUT-10": (100, 102, 103, 104, 115, 116, 117),
    "PUT-11": (105, 106, 107),
    "PUT-12": (108, 109),
    "PUT-13": (101, 113),
    "PUT-14": (110, 111, 112),
    "PUT-16": (119, 120, 121, 338),
    "PUT-17": (122,),
    "PUT-18": (118,),
    "PUT-20": (118, 119, 120, 121, 122),
    "CRC-2": (123,),
    "COMP-3": (135,),
    "COMP-4": (131, 132),
    "COMP-5": (133,),
    "COMP-6": (134,),
    "COMP-7": tuple(range(125, 131)),
    "PROP-6": tuple(range(136, 143)),
    "OPT-1": (149,),
    "OPT-2": (145, 146, 147),
    "OPT-3": (148,),
    "OPT-4": (150, 151),
    "OPT-5": (152, 153),
    "CONFIRM-3": tuple(range(172, 179)),
    "CONFIRM-6": (172, 173, 178),
    "CONFIRM-7": (174, 175),
    "CONFIRM-8": (176, 177),
    "CONFIRM-10": (171,),
    "CONFIRM-11": (170,),
    "CONFIRM-12": (160, 161, 162, 163),
    "CONFIRM-13": tuple(range(164, 169)),
}

_CONTROL: Final[Mapping[str, tuple[int, ...]]] = {
    "BER-1": (219, 230),
    "BER-2": (222,),
    "BER-4": (209, 230),
    "BER-6": (241,),
    "BER-7": (231,),
    "BER-8": (210, 211),
    "BER-9": (200, 201, 202, 203, 218, 276),
    "BER-10": (204, 309),
    "BER-11": (205, 206),
    "BER-12": (207, 208),
    "BER-13": (212, 213),
    "BER-14": (214, 312),
    "BER-15": (215, 311),
    "BER-16": (216,),
    "BER-17": (217,),
    "BER-18": (220,),
    "BER-19": (221,),
    "JSON-4": (286,),
    "JSON-5": (260, 261, 272, 273, 275, 310),
    "JSON-6": (270, 271),
    "JSON-7": (262, 263),
    "JSON-8": (264, 265, 266),
    "JSON-9": (267, 268, 269),
    "JSON-10": (277,),
    "JSON-11": (274,),
    "CTRL-2": _REFUSED,
    "CTRL-3": _REFUSED,
    "CTRL-6": (287, 333, 334),
    "CTRL-7": (*range(232, 236), 285, 286),
    "CTRL-8": tuple(range(236, 240)),
    "CTRL-11": (*_BER_GARBAGE, *_JSON_GARBAGE),
}

_SESSION: Final[Mapping[str, tuple[int, ...]]] = {
    "NEG-5": tuple(range(302, 307)),
    "NEG-6": (300, 301, *range(309, 315)),
    "NEG-7": (307, 308),
    "NEG-16": (330,),
    "AUTH-7": (318,),
    "AUTH-8": (315, 316, 317),
    "AUTH-27": (331, 332),
    "HB-3": (343,),
    "END-3": (344,),
    "URI-1": (243,),
    "URI-4": (241, 242, 244),
    "URI-6": (245,),
    "URI-7": (246,),
}


def _by_number() -> dict[int, tuple[str, ...]]:
    proofs: dict[int, tuple[str, ...]] = {}
    for numbers_by_id in (_FRAMING, _MESSAGES, _CONTROL, _SESSION):
        for statement_id, numbers in numbers_by_id.items():
            for number in numbers:
                proofs[number] = (*proofs.get(number, ()), statement_id)
    return proofs


#: Ids of statements, by the number of the input.
PROOFS: Final[Mapping[int, tuple[str, ...]]] = MappingProxyType(_by_number())
