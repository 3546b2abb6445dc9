#!/usr/bin/env bash
# Prints the Python 3 to use: the first one that has pip, for the one in PATH may come without it while the system's has it.
for python in "${PYTHON:-}" python3 /usr/bin/python3; do
    if [ -n "$python" ] && "$python" -m pip --version >/dev/null 2>&1; then
        command -v "$python"
        exit 0
    fi
done
echo "no Python 3 with pip found: run 'make deps'" >&2
exit 1
