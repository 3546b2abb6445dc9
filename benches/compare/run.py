#!/usr/bin/env python3
"""Runs the same workloads through chaku and its peers and prints a table and JSON lines: run.py [WORKLOAD...]. README.md says what is compared, and how.

In the environment: ROUNDS=n, how often the sides take turns (5); THREADS=n (2); WITH=llama-cpp-python for one more peer; TIMEOUT=seconds for one run (300).
"""
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "benches"), str(ROOT / "benches/compare")]
from figures import interval, report  # noqa: E402
from workloads import WORKLOADS  # noqa: E402

os.chdir(ROOT)
MODEL = "target/models/SmolLM2-135M-Instruct.Q4_1.gguf"
ROUNDS, THREADS, TIMEOUT = (int(os.environ.get(name, default)) for name, default in (("ROUNDS", 5), ("THREADS", 2), ("TIMEOUT", 300)))
SIDES = {
    "chaku": ["target/compare/chaku_side"],
    "node_llama_cpp": ["node", "benches/compare/sides/node_side.mjs"],
    "xllamacpp": ["target/compare/xllamacpp/bin/python", "benches/compare/sides/xllamacpp_side.py"],
}
if os.environ.get("WITH") == "llama-cpp-python":
    SIDES["llama_cpp_python"] = ["target/compare/llama_cpp_python/bin/python", "benches/compare/sides/llama_cpp_python_side.py"]
PEERS = [side for side in SIDES if side != "chaku"]
# Promises: on the ratio to a peer at as many at once as chaku, on the ratio to its best setting, and on chaku's own figures.
GOALS = {("shared8", "equal"): ">= 2", ("shared8", "best"): ">= 1.15", ("shared8", "ttft_max_s"): "<= 5"}


def settings(side, workload):
    """The first is the one with as many at once as the workload asks; the others are tried for the best."""
    at_once = workload["at_once"]
    fewer = [{"slots": slots} for slots in (1, 2, 4) if slots < at_once]
    if workload.get("arrival"):
        fewer = []  # the streams must run side by side
    choices = {
        "chaku": [{}],
        "node_llama_cpp": [{"slots": at_once}, {"slots": at_once, "batch": 2048}, *fewer],
        "xllamacpp": [{"slots": at_once}, *([{"slots": at_once, "unified": True}] if at_once > 1 else []), *fewer],
        "llama_cpp_python": [] if workload.get("arrival") else [{"slots": 1}],
    }[side]
    one_thread = [{**choices[0], "threads": 1}] if workload.get("neighbours") and choices and side != "chaku" else []
    return [{"threads": THREADS, **setting} for setting in choices + one_thread]


class Neighbours:
    """Programs that keep the processors busy, for as long as a run takes, also when it fails."""

    def __init__(self, count):
        self.processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()


def run(side, workload, setting):
    """One run in a fresh process. Seconds count from the first question."""
    command = [*SIDES[side], MODEL, json.dumps(workload), json.dumps(setting)]
    with Neighbours(workload.get("neighbours", 0)):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            if workload.get("arrival"):
                return {"gap_max_ms": TIMEOUT * 1000, "ttft_s": TIMEOUT, "timed_out": True}
            # At most that fast.
            return {"tok_s": sum(prompt["tokens"] for prompt in workload["prompts"]) / TIMEOUT, "ttft_max_s": TIMEOUT, "timed_out": True}
    if done.returncode:
        sys.exit(f"{side} {setting} failed:\n{done.stderr[-3000:]}")
    answers = json.loads(done.stdout.splitlines()[-1])
    if workload.get("arrival"):
        *streams, newcomer = answers
        arrived, answered = newcomer["asked"], newcomer["times"][0]
        gaps = [to - since for stream in streams for since, to in zip(stream["times"], stream["times"][1:]) if to >= arrived and since <= answered]
        if any(stream["times"][-1] < answered for stream in streams):
            sys.exit(f"{side} {setting}: a stream ended before the prompt that arrived was computed")
        return {"gap_max_ms": max(gaps) * 1000, "ttft_s": answered - arrived, "answers": [newcomer]}
    for answer, prompt in zip(answers, workload["prompts"]):
        answer["generated"] = answer["generated"] or prompt["tokens"]
        if answer["generated"] != prompt["tokens"]:
            sys.exit(f"{side} {setting}: {answer['generated']} tokens instead of {prompt['tokens']}")
    seconds = max(answer["times"][-1] for answer in answers) - min(answer["asked"] for answer in answers)
    return {"tok_s": sum(answer["generated"] for answer in answers) / seconds, "ttft_max_s": max(answer["times"][0] - answer["asked"] for answer in answers),
            "answers": answers}


