"""Reading parsed XML in tests: what must be there is there, or the test fails."""

from __future__ import annotations

from xml.etree import ElementTree as ET


def find_one(root: ET.Element, path: str) -> ET.Element:
    """Give the first element at the path."""
    element = root.find(path)
    assert element is not None, f"no {path} in {root.tag}"
    return element


def read_text(root: ET.Element, path: str) -> str:
    """Give the text of the first element at the path."""
    return find_one(root, path).text or ""


def read_number(element: ET.Element, attribute: str) -> float:
    """Give an attribute as a number."""
    text = element.get(attribute)
    assert text is not None, f"no {attribute} on {element.tag}"
    return float(text)
