#!/usr/bin/env python3
"""The mutated models of a seed, loaded by another binding of llama.cpp (xllamacpp), each in a process of its own, and by chaku, all in one.
Counts who died. Not a part of any test:

  python3 -m venv target/peers && target/peers/bin/pip install xllamacpp
  target/peers/bin/python tests/mutation/peers.py 1 1000        seed, files
"""
import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[2]
PROGRAM = ROOT / "target/release/chaku-mutation"
SECONDS = 60

# What chaku does in a case, too: load, one short chat with one thread and a small window.
CHAT = """
import sys
import xllamacpp
params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.n_ctx, params.n_parallel, params.cpuparams.n_threads, params.warmup = 256, 1, 1, False
server = xllamacpp.Server(params)
reply = server.handle_chat_completions({"messages": [{"role": "user", "content": "Hi there"}], "max_tokens": 4})
sys.exit(0 if "choices" in reply else 3)
"""


def peer(file):
    """What became of the process."""
    try:
        done = subprocess.run([sys.executable, "-c", CHAT, file], capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return "hung"
    if done.returncode < 0:
        return f"died by signal {-done.returncode}"
    return "worked" if done.returncode == 0 else "error"


def model_cases(cases, seed):
    """chaku's own count over the same files, without regressions and the other kinds of cases."""
    done = subprocess.run([PROGRAM, "--cases", str(cases), "--seed", seed, "--kind", "model"], capture_output=True, text=True, check=False)
    return re.search(r"process deaths: .*", done.stdout).group()


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    seed, wanted = sys.argv[1], int(sys.argv[2])
    cases = wanted * 2  # a little over half of all cases are models
    shared = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        subprocess.run([PROGRAM, "--cases", str(cases), "--seed", seed, "--write", folder], check=True)
        files = sorted(pathlib.Path(folder).iterdir(), key=lambda file: int(file.stem))[:wanted]
        counts, deaths = collections.Counter(), []
        for file in files:
            verdict = peer(str(file))
            counts[verdict] += 1
            if verdict not in ("worked", "error"):
                deaths.append(file.stem)
            file.unlink()
    print(f"peer, {sum(counts.values())} files: {dict(counts)}; cases {' '.join(deaths)}")
    print(f"chaku, all {cases} cases that are models: {model_cases(cases, seed)}")


if __name__ == "__main__":
    main()
