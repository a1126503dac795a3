"""The committed page is the one that the parser's tables make."""

from __future__ import annotations

from pathlib import Path

from tools.configuration.page import page

ROOT = Path(__file__).parents[3]


def test_the_page_is_up_to_date():
    committed = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert committed == page(), "run `python -m tools.configuration > docs/configuration.md`"


def test_a_member_that_has_no_effect_is_on_the_page_with_its_reason():
    text = page()
    assert "| `appConfig.dispatcherConfig` | one thread runs the broker |" in text
    assert "messageTtl" not in text
