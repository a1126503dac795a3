"""Every rule bites, and lets pass what it should."""

from __future__ import annotations

import textwrap

import pytest

from tools.tidy.check import find_all
from tools.tidy.tree import SourceFile

Exemptions = dict[str, dict[str, str]]

PURE = "reference_broker/queue/queue.py"
DRIVER = "reference_broker/runtime/server.py"
TEST = "reference_broker/queue/tests/test_queue.py"
HEAD = '"""A module."""\n\nfrom __future__ import annotations\n\n'


def rules(path: str, content: str | bytes, exemptions: Exemptions | None = None) -> list[str]:
    """The rules that one file breaks; folders are left out, for there is nothing beside it.

    A tilde in the content goes: it keeps this file from breaking the rules itself.
    """
    data = content if isinstance(content, bytes) else content.replace("~", "").encode()
    found = find_all([SourceFile(path, data)], exemptions or {})
    return [finding.rule for finding in found if finding.rule != "package-marker"]


def lines(count: int) -> str:
    return "".join(f"    x{i} = {i}\n" for i in range(count))


@pytest.mark.parametrize(
    ("rule", "path", "bad", "good"),
    [
        ("function-length", DRIVER, "def f():\n" + lines(70), "def f():\n" + lines(69)),
        ("function-length", TEST, "class C:\n  async def f(self):\n" + lines(70), "class C: ...\n"),
        ("module-length", DRIVER, "X = 1\n" * 597, "X = 1\n" * 596),
        ("slots", DRIVER, "@dataclass\nclass C: ...\n", "@dataclass(slots=True)\nclass C: ...\n"),
        ("slots", TEST, "@dataclass(frozen=True)\nclass C: ...\n", "class C: ...\n"),
        (
            "slots",
            PURE,
            "@dataclasses.dataclass(slots=False)\nclass C: ...\n",
            "@final\nclass C: ...\n",
        ),
        ("sleep", DRIVER, "time.sleep(1)\n", "loop.sleep(1)\n"),
        ("sleep", TEST, "asyncio.sleep(x)\n", "asyncio.sleep(0)\n"),
        ("sleep", TEST, "from time import sleep as nap\nnap(1)\n", "sleep(1)\n"),
        ("skip-reason", TEST, "pytest.skip()\n", "pytest.skip('no chromium')\n"),
        ("skip-reason", TEST, "pytest.skip('')\n", "pytest.skip(reason=why)\n"),
        (
            "skip-reason",
            TEST,
            "@pytest.mark.skip\ndef f(): ...\n",
            "@pytest.mark.slow\ndef f(): ...\n",
        ),
        (
            "skip-reason",
            TEST,
            "M = pytest.mark.skipif(X)\n",
            "M = pytest.mark.skipif(X, reason='y')\n",
        ),
        (
            "skip-reason",
            TEST,
            "M = pytest.mark.xfail(True)\n",
            "M = pytest.mark.xfail(reason='y')\n",
        ),
        ("skip-reason", TEST, "pytest.importorskip('x')\n", "A = pytest.skip.Exception\n"),
        ("pure-async", PURE, "async def f(): ...\n", "def f(): ...\n"),
        ("pure-state", PURE, "CACHE = {}\n", "CACHE = ()\n"),
        ("pure-state", PURE, "CACHE: dict = {}\n", "CACHE: Final = {}\n"),
        ("pure-state", PURE, "a, b = [], 1\nX = [*a]\n", "CACHE: Final[dict] = {}\n"),
        ("pure-state", PURE, "if X:\n    IDS = itertools.count()\n", "__all__ = ['a']\n"),
        ("pure-state", PURE, "def f():\n    global X\n", "def f():\n    x = []\n"),
        ("doubled-word", PURE, "# it is is one\n", "is_is = is_ is is_  # it is\n"),
        ("doubled-word", PURE, "# of the\n# the queue\nX = 1\n", "X = 1  # the\n# the queue\n"),
        (
            "doubled-word",
            PURE,
            'def f():\n    """The the."""\n',
            'def f():\n    """A bool BOOL."""\n',
        ),
        ("marker-word", PURE, "# TO~DO: later\n", "# methods to do\n"),
        ("marker-word", PURE, "# X~XX\n", "# XXXX\n"),
        ("machine-path", PURE, "# see /~tmp/x\n", "# see bmq://domain/tmp/x\n"),
        ("machine-path", PURE, "A = '/~root'\n", "A = '/root-cause'\n"),
        ("registry-host", PURE, "# from pypi~.org\n", "# from PyPI\n"),
    ],
)
def test_a_rule_bites_and_lets_pass(rule: str, path: str, bad: str, good: str) -> None:
    assert rules(path, HEAD + bad) == [rule]
    assert rules(path, HEAD + good) == []


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        (DRIVER, "X = 1\n", ["docstring", "future-import"]),
        (DRIVER, '"""Only words."""\n', ["future-import"]),
        (DRIVER, "", ["docstring", "future-import"]),
        (DRIVER, '"""M."""\nimport os\nfrom __future__ import annotations\n', ["future-import"]),
        (TEST, "from __future__ import annotations\n", []),
        ("suites/tests/helper.py", "from __future__ import annotations\n", ["docstring"]),
        (DRIVER, HEAD + "CACHE = {}\nasync def f(): ...\n", []),
        (TEST, HEAD + "CACHE = {}\nasync def f(): ...\n", []),
        ("broker.log", "", ["unwanted-file"]),
        ("certs/server.pem", "", ["unwanted-file"]),
        ("cache.pyc", b"\0\xff", ["unwanted-file"]),
        ("key.txt", "  -----BEGIN EC ~PRIVATE KEY-----\n", ["unwanted-file"]),
        ("crash-" + "0a" * 20, b"\0", ["unwanted-file"]),
        ("huge.bin", b"\0" * (2 * 1024 * 1024 + 1), ["unwanted-file"]),
        ("docs/page.md", "all all\n\n```\nls ls\n```\n", ["doubled-word"]),
        ("page.html", "the the", []),
        ("docs/page.md", "# Core\n\nCore is\n", []),
        ("ci.yml", "path: /~home/x", ["machine-path"]),
        ("x/vectors/a.hex", "the the TO~DO", []),
        ("x/vectors/a.txt", "pythonhosted~.org /~work", ["machine-path", "registry-host"]),
    ],
)
def test_a_file_breaks_exactly_these(path: str, content: str | bytes, expected: list[str]) -> None:
    assert rules(path, content) == expected


