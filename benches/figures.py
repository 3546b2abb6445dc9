"""What the measuring scripts share: running a program, intervals, and the JSON line of a figure.

`value` is a median (or a 99th percentile where the name says p99); `lo` and `hi` bound the median at 95 % by order statistics, which assume nothing
about the noise; `goal` is what the project promises.
"""
import json
import math
import statistics
import subprocess


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


def p99(name, goal, *command):
    times = [float(line) for line in run(*command)]
    report(name, "ms", goal, " ".join(command), times, percentile(times, 0.99), median=statistics.median(times), max=max(times))