def better(workload):
    """The figure by which settings are judged, and whether the larger one is better."""
    return ("gap_max_ms", min) if workload.get("arrival") else ("tok_s", max)


def same_tokens(name, side, seen, counts):
    """All sides must see the same prompts, token for token; what can be compared is their number."""
    if "answers" not in seen:
        return
    own = [answer["prompt_tokens"] for answer in seen["answers"]]
    if counts.setdefault(name, own) != own:
        sys.exit(f"{name}: {side} has prompts of {own} tokens, another side of {counts[name]}")


def compare(name):
    workload = WORKLOADS[name]
    figure, best_of = better(workload)
    counts = {}
    # (side, "equal" or "best") -> setting
    chosen = {("chaku", "equal"): settings("chaku", workload)[0]}
    for peer in PEERS:
        choices = settings(peer, workload)
        if not choices:
            continue
        tried = []
        for setting in choices if len(choices) > 1 else []:
            seen = run(peer, workload, setting)
            same_tokens(name, peer, seen, counts)
            print(f"{name}: {peer} {setting}: {figure} {seen[figure]:.1f}", file=sys.stderr, flush=True)
            tried.append((seen[figure], setting))
        chosen[peer, "equal"] = choices[0]
        best = best_of(tried, key=lambda pair: pair[0])[1] if tried else choices[0]
        if best != choices[0]:
            chosen[peer, "best"] = best
    seen = {way: [] for way in chosen}
    for turn in range(ROUNDS):
        ways = list(chosen)
        for way in ways[turn % len(ways):] + ways[:turn % len(ways)]:
            seen[way].append(run(way[0], workload, chosen[way]))
            same_tokens(name, way[0], seen[way][-1], counts)
    publish(name, chosen, seen, counts.get(name))


def publish(name, chosen, seen, counts):
    command = f"benches/compare/run.py {name}"
    figures = [figure for figure in ("tok_s", "ttft_max_s", "gap_max_ms", "ttft_s") if figure in seen["chaku", "equal"][0]]
    units = {"tok_s": "tokens/s", "ttft_max_s": "s", "gap_max_ms": "ms", "ttft_s": "s"}
    for (side, way), rounds in seen.items():
        label = side if way == "equal" else f"{side}_best"
        for figure in figures:
            timed_out = sum(round.get("timed_out", False) for round in rounds)
            report(f"{name}_{label}_{figure}", units[figure], GOALS.get((name, figure)) if side == "chaku" else None, command, [round[figure] for round in rounds],
                   setting=chosen[side, way], **({"timed_out": timed_out} if timed_out else {}))
    for peer in PEERS:
        for way in ("equal", "best"):
            rounds = seen.get((peer, way)) or seen.get((peer, "equal"))
            if rounds:
                # Above 1 is in chaku's favour, whichever figure it is.
                ratios = [(own[figures[0]] / other[figures[0]]) ** (1 if figures[0] == "tok_s" else -1) for own, other in zip(seen["chaku", "equal"], rounds)]
                label = f"at{WORKLOADS[name]['at_once']}" if way == "equal" else "best"
                report(f"{name}_vs_{peer}_{label}", "ratio", GOALS.get((name, way)), command, ratios)
    table(name, chosen, seen, figures, counts)


def table(name, chosen, seen, figures, counts):
    workload = WORKLOADS[name]
    print(f"\n{workload['about']}; prompt tokens {min(counts)} to {max(counts)}; median of {ROUNDS} rounds and its interval")
    print(f"{'':34}" + "".join(f"{figure:>28}" for figure in figures))
    for (side, way), rounds in seen.items():
        setting = ", ".join(f"{key} {value}" for key, value in chosen[side, way].items() if key != "threads" or value != THREADS)
        cells = []
        for figure in figures:
            values = [round[figure] for round in rounds]
            low, high = interval(values)
            cells.append(f"{statistics.median(values):10.1f} ({low:6.1f} to {high:6.1f})")
        print(f"{side + (' (' + setting + ')' if setting else ''):34}" + "".join(f"{cell:>28}" for cell in cells))
    print(flush=True)


if __name__ == "__main__":
    for name in sys.argv[1:] or WORKLOADS:
        if name not in WORKLOADS:
            sys.exit(f"unknown workload {name!r}: {', '.join(WORKLOADS)}")
    for name in sys.argv[1:] or WORKLOADS:
        compare(name)
