"""Exceptions: one class for each code, which are gRPC's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from ._types import Reply


class Error(Exception):
    """What chaku raises. `reason` is the stable word to compare, for instance "queue_full"."""

    code: ClassVar[str] = "UNKNOWN"
    """The code's name; each subclass has its own."""

    message: str
    """What went wrong and what to do about it."""
    reason: str
    """Why, more exactly than the code says."""
    details: dict[str, str]
    """For programs: for instance "limit" of "queue_full"."""
    reply: Reply | None
    """What there was of an answer that was cut short."""

    def __init__(
        self, message: str, reason: str = "", details: dict[str, str] | None = None, reply: Reply | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.details = details or {}
        self.reply = reply

    def __str__(self) -> str:
        return f"{self.message} [{self.reason}]" if self.reason else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.reason, self.details, self.reply)


class Cancelled(Error):
    """The caller cancelled the work, or closed the object that did it."""

    code = "CANCELLED"


class Unknown(Error):
    """The cause is not known."""

    code = "UNKNOWN"


class InvalidArgument(Error, ValueError):
    """An argument is wrong, whatever the state of the system is."""

    code = "INVALID_ARGUMENT"


class DeadlineExceeded(Error, TimeoutError):
    """The deadline passed before the work was done."""

    code = "DEADLINE_EXCEEDED"


class NotFound(Error, FileNotFoundError):
    """There is no such file."""

    code = "NOT_FOUND"


class AlreadyExists(Error, FileExistsError):
    """The thing to create exists already."""

    code = "ALREADY_EXISTS"


class PermissionDenied(Error, PermissionError):
    """The operating system refused access."""

    code = "PERMISSION_DENIED"


class ResourceExhausted(Error):
    """A limit was reached: queue, sessions, memory."""

    code = "RESOURCE_EXHAUSTED"


class FailedPrecondition(Error):
    """The object is not in the state this call needs."""

    code = "FAILED_PRECONDITION"


class Aborted(Error):
    """The work was aborted by a conflict."""

    code = "ABORTED"


class OutOfRange(Error):
    """Past the end: of a stream, or of the context window."""

    code = "OUT_OF_RANGE"


class Unimplemented(Error, NotImplementedError):
    """Not in this build, or not possible with this model."""

    code = "UNIMPLEMENTED"


class Internal(Error):
    """A bug of chaku or of llama.cpp."""

    code = "INTERNAL"


class Unavailable(Error):
    """Not now: try again later."""

    code = "UNAVAILABLE"


class DataLoss(Error):
    """Stored data is broken."""

    code = "DATA_LOSS"


class Unauthenticated(Error):
    """Credentials are missing or wrong."""

    code = "UNAUTHENTICATED"


_CLASSES = {subclass.code: subclass for subclass in Error.__subclasses__()}


def of_code(code: str, message: str, reason: str, details: dict[str, str]) -> Error:
    """The exception for an error of the C interface."""
    return _CLASSES.get(code, Unknown)(message, reason, details)
