#!/usr/bin/env bash
# Runs a lint tool that scripts/setup.sh installed:  scripts/lint-tool.sh PROGRAM ARGUMENT...
set -euo pipefail

tool="${XDG_CACHE_HOME:-$HOME/.cache}/ferrolb/lint-tools/bin/$1"
if [[ -x $tool ]]; then
    exec "$tool" "${@:2}"
elif [[ -n ${CI:-} ]]; then
    echo "lint: $1 is not installed; run scripts/setup.sh lint" >&2
    exit 1
fi
echo "lint: skipped $1: it is not installed (scripts/setup.sh lint)" >&2
