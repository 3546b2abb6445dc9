#!/usr/bin/env bash
exec "$(dirname "$0")/../../bindings/node/run.sh" "$@"