def test_a_folder_with_modules_needs_a_marker() -> None:
    module = SourceFile("suites/a/tests/test_b.py", HEAD.encode())
    (finding,) = find_all([module], {})
    assert str(finding).startswith("suites/a/tests:0: there is no suites/a/tests/__init__.py;")
    marker = SourceFile("suites/a/tests/__init__.py", HEAD.encode())
    assert find_all([module, marker], {}) == []


def test_a_finding_names_the_line() -> None:
    text = HEAD + textwrap.dedent('''
        def f():
            """Do it.

            It does it when when asked.
            """
    ''')
    (finding,) = find_all([SourceFile("a.py", text.encode())], {})
    assert text.splitlines()[finding.line - 1].strip() == "It does it when when asked."


def test_an_exemption_covers_what_it_names_and_goes_stale() -> None:
    content = HEAD + "class C:\n  def f(self):\n" + lines(70) + "def g():\n" + lines(70)
    named = {"function-length": {f"{DRIVER}::C.f": "a table"}}
    assert rules(DRIVER, content, named) == ["function-length"]
    whole = {"function-length": {DRIVER: "tables"}}
    assert rules(DRIVER, content, whole) == []
    assert rules(DRIVER, HEAD, whole) == ["stale-exemption"]
    assert rules(DRIVER, content, {"sleep": {DRIVER: "it rests"}}).count("function-length") == 2
