#!/usr/bin/env bash
# Provides the other implementations for the interop tier: builds the member on hashicorp/memberlist once and prints its path
# on standard output; progress goes to standard error. Kept outside the repository by the content of its sources.
set -euo pipefail

source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../tests/interop/memberlist" && pwd)
sum=$(cat "$source"/go.mod "$source"/go.sum "$source"/main.go | cksum | tr ' ' -)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/ferrolb/interop"
program="$cache/memberlist-$sum"

say() { printf 'interop-assets: %s\n' "$*" >&2; }

if [[ ! -x $program ]]; then
    command -v go >/dev/null || { say "no \`go\` to build the memberlist peer with"; exit 1; }
    say "building the memberlist peer once, about a minute"
    mkdir -p "$cache"
    (cd "$source" && CGO_ENABLED=0 go build -trimpath -o "$program.$$" . >&2)
    mv "$program.$$" "$program"
fi
printf '%s\n' "$program"
