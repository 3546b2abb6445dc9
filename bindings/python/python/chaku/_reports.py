"""What runtimes, models and requests tell about themselves: plain dicts, with types. Later versions may add keys."""

from __future__ import annotations

from typing import TypedDict


class Metrics(TypedDict):
    """The numbers of a model, or of all models of a runtime together, at one moment.

    Those that end in "_total" only grow; rates are means over the last five seconds.
    """

    models: int
    """Models that are loaded."""
    sessions: int
    """Sessions that exist."""
    queue_depth: int
    """Requests that wait to start."""
    requests_running: int
    """Requests that have started and have not ended, the paused ones included."""
    requests_paused: int
    """Of these, requests that nothing is computed for: they gave way, or their readers do not read."""
    prompt_tokens_total: int
    """Prompt tokens computed."""
    generated_tokens_total: int
    """Tokens generated."""
    cached_tokens_total: int
    """Prompt tokens that were known already and cost nothing."""
    prompt_tokens_per_second: float
    generated_tokens_per_second: float
    kv_used_tokens: int
    """Tokens that the KV cache holds."""
    kv_capacity_tokens: int
    """Tokens that it can hold."""
    steps_total: int
    """Calls of the model."""
    step_seconds_total: float
    """Seconds spent in them."""
    steps_per_second: float
    step_ms: float
    """Milliseconds of one call, lately."""
    threads: int
    """Compute threads in use."""
    cancelled_total: int
    """Requests that were cancelled."""
    deadline_exceeded_total: int
    """Requests whose deadline passed."""
    overload_total: int
    """Requests that were refused or displaced because too many waited."""
    evictions_total: int
    """Sequences that lost their place in the KV cache."""
    preemptions_total: int
    """Running requests that gave way to others."""
    prompt_cache_bytes: int
    prompt_cache_hits_total: int
    """Requests that found a part of their prompt in the prompt cache."""


class Timeline(TypedDict):
    """When a request got how far, in milliseconds since the call that made it; None: it has not come so far."""

    queued_ms: float | None
    """It began to wait for its turn."""
    prepare_began_ms: float | None
    """Template and tokenizer began."""
    prepared_ms: float | None
    """Its tokens were known."""
    started_ms: float | None
    """The engine took it in."""
    first_token_ms: float | None
    """Its first token was sampled."""
    ended_ms: float | None
    """It ended."""
    preempted: int
    """How often it gave way to others."""
    resumed: int
    """How often it went on after that."""
    stalled: int
    """How often it was passed over, since its events were not read."""


class DevicePlan(TypedDict):
    """A device's part of a Plan, in bytes."""

    name: str
    weights: int
    """Exact. If the file is mapped, the system can take them back."""
    kv_per_token: int
    """The KV cache, of each token."""
    kv_total: int
    """The KV cache, and the states of recurrent layers. Exact."""
    compute: int
    """What is computed with."""
    other: int
    """Vocabulary, tables, logits. An estimate."""
    total: int
    """All of that."""


class Plan(TypedDict):
    """What loading a model would take, in bytes, and the sizes that were chosen for it."""

    devices: list[DevicePlan]
    """What it would take of each device."""
    total: int
    """All of that together."""
    prompt_cache: int
    """What computed prompts may take later, at most. Not in the total."""
    available: int | None
    """What is left of the runtime's `memory_budget`; None = it has none."""
    fits: bool
    """Whether that is enough; True without a budget."""
    ctx_size: int
    """Tokens in the window of a session."""
    kv_pool: int
    """Tokens that the KV cache holds, of all sessions together."""
    max_running: int
    """Requests computed at once."""
    gpu_layers: int
    """Layers on GPUs."""
