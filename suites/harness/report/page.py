"""Pages that work offline, without scripts, and from any hostile text.

- Nothing is fetched: style, script and charts are inside, and a page's content policy allows only
  the style and the script whose digests it names. Text that slips into the page as markup could
  therefore still do nothing.
- Every expression of a template goes through `printable` and then autoescape.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from suites.harness.report.model import Outcome, Verdict
from suites.harness.report.text import duration_text, one_line, plural, printable

HEADLINES = {"pass": "Passed", "fail": "Failed", "error": "Could not run"}

SYMBOLS = {
    Verdict.PASS: "✓",
    Verdict.NON_STRICT: "≈",
    Verdict.INFORMATIONAL: "i",
    Verdict.NOT_APPLICABLE: "-",
    Verdict.FAIL: "✕",
    Verdict.NOT_RUN: "…",
    Verdict.ERROR: "!",
}


class Pages:
    """Renders pages of one kind.

    Args:
        template: file name of the template.
        styles: file names of the style sheets, in their order.
        scripts: file names of the scripts, in their order.
    """

    def __init__(self, template: str, styles: Sequence[str], scripts: Sequence[str] = ()) -> None:
        environment = _environment()
        self._template = environment.get_template(template)
        self._style, self._script = (
            Markup("\n").join(_read_asset(environment, name) for name in names)
            for names in (styles, scripts)
        )
        self._policy = _policy(self._style, self._script)

    def render(self, outcome: Outcome, **values: object) -> str:
        """Return a page.

        Args:
            outcome: gives the page's icon its colour.
            values: what the template asks for.
        """
        page = self._template.render(
            style=self._style,
            script=self._script,
            policy=self._policy,
            icon=_icon(outcome),
            **values,
        )
        return page.strip() + "\n"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("suites.harness.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"line": one_line, "plural": plural, "duration": duration_text}
    return environment


def _finalize(value: object) -> object:
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return printable(value)


def _read_asset(environment: Environment, name: str) -> Markup:
    assert environment.loader is not None, "the environment was made with a loader"
    source, _, _ = environment.loader.get_source(environment, name)
    return Markup(source)  # our own file


def _policy(style: str, script: str) -> str:
    allowed = "; ".join(
        f"{kind}-src 'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for kind, text in (("style", style), ("script", script))
        if text
    )
    return f"default-src 'none'; {allowed}; img-src data:; base-uri 'none'; form-action 'none'"


def _icon(outcome: Outcome) -> str:
    colour = {"pass": "#1a7f4b", "fail": "#c62f3b", "error": "#8a4fbf"}[outcome]
    image = (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'>"
        f"<circle cx='4' cy='4' r='4' fill='{colour}'/></svg>"
    )
    return f"data:image/svg+xml,{quote(image)}"
