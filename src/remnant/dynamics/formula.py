"""Formulas of model files: numbers, names and ``+ - * /``, nothing else.

``"birth * 2"``, ``"growth + death"``, ``"1 / fold"``. Names stand for rates of the same file.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Final

from remnant.errors import InputError

__all__ = ["evaluate"]

_BINARY: Final[dict[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def evaluate(formula: str | float, values: Mapping[str, float], *, where: str) -> float:
    """Value of a formula.

    Parameters
    ----------
    formula : str or float
        A number, or a formula over the names in `values`.
    values : mapping of str to float
        Rates by name.
    where : str
        What to name in the error message.

    Returns
    -------
    float
        The value.

    Raises
    ------
    InputError
        If the formula holds an unknown name, divides by zero or holds anything but arithmetic.

    Examples
    --------
    >>> evaluate("growth + death", {"growth": 0.08, "death": 0.12}, where="birth")
    0.2
    """
    if not isinstance(formula, str):
        return float(formula)
    try:
        return _value(ast.parse(formula, mode="eval").body, values)
    except (SyntaxError, LookupError, ZeroDivisionError) as error:
        raise InputError(
            where=where,
            found=f"{formula!r}: {error}",
            needed="numbers and names of rates joined by + - * /",
            advice="Check the spelling of the names.",
        ) from error


def _value(node: ast.expr, values: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float()):
            return float(node.value)  # type: ignore[arg-type]
        case ast.Name():
            if node.id not in values:
                msg = f"unknown name {node.id}"
                raise LookupError(msg)
            return values[node.id]
        case ast.UnaryOp(op=ast.USub()):
            return -_value(node.operand, values)
        case ast.BinOp() if type(node.op) in _BINARY:
            return _BINARY[type(node.op)](_value(node.left, values), _value(node.right, values))
        case _:
            msg = f"{ast.unparse(node)} is no arithmetic"
            raise LookupError(msg)
