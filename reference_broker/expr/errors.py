"""What can be wrong with an expression: with its text, or with a message that it is asked about.

Neither is a `PeerError` or an `OperatorError`: the same text may stand in a consumer's request or
in the file of a domain, and only whoever read it knows whom to blame.
"""

from __future__ import annotations

from enum import IntEnum

from reference_broker.base import BrokerError


class CompileErrorCode(IntEnum):
    """Why a text is not an expression, with the peer's numbers."""

    SYNTAX = -100
    NO_PROPERTIES = -101
    TOO_COMPLEX = -102
    TOO_LONG = -103


class EvaluationErrorCode(IntEnum):
    """Why an expression has no value for a message, with the peer's numbers.

    The peer's BINARY (-3) and UNDEFINED (-5) are left out: no message leads to them.
    """

    NAME = -1
    TYPE = -2
    ARITHMETIC = -4


class ExpressionError(BrokerError):
    """A text that is not an expression.

    Args:
        code: the kind of error.
        message: the peer's text, with the offending value and the limit; also what `str()` gives.
        position: offset of the offending token in bytes; 0 when the text as a whole is at fault.
    """

    def __init__(self, code: CompileErrorCode, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.position = position


class EvaluationError(BrokerError):
    """An expression has no value for this message, which makes it false.

    Args:
        code: the kind of error.
    """

    # No `__init__`: a message without the property is an everyday thing, and half the price of this
    # error would be that of the constructor.

    @property
    def code(self) -> EvaluationErrorCode:
        """The kind of error."""
        code: EvaluationErrorCode = self.args[0]
        return code

    def __str__(self) -> str:
        return f"{self.code.name} error ({self.code.value})"
