#!/usr/bin/env python3
"""Runs the measuring programs and prints one JSON line a figure (figures.py says what is in it): run.py [NAME...]. `make bench` builds them first.

Compared sides run in turns, so that both see the same neighbours.
"""
import json
import os
import pty
import statistics
import subprocess
import sys
import time

import runtime
from figures import p99, report, run

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
SMOLLM2 = "target/models/SmolLM2-135M-Instruct.Q4_1.gguf"
TINY = "target/models/tiny-random.gguf"
PYTHON = "target/python/venv/bin/python"
PAIRS, ROUNDS, TURNS, DRAINS, CANCELS, INTERRUPTS, EVENTS, LOOKUPS = 20, 12, 3, 5, 120, 40, 100_000, 20


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


def cli_start():
    """From the start of the process to the moment when it takes a prompt, each on a terminal of its own."""
    commands = (("target/benches/load_raw", SMOLLM2), ("target/release/chaku", "cli", "-m", SMOLLM2, "-c", "2048", "-t", "2", "--simple-io"))
    pairs = []
    for turn in range(PAIRS + 1):
        seen = {command: seconds_to_prompt(command) for command in (commands if turn % 2 else commands[::-1])}
        pairs.append([seen[command] for command in commands])
    del pairs[0]  # it warmed the page cache
    report("cli_start_vs_raw_load", "ratio", "<= 1.2", " | ".join(map(" ".join, commands)), [chaku / raw for raw, chaku in pairs],
           raw_s=statistics.median(raw for raw, _ in pairs), chaku_s=statistics.median(chaku for _, chaku in pairs))


def seconds_to_prompt(command):
    ours, theirs = pty.openpty()
    began = time.perf_counter()
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL)
    os.close(theirs)
    shown = b""
    while not shown.endswith(b"> "):
        shown += os.read(ours, 4096)
    seconds = time.perf_counter() - began
    process.terminate()
    process.wait()
    os.close(ours)
    return seconds


def events():
    abi, rust = ("target/benches/drain", TINY, str(EVENTS)), ("target/release/chaku-bench", TINY, str(EVENTS))
    pairs = [(json.loads(run(*abi)[0])["us"], json.loads(run(*rust)[0])["us"]) for _ in range(DRAINS)]
    report("abi_event_us", "us", "<= 2", " | ".join((" ".join(abi), " ".join(rust))), [a - r for a, r in pairs], events=EVENTS,
           abi_us=statistics.median(a for a, _ in pairs), rust_us=statistics.median(r for _, r in pairs))


def cancel():
    for phase in ("decode", "prefill"):
        p99(f"cancel_{phase}_p99_ms", "<= 20", "target/benches/cancel", SMOLLM2, phase, str(CANCELS))


def handles():
    command = ("target/benches/handles", TINY, str(LOOKUPS))
    samples = [json.loads(line) for line in run(*command)]
    report("handle_lookup_ns", "ns", "<= 50", " ".join(command), [s["getter_ns"] - s["plain_ns"] for s in samples],
           getter_ns=statistics.median(s["getter_ns"] for s in samples), plain_call_ns=statistics.median(s["plain_ns"] for s in samples),
           two_threads_ns=statistics.median(s["two_threads_ns"] - s["two_threads_plain_ns"] for s in samples))


def gguf():
    command = ("target/release/chaku-bench-gguf-check", SMOLLM2, str(PAIRS))
    turns = [json.loads(line) for line in run(*command)]
    report("gguf_check_vs_load", "ratio", "<= 0.10", " ".join(command), [turn["check"] / turn["load"] for turn in turns],
           check_ms=statistics.median(turn["check"] for turn in turns) * 1000, load_ms=statistics.median(turn["load"] for turn in turns) * 1000)


def languages():
    """The same answers through C and through each module. The three processes live side by side and answer in turns, so that a drift hits all; each round has
    new ones, because where a process's memory lies makes a difference too."""
    ways = {"c": ("target/benches/stream", SMOLLM2), "python": (PYTHON, "benches/python/stream.py", SMOLLM2), "node": ("node", "benches/node/stream.mjs", SMOLLM2)}
    speeds = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, speed in answer_in_turns(ways).items():
            speeds[way].append(speed)
    for way in ("python", "node"):
        report(f"{way}_vs_c", "ratio", ">= 0.97", " | ".join((" ".join(ways["c"]), " ".join(ways[way]))), [a / b for a, b in zip(speeds[way], speeds["c"])],
               c_tokens_per_s=statistics.median(speeds["c"]), tokens_per_s=statistics.median(speeds[way]))


def answer_in_turns(ways):
    """Tokens per second of each: a b c c b a, then b c a a c b, and so on, after an answer of each to warm up."""
    processes = {way: subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for way, command in ways.items()}

    def ask(way):
        processes[way].stdin.write("\n")
        processes[way].stdin.flush()
        return json.loads(processes[way].stdout.readline())

    tokens, seconds = dict.fromkeys(ways, 0), dict.fromkeys(ways, 0.0)
    for way in ways:
        ask(way)
    for turn in range(TURNS):
        order = [*ways][turn % 3:] + [*ways][:turn % 3]
        for way in (*order, *reversed(order)):
            seen = ask(way)
            tokens[way] += seen["tokens"]
            seconds[way] += seen["seconds"]
    for process in processes.values():
        process.communicate()
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, process.args)
    return {way: tokens[way] / seconds[way] for way in ways}


def python():
    for way in ("sync", "async"):
        command = (PYTHON, "benches/python/events.py", TINY, str(EVENTS), way)
        report(f"python_event_{way}_us", "us", None, " ".join(command), [json.loads(run(*command)[-1])["us"] for _ in range(DRAINS)], events=EVENTS)
        p99(f"python_cancel_{way}_p99_ms", "<= 50", PYTHON, "benches/python/cancel.py", SMOLLM2, str(INTERRUPTS), way)
    for phase in ("load", "prefill", "decode"):
        p99(f"python_ctrl_c_{phase}_p99_ms", "<= 100", PYTHON, "benches/python/ctrl_c.py", SMOLLM2, phase, str(INTERRUPTS))


def node():
    command = ("node", "benches/node/events.mjs", TINY, str(EVENTS))
    report("node_event_us", "us", None, " ".join(command), [json.loads(run(*command)[-1])["us"] for _ in range(DRAINS)], events=EVENTS)
    p99("node_abort_p99_ms", "<= 50", "node", "benches/node/cancel.mjs", SMOLLM2, str(INTERRUPTS))
    command = ("node", "benches/node/loop_delay.mjs", SMOLLM2, "8")
    delays = [json.loads(run(*command)[-1]) for _ in range(DRAINS)]
    report("node_loop_delay_p99_ms", "ms", "<= 5", " ".join(command), [delay["p99_ms"] for delay in delays],
           median_ms=statistics.median(delay["median_ms"] for delay in delays), max_ms=max(delay["max_ms"] for delay in delays))


GROUPS = {"decode": decode, "first_token": first_token, "cli_start": cli_start, "events": events, "cancel": cancel, "handles": handles, "gguf": gguf, "languages": languages, "python": python, "node": node,
          **runtime.GROUPS}

if __name__ == "__main__":
    known = {**GROUPS, **runtime.BY_HAND}
    for name in sys.argv[1:] or GROUPS:
        if name not in known:
            sys.exit(f"unknown group {name!r}: {', '.join(known)}")
        known[name]()
