"""What the documents say works: links, commands, names and the examples of the README."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from suites.harness.defects import DEFECTS
from suites.harness.target import Target, TargetSpec
from tools.tidy.__main__ import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
README = (ROOT / "README.md").read_text()


def run_example(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def examples() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document) -> None:
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", text)
    assert [link for link in targets if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_make_has_the_targets_that_are_named(document) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", document.read_text(), re.MULTILINE))
    assert named <= targets


def test_the_table_of_defects_is_complete() -> None:
    page = (ROOT / "docs" / "defects.md").read_text()
    assert sorted(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)) == sorted(DEFECTS)


def test_the_defects_that_the_readme_names_are_there() -> None:
    table = README.partition("| defect |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `([a-z-]+)`", table, re.MULTILINE)) <= set(DEFECTS)


def test_the_asyncio_example_runs(examples: list[str]) -> None:
    assert run_example(examples[0]) == "b'one pear' 7\n"


@pytest.mark.slow
def test_the_blocking_example_runs(examples: list[str]) -> None:
    with Target(TargetSpec.parse("reference")) as target:
        code = examples[1].replace("tcp://127.0.0.1:30114", target.address)
        assert code != examples[1]
        run_example(code)
        with target.client() as client:
            queue = client.open("bmq://bmq.test.mem.priority/orders", read=True, write=True)
            queue.post(b"last")
            # The example has confirmed its own messages, as many as came in its one read.
            assert queue.get(timeout=5).payload in {b"two plums", b"last"}


def test_the_sdk_example_runs(examples: list[str]) -> None:
    pytest.importorskip("blazingmq", reason="needs the SDK, which is built for x86-64")
    assert run_example(examples[2]) == "b'one pear'\n"
