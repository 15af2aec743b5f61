"""Writes ``docs/numbers.md`` from the tests marked `published`.

Each such test has a docstring whose first line says the number and where it is printed. A test that is
expected to fail is listed as not reproduced, with its reason.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "numbers.md"

HEADER = """# Numbers we reproduce

Generated from the tests marked `published` by `python docs/make_numbers.py`; a test keeps this page current. A number is
reproduced if its test passes on the real or printed data it names.

| number and source | test | |
|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Number:
    """One published number and the test that stands behind it."""

    text: str
    test: str
    reproduced: bool


def _marks(function: ast.FunctionDef) -> dict[str, ast.expr]:
    marks = {}
    for decorator in function.decorator_list:
        call = decorator.func if isinstance(decorator, ast.Call) else decorator
        if (
            isinstance(call, ast.Attribute)
            and isinstance(call.value, ast.Attribute)
            and call.value.attr == "mark"
        ):
            marks[call.attr] = decorator
    return marks


def numbers(folder: Path = ROOT / "tests") -> list[Number]:
    """Every test marked `published`, in order of file and line."""
    found = []
    for path in sorted(folder.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and "published" in (marks := _marks(node)):
                doc = ast.get_docstring(node)
                if not doc:
                    sys.exit(f"{path.name}::{node.name} is marked published but says no number")
                name = f"{path.relative_to(ROOT)}::{node.name}"
                found.append(Number(" ".join(doc.split("\n\n")[0].split()), name, "xfail" not in marks))
    return found


def page() -> str:
    """Text of the page."""
    rows = [
        f"| {n.text.replace('|', chr(92) + '|')} | `{n.test}` | {'reproduced' if n.reproduced else '**not reproduced**'} |"
        for n in numbers()
    ]
    return HEADER + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
