"""The test that a finding comes with: it fails as long as the target does not survive the input.

It needs nothing but pytest and this package, and may be moved to where such tests are. A finding
under a seeded defect takes that from the environment, so that one can see the test fail with it and
pass without:

::

    GAUNTLET_BREAK=push-twice pytest test_FUZZ_BROKER_CORE_0a1b2c.py
    pytest test_FUZZ_BROKER_CORE_0a1b2c.py
"""

from __future__ import annotations

import json
import re
from typing import Final

from suites.fuzz.parsers import ForeignTarget
from suites.fuzz.registry import Target
from suites.harness.report.text import one_line

#: Names the seeded defect that a generated test applies.
VARIABLE: Final = "GAUNTLET_BREAK"

_DIGITS_OF_A_LINE: Final = 80
_GIST_CHARS_MAX: Final = 100
_PLAIN: Final = '''\
"""{title}: {gist}"""

from __future__ import annotations

from {package} import {module}

INPUT = bytes.fromhex(
{digits}
)


def test_{name}():
    {module}.test_one_input(INPUT)
'''
_WITH_DEFECT: Final = '''\
"""{title}: {gist}

Fails with {variable}={defect} in the environment, and passes without.
"""

from __future__ import annotations

import os

from suites.fuzz.run_target import load

INPUT = bytes.fromhex(
{digits}
)


def test_{name}():
    load("{dotted}", os.environ.get("{variable}", ""))(INPUT)
'''
_FOREIGN: Final = '''\
"""{title}: {gist}"""

from __future__ import annotations

from suites.fuzz.foreign import parser_of

INPUT = bytes.fromhex(
{digits}
)


def test_{name}():
    parser_of({spec}, {rejects})(INPUT)
'''


def regression_test(target: Target, data: bytes, *, gist: str, defect: str, digest: str) -> str:
    """Return the text of a module with a test.

    Args:
        target: which.
        data: the input that crashes it.
        gist: what happened, in one line.
        defect: the seeded defect under which that happened; empty for none.
        digest: of the input, for the name of the test.
    """
    template = _WITH_DEFECT if defect else _PLAIN
    rejects: tuple[str, ...] = ()
    if isinstance(target, ForeignTarget):
        template, rejects = _FOREIGN, target.rejects
    package, _, module = target.module.rpartition(".")
    return template.format(
        title=_in_docstring(f"{target.id} on an input that crashed it"),
        gist=_in_docstring(one_line(gist, _GIST_CHARS_MAX)),
        package=package,
        module=module,
        dotted=target.module,
        spec=json.dumps(target.module, ensure_ascii=False),
        rejects=json.dumps(rejects),
        digits=_digits(data),
        name=_identifier(f"{target.id}_{digest}").lower(),
        defect=defect,
        variable=VARIABLE,
    )


def file_name(target: Target, digest: str) -> str:
    """Return the name of the file for the test."""
    return f"test_{_identifier(target.id)}_{digest}.py"


def _digits(data: bytes) -> str:
    digits = data.hex()
    lines = [
        digits[start : start + _DIGITS_OF_A_LINE]
        for start in range(0, len(digits), _DIGITS_OF_A_LINE)
    ]
    return "\n".join(f'    "{line}"' for line in lines or [""])


def _in_docstring(text: str) -> str:
    return text.replace("\\", "/").replace('"', "'")


def _identifier(text: str) -> str:
    return re.sub(r"\W", "_", text, flags=re.ASCII)
