#!/usr/bin/env bash
exec "$(dirname "$0")/../../bindings/python/run.sh" "$@"
