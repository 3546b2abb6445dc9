#!/usr/bin/env python3
"""Runs the measuring programs and prints one JSON line a figure: run.py [NAME...]. `make bench` builds them first.

`value` is a median (or a 99th percentile where the name says p99); `lo` and `hi` bound the median at 95 % by order statistics, which assume nothing
about the noise; `goal` is what the project promises. Compared sides run in turns, so that both see the same neighbours.
"""
import json
import math
import os
import statistics
import subprocess
import sys

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
SMOLLM2 = "target/models/SmolLM2-135M-Instruct.Q4_1.gguf"
TINY = "target/models/tiny-random.gguf"
PAIRS, DRAINS, CANCELS, EVENTS = 20, 5, 120, 100_000


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()


def interval(values):
    """The narrowest pair of order statistics that holds the median with at least 95 % probability; all there is when the sample is too small."""
    ordered, n = sorted(values), len(values)
    below = 0.0  # the probability that fewer than k + 1 values lie under the median
    cut = 0
    for k in range(n):
        below += math.comb(n, k) / 2**n
        if below > 0.025:
            break
        cut = k + 1
    low = max(cut - 1, 0)
    return ordered[low], ordered[n - 1 - low]


def percentile(values, share):
    """Nearest rank: a value that was really seen."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def report(name, unit, goal, command, values, value=None, **extra):
    low, high = interval(values)
    line = {"name": name, "value": statistics.median(values) if value is None else value, "unit": unit, "lo": low, "hi": high, "n": len(values),
            "goal": goal, **extra, "command": command}
    print(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in line.items()}), flush=True)


def decode():
    command = ("target/benches/decode", SMOLLM2, str(PAIRS))
    pairs = [json.loads(line) for line in run(*command)]
    report("decode_abi_vs_raw", "ratio", ">= 0.98", " ".join(command), [p["abi"] / p["raw"] for p in pairs],
           raw_tokens_per_s=statistics.median(p["raw"] for p in pairs), abi_tokens_per_s=statistics.median(p["abi"] for p in pairs))


def first_token():
    programs = ("target/benches/first_token_raw", "target/benches/first_token_chaku")
    pairs = []
    for turn in range(PAIRS + 1):
        seen = {program: json.loads(run(program, SMOLLM2)[0]) for program in (programs if turn % 2 else programs[::-1])}
        pairs.append([seen[program] for program in programs])
    del pairs[0]  # it warmed the page cache
    command = " | ".join(f"{program} {SMOLLM2}" for program in programs)
    report("load_to_first_token_vs_raw", "ratio", "<= 1.05", command, [chaku["seconds"] / raw["seconds"] for raw, chaku in pairs],
           raw_s=statistics.median(raw["seconds"] for raw, _ in pairs), chaku_s=statistics.median(chaku["seconds"] for _, chaku in pairs))
    report("extra_rss_mib", "MiB", "<= 8", command, [(chaku["peak_kib"] - raw["peak_kib"]) / 1024 for raw, chaku in pairs],
           raw_mib=statistics.median(raw["peak_kib"] for raw, _ in pairs) / 1024, chaku_mib=statistics.median(chaku["peak_kib"] for _, chaku in pairs) / 1024)


def events():
    abi, rust = ("target/benches/drain", TINY, str(EVENTS)), ("target/release/chaku-bench", TINY, str(EVENTS))
    pairs = [(json.loads(run(*abi)[0])["us"], json.loads(run(*rust)[0])["us"]) for _ in range(DRAINS)]
    report("abi_event_us", "us", "<= 2", " | ".join((" ".join(abi), " ".join(rust))), [a - r for a, r in pairs], events=EVENTS,
           abi_us=statistics.median(a for a, _ in pairs), rust_us=statistics.median(r for _, r in pairs))


def cancel():
    for phase in ("decode", "prefill"):
        command = ("target/benches/cancel", SMOLLM2, phase, str(CANCELS))
        times = [float(line) for line in run(*command)]
        report(f"cancel_{phase}_p99_ms", "ms", "<= 20", " ".join(command), times, percentile(times, 0.99), median=statistics.median(times), max=max(times))


GROUPS = {"decode": decode, "first_token": first_token, "events": events, "cancel": cancel}

if __name__ == "__main__":
    for name in sys.argv[1:] or GROUPS:
        if name not in GROUPS:
            sys.exit(f"unknown group {name!r}: {', '.join(GROUPS)}")
        GROUPS[name]()
