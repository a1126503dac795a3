"""BlazingMQ's language of subscription expressions, version `E_VERSION_1`.

::

    is_hot = compile_expression('price >= 100 && region == "eu"')
    is_hot.matches({"price": 120, "region": b"eu"}.get)

| module       | holds                                                     |
|--------------|-----------------------------------------------------------|
| `tokens`     | from the text to tokens                                   |
| `parser`     | from tokens to a tree                                     |
| `evaluation` | from the tree to nested functions                         |
| `predicate`  | the three together, under the limits of the language      |
| `lookup`     | what an expression sees of a message                      |
| `errors`     | wrong texts, and messages that a text has no value for    |

The room knows nothing of messages: properties come from a function of their names. Texts and
codes of errors are the peer's.
"""

from __future__ import annotations

from reference_broker.expr.errors import (
    CompileErrorCode,
    EvaluationError,
    EvaluationErrorCode,
    ExpressionError,
)
from reference_broker.expr.lookup import BINARY, Binary, Lookup, Value
from reference_broker.expr.predicate import Predicate, compile_expression

__all__ = [
    "BINARY",
    "Binary",
    "CompileErrorCode",
    "EvaluationError",
    "EvaluationErrorCode",
    "ExpressionError",
    "Lookup",
    "Predicate",
    "Value",
    "compile_expression",
]
