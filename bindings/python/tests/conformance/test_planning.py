"""What models take of the memory, before they are loaded and after."""

from __future__ import annotations

import chaku
from harness import SCRIPT, fails, load, path, wait_until

SIZES: chaku.ModelOptions = {"ctx_size": 512, "max_running": 2, "prompt_cache_mib": 0, "threads": 1}
MIB = 1 << 20


def test_plan() -> None:
    plan, larger = chaku.plan(path(SCRIPT), **SIZES), chaku.plan(path(SCRIPT), kv_pool=4096, **SIZES)
    device = plan["devices"][0]
    assert set(plan) == set(chaku.Plan.__annotations__) and set(device) == set(chaku.DevicePlan.__annotations__)
    assert device["kv_total"] == 512 * device["kv_per_token"]
    assert larger["devices"][0]["kv_total"] == 4096 * device["kv_per_token"]
    with load(SCRIPT, **SIZES) as model:
        assert device["weights"] >= model.size_bytes
    assert larger["total"] > plan["total"] >= device["weights"] + device["kv_total"]
    assert larger["fits"] and larger["available"] is plan["available"] is None
    assert (plan["ctx_size"], larger["ctx_size"], larger["kv_pool"], plan["max_running"]) == (512, 512, 4096, 2)
    with fails(chaku.NotFound, "file_not_found"):
        chaku.plan("no/such/file.gguf")
    with fails(chaku.DataLoss, "model_corrupt"):
        chaku.plan(path("truncated.gguf"))
    with fails(chaku.InvalidArgument, "invalid_option"):
        chaku.plan(path(SCRIPT), memory_budget=1)  # type: ignore[call-arg]


def test_memory_budget() -> None:
    # One model fits, two do not, until the first is gone.
    runtime = chaku.Runtime(memory_budget=20)

    def plan() -> chaku.Plan:
        return runtime.plan(path(SCRIPT), **SIZES)

    assert plan()["available"] == 20 * MIB and plan()["fits"]
    model = chaku.Model.load(path(SCRIPT), runtime=runtime, **SIZES)
    available = plan()["available"]
    assert available is not None and available < 20 * MIB
    assert not plan()["fits"]
    with fails(chaku.ResourceExhausted, "memory_budget"):
        chaku.Model.load(path(SCRIPT), runtime=runtime, **SIZES)
    model.close()
    del model
    wait_until(lambda: plan()["available"] == 20 * MIB)
    assert chaku.Model.load(path(SCRIPT), runtime=runtime, **SIZES).description
