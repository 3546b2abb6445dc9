"""Models, and how they are loaded."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from . import _chaku
from ._keywords import keywords
from ._messages import Message, to_json
from ._request import Request
from ._session import Session, Stream
from ._types import Reply

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from ._options import ModelOptions, SessionOptions
    from ._reports import Metrics
    from ._runtime import Runtime


class Model:
    """A loaded model: weights, tokenizer and chat template. `Model.load` makes one.

    Its sessions keep what they need of it. As a context manager it is closed at the end of the block. Any thread may
    use it.
    """

    metadata: dict[str, str]
    """The file's metadata as text, for instance under "general.name"."""
    description: str
    """The model in a few words, for instance "llama 135M Q4_1"."""
    chat_template: str | None
    """The Jinja source of the file's chat template."""
    context_size: int
    """A session's context window, in tokens."""
    training_context: int
    """The window the model was trained for, in tokens."""
    vocab_size: int
    """Tokens in the vocabulary."""
    size_bytes: int
    """The size of the tensors."""
    parameter_count: int
    bos: int | None
    """The token that begins a text; None when the model has none, here and below."""
    eos: int | None
    """The token that ends a text."""
    eot: int | None
    """The token that ends a turn of a conversation."""
    pad: int | None
    """The token that fills up a batch."""

    def __init__(self, native: _chaku.Model) -> None:
        self._native = native
        self.metadata, self.description, self.chat_template = native.texts()
        self.context_size, self.training_context, self.vocab_size, self.size_bytes, self.parameter_count = (
            native.sizes()
        )
        self.bos, self.eos, self.eot, self.pad = native.special_tokens()

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        runtime: Runtime | None = None,
        on_progress: Callable[[float], object] | None = None,
        deadline: float | None = None,
        **options: Unpack[ModelOptions],
    ) -> Model:
        """Loads a GGUF file and waits for it.

        In place of a path there may be a model of the Hugging Face hub, "hf:user/repo" or "hf:user/repo:Q4_K_M", or a URL:
        it is downloaded first, unless it is in the cache. `on_progress` is called with numbers from 0 to 1, of the
        download too. Options of sessions and requests become the defaults of all
        of this model; so does the deadline.
        """
        with cls.load_async(path, runtime=runtime, deadline=deadline, **options) as load:
            for event in load:
                if on_progress is not None and event.kind == "progress":
                    on_progress(event.progress)
            return load.result()

    @classmethod
    def load_async(
        cls,
        path: str | os.PathLike[str],
        *,
        runtime: Runtime | None = None,
        deadline: float | None = None,
        **options: Unpack[ModelOptions],
    ) -> Load:
        """Starts to load a GGUF file, or a model of the hub, and returns at once. `await` the Load, or its `result()`, for the model."""
        native = None if runtime is None else runtime._native
        return Load(_chaku.Model.load(os.fspath(path), native, keywords(options, deadline)))

    def session(self, system: str | None = None, **options: Unpack[SessionOptions]) -> Session:
        """A new session. `system` is its system prompt; options of requests become defaults for all of this session."""
        if system is not None and options.get("system_prompt") is not None:
            raise TypeError("system and system_prompt are one thing: give one of them")
        values = keywords(options, None)
        if system is not None:
            values["system_prompt"] = system
        return Session(_chaku.Session(self._native, values))

    def restore(
        self, saved: str | os.PathLike[str] | bytes | bytearray | memoryview, **options: Unpack[SessionOptions]
    ) -> Session:
        """A session that `Session.save` saved, from its file or its bytes.

        Vocabulary, sizes and chat template of the model must be as they were; if all of it is as it was, nothing need
        be computed again. No options are saved but the system prompt, which holds unless another is given. There is a
        checksum against accidents, and none against malice: take files from nobody whose models you would not load.
        """
        if isinstance(saved, (bytes, bytearray, memoryview)):
            return Session(self._native.restore_bytes(bytes(saved), keywords(options, None)))
        return Session(self._native.restore(os.fspath(saved), keywords(options, None)))

    def chat(
        self, messages: Iterable[Message], *, deadline: float | None = None, **options: Unpack[SessionOptions]
    ) -> Reply:
        """Answers the last message of a conversation that is given whole, and waits for the whole answer.

        `messages` are dicts such as {"role": "user", "content": "Hello"}, or pairs such as ("user", "Hello"). Roles are
        "system", "user", "assistant" and "tool"; the last message is a user's or a tool's (or,
        with `continue_final_message`, the assistant's, which the model then goes on with). There is no session, and nothing is kept but
        what was computed: the longer conversation of the next call is not computed anew.
        """
        with self.stream(messages, deadline=deadline, **options) as stream:
            return stream.result()

    def stream(
        self, messages: Iterable[Message], *, deadline: float | None = None, **options: Unpack[SessionOptions]
    ) -> Stream:
        """As `chat`, but starts the answer and returns at once."""
        return Stream(self._native.chat(to_json(messages), keywords(options, deadline)))

    def choices(
        self, messages: Iterable[Message], count: int, *, deadline: float | None = None, **options: Unpack[SessionOptions]
    ) -> list[Reply]:
        """Several answers to the same messages, and waits for all of them. The prompt is computed once.

        They differ: the option `choice` counts them, and is added to `seed`. If one fails the others are cancelled.
        """
        if count < 1:
            raise ValueError("count must be 1 or more")
        messages = list(messages)
        with ExitStack() as asked:
            streams: list[Stream] = []
            for choice in range(count):
                options["choice"] = choice
                stream = self.stream(messages, deadline=deadline, **options)
                asked.callback(stream.cancel)
                streams.append(stream)
            return [stream.result() for stream in streams]

    def metrics(self) -> Metrics:
        """Its numbers at this moment: queue, tokens a second, KV cache."""
        metrics: Metrics = json.loads(self._native.metrics())
        return metrics

    def tokenize(self, text: str, add_special: bool = False, parse_special: bool = False) -> list[int]:
        """The tokens of a text.

        `add_special` puts the tokens around it that the model wants, such as BOS. `parse_special` reads names of
        control tokens in the text as these tokens: never do that with text from strangers.
        """
        return self._native.tokenize(text, add_special, parse_special)

    def detokenize(self, tokens: Sequence[int], special: bool = False) -> bytes:
        """The bytes tokens stand for, which may begin or end inside a character.

        `special` writes control tokens by name; else they are left out.
        """
        return self._native.detokenize(tokens, special)

    def is_end_token(self, token: int) -> bool:
        """Whether an answer ends when the model makes this token."""
        return self._native.is_end_token(token)

    def close(self, timeout: float | None = None) -> None:
        """Ends all work of the model and waits for it. Requests under way end with Cancelled `closed_while_running`.

        DeadlineExceeded if it takes longer than `timeout` seconds; the model goes on closing.
        """
        self._native.close(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<chaku.Model {self.description!r}>"


def download(
    spec: str,
    *,
    runtime: Runtime | None = None,
    on_progress: Callable[[float], object] | None = None,
    deadline: float | None = None,
    **options: Unpack[ModelOptions],
) -> list[Path]:
    """Downloads a model and returns the paths of its files, the one to load first.

    `spec` is "hf:user/repo", "hf:user/repo:tag", "hf:user/repo/file", or a URL. What is in the cache, which other tools for
    the hub share, is not downloaded again, and what was interrupted is resumed. `on_progress` is called with numbers from
    0 to 1, or -1 when it is not known how much there is. Ctrl-C ends it.
    """
    with download_async(spec, runtime=runtime, deadline=deadline, **options) as download:
        for event in download:
            if on_progress is not None and event.kind == "progress":
                on_progress(event.progress)
        return download.result()


def download_async(
    spec: str,
    *,
    runtime: Runtime | None = None,
    deadline: float | None = None,
    **options: Unpack[ModelOptions],
) -> Download:
    """Starts a `download` and returns at once. `await` the Download, or its `result()`, for the paths."""
    native = None if runtime is None else runtime._native
    return Download(_chaku.download(spec, native, keywords(options, deadline)))


class Download(Request[list[Path]]):
    """A download under way. Its events are progress, in bytes: `event.progress_done` of `event.progress_total`."""

    def _outcome(self) -> list[Path]:
        return [Path(path) for path in self._native.paths()]


class Load(Request[Model]):
    """A load under way: a request whose outcome is a Model. Its events are progress."""

    def _outcome(self) -> Model:
        return Model(_chaku.Model(self._native))
