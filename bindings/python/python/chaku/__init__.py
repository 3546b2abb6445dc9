"""Large language models inside your program.

    import chaku

    with chaku.Model.load("model.gguf") as model:
        session = model.session(system="Answer briefly.")
        print(session.chat("Why is the sky blue?"))
        for event in session.stream("And at night?"):
            print(event.text, end="", flush=True)

A runtime owns models, a model has sessions, a session runs requests, and a request sends events. Everything that takes
time can be followed, cancelled from any thread, and given a deadline.
"""

from ._chaku import Event, version
from ._errors import (
    Aborted,
    AlreadyExists,
    Cancelled,
    DataLoss,
    DeadlineExceeded,
    Error,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    OutOfRange,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    Unknown,
)
from ._messages import Message
from ._model import Download, Load, Model, download, download_async
from ._options import ModelOptions, RequestOptions, RuntimeOptions, SessionOptions
from ._reports import DevicePlan, Metrics, Plan, Timeline
from ._request import Request
from ._runtime import Runtime, backends, build_info, devices, metrics, options, plan
from ._session import Save, Session, Stream
from ._types import (
    Device,
    EventKind,
    FinishReason,
    LogLevel,
    LogLine,
    OptionInfo,
    Phase,
    PromptLogprob,
    Reply,
    Timings,
    TokenLogprob,
    ToolCall,
    TopLogprob,
    Usage,
)

__version__: str = version()

__all__ = [
    "Aborted",
    "AlreadyExists",
    "Cancelled",
    "DataLoss",
    "DeadlineExceeded",
    "Device",
    "DevicePlan",
    "Download",
    "Error",
    "Event",
    "EventKind",
    "FailedPrecondition",
    "FinishReason",
    "Internal",
    "InvalidArgument",
    "Load",
    "LogLevel",
    "LogLine",
    "Message",
    "Metrics",
    "Model",
    "ModelOptions",
    "NotFound",
    "OptionInfo",
    "OutOfRange",
    "PermissionDenied",
    "Phase",
    "Plan",
    "PromptLogprob",
    "Reply",
    "Request",
    "RequestOptions",
    "ResourceExhausted",
    "Runtime",
    "RuntimeOptions",
    "Save",
    "Session",
    "SessionOptions",
    "Stream",
    "Timeline",
    "Timings",
    "TokenLogprob",
    "ToolCall",
    "TopLogprob",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "Unknown",
    "Usage",
    "backends",
    "build_info",
    "devices",
    "download",
    "download_async",
    "metrics",
    "options",
    "plan",
]


def _name_publicly() -> None:
    """What is public is named after its public place, in tracebacks too."""
    for name in __all__:
        public = globals()[name]
        if isinstance(public, type) and public.__module__.startswith("chaku._"):
            public.__module__ = "chaku"


_name_publicly()
