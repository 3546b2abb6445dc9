"""The figures of many sessions on one model: run.py prints them. ROUNDS=n in the environment changes how often the compared
sides take turns, THREADS=n how many threads compute (2).
"""
import json
import os
import statistics

from figures import p99, report, run

SMOLLM2 = "target/models/SmolLM2-135M-Instruct.Q4_1.gguf"
ROUNDS = int(os.environ.get("ROUNDS", 10))
CANCELS = 15 * ROUNDS


def rounds(program):
    """What each round of a program printed, by name, and the command."""
    command = (f"target/benches/{program}", SMOLLM2, str(ROUNDS))
    lines = [json.loads(line) for line in run(*command)]
    return lines, " ".join(command)


def column(lines, name):
    return [line[name] for line in lines]


def batch16():
    lines, command = rounds("batch16")
    report("batch16_vs_raw", "ratio", ">= 0.95", command, [line["abi"] / line["raw"] for line in lines],
           steady=statistics.median(line["abi_steady"] / line["raw_steady"] for line in lines),
           raw_tokens_per_s=statistics.median(column(lines, "raw")), abi_tokens_per_s=statistics.median(column(lines, "abi")))


def shared8():
    lines, command = rounds("shared8")
    report("shared8_vs_limit", "ratio", ">= 0.9", command, [line["abi"] / line["limit"] for line in lines],
           limit_tokens_per_s=statistics.median(column(lines, "limit")), abi_tokens_per_s=statistics.median(column(lines, "abi")))
    report("shared8_abi_ttft_max_s", "s", "<= 5", command, column(lines, "ttft_max"), max=max(column(lines, "ttft_max")))


def gap():
    lines, command = rounds("gap")
    report("token_gap_max_ms", "ms", "<= 150", command, column(lines, "gap_ms"), max=max(column(lines, "gap_ms")),
           usual_gap_ms=statistics.median(column(lines, "usual_ms")))
    report("newcomer_ttft_s", "s", None, command, column(lines, "ttft"), max=max(column(lines, "ttft")))


def busy():
    lines, command = rounds("busy")
    for name, neighbours, goal in (("idle_vs_best_fixed", 0, ">= 0.98"), ("busy2_vs_best_fixed", 2, ">= 0.85")):
        part = [line for line in lines if line["neighbours"] == neighbours]
        speeds = {side: statistics.median(column(part, side)) for side in ("adaptive", "fixed1", "fixed2")}
        best = max("fixed1", "fixed2", key=speeds.get)
        report(name, "ratio", goal, command, [line["adaptive"] / line[best] for line in part], best=best,
               **{f"{side}_tokens_per_s": speed for side, speed in speeds.items()})


def cancel_busy():
    for name, sessions, goal in (("cancel_idle_p99_ms", 1, "<= 20"), ("cancel_busy_p99_ms", 16, "<= 60")):
        p99(name, goal, "target/benches/cancel_running", SMOLLM2, str(sessions), str(CANCELS))


def stalled():
    lines, command = rounds("stalled")
    report("stalled_reader_loss", "ratio", "<= 0.05", command, [1 - line["beside"] / line["alone"] for line in lines],
           alone_tokens_per_s=statistics.median(column(lines, "alone")), beside_tokens_per_s=statistics.median(column(lines, "beside")))


def constraint():
    lines, command = rounds("constraint")
    report("constraint_vs_free", "ratio", "<= 1.10", command, [line["schema"] / line["free"] for line in lines],
           free_ms=statistics.median(column(lines, "free")), schema_ms=statistics.median(column(lines, "schema")))


def shapes():
    """The choices take turns, each in a process of its own, for they hold much memory."""
    choices = [(sequences, attention) for attention in ("on", "off") for sequences in (8, 16, 64, 256)]
    seen = {choice: [] for choice in choices}
    for turn in range(ROUNDS):
        for sequences, attention in choices if turn % 2 else reversed(choices):
            seen[sequences, attention].append(json.loads(run("target/benches/shapes", SMOLLM2, str(sequences), attention)[0]))
    for (sequences, attention), lines in seen.items():
        for what in ("prefill", "decode1", "decode8"):
            report(f"shape_seq{sequences}_flash_{attention}_{what}_tok_s", "tokens/s", None, f"target/benches/shapes {SMOLLM2} {sequences} {attention}",
                   column(lines, what), peak_mib=statistics.median(column(lines, "mib")))


GROUPS = {"batch16": batch16, "shared8": shared8, "gap": gap, "busy": busy, "cancel_busy": cancel_busy, "stalled": stalled, "constraint": constraint}
BY_HAND = {"shapes": shapes}  # figures for a choice that is made once
