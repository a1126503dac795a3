"""Citations are found in comments and docstrings of code, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from reference_broker.base import OperatorError
from tools.statements.citations import code_citations, read_citations

CODE = '''\
"""A module [A-1]."""

# A comment over two lines [A-2,
# A-3].
X = {"[A-9]": [A-8]}  # behind code [A-4]
#: [A-5]


class C:
    """A class [A-6]."""

    def f(self):
        """A function.

        Raises:
            ValueError: it is wrong [A-7,
                A-10].
        """
        return "[A-11]"
'''


def test_comments_and_docstrings_cite() -> None:
    numbers = sorted(int(found.partition("-")[2]) for found in code_citations(CODE))
    assert numbers == [1, 2, 3, 4, 5, 6, 7, 10]


def test_files_are_named_once_and_tests_do_not_count(tmp_path: Path) -> None:
    package = tmp_path / "broker"
    (package / "wire" / "tests").mkdir(parents=True)
    (package / "a.py").write_text("# [A-1] [A-1]\n")
    (package / "wire" / "b.py").write_text("# [A-1, A-2]\n")
    (package / "wire" / "tests" / "test_b.py").write_text("# [A-3]\n")
    assert read_citations(package) == {
        "A-1": ["broker/a.py", "broker/wire/b.py"],
        "A-2": ["broker/wire/b.py"],
    }


def test_what_is_no_python_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def f(:\n")
    with pytest.raises(OperatorError, match=r"a\.py is no Python"):
        read_citations(tmp_path)


def test_a_folder_without_code_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="has no code"):
        read_citations(tmp_path)
