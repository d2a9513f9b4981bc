#!/usr/bin/env bash
# Runs the named test tiers and tells at the end what ran, what was skipped, and why:  scripts/test.sh [unit] [netns] [interop] [cluster]
#
# All of them run even when one fails. With CI set a skip is a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH="$HOME/.cargo/bin:$PATH:/usr/sbin:/sbin"

if [[ -n ${CI:-} ]]; then
    export FERROLB_REQUIRE_INTEROP=1 FERROLB_REQUIRE_NETNS=1 FERROLB_REQUIRE_CLUSTER=1 FERROLB_REQUIRE_KUBECTL=1
fi
# A failed test shows logs; where in the harness it failed helps nobody.
export RUST_LIB_BACKTRACE=0
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
log=$(mktemp)
trap 'rm -f "$log"' EXIT
summary=()
status=0
skipped=0

# run TIER COMMAND...
run() {
    local tier=$1 started=$SECONDS result=passed
    shift
    echo "== $tier"
    "$@" 2>&1 | tee -a "$log" || { result=FAILED; status=1; }
    summary+=("$(printf '%-8s %-8s %4d s' "$tier" "$result" $((SECONDS - started)))")
}

skip() {
    skipped=$((skipped + 1))
    summary+=("$(printf '%-8s skipped: %s' "$1" "$2")")
    if [[ -n ${CI:-} ]]; then status=1; fi
}

# As root, or with all capabilities in a user namespace of its own where the distribution allows that. Not as its root:
# tcpdump gives up being root when it starts, which fails there.
in_namespaces=()
can_make_namespaces() {
    unshare --net true 2>/dev/null && return
    in_namespaces=(unshare --map-current-user --keep-caps --net --mount)
    "${in_namespaces[@]}" true 2>/dev/null
}

missing_judges() {
    local program
    for program in "$@"; do command -v "$program" >/dev/null || printf '%s ' "$program"; done
}

unit() {
    run unit cargo test --locked --workspace --exclude ferrolb-tests-netns --exclude ferrolb-tests-interop --exclude ferrolb-tests-cluster
}

netns() {
    local missing
    missing=$(missing_judges arping ndisc6 tcpdump ip)
    if [[ -n $missing ]]; then
        skip netns "these programs are missing: $missing"
    elif ! can_make_namespaces; then
        skip netns "neither root nor user namespaces"
    else
        local peer
        if peer=$(scripts/interop-assets.sh); then export FERROLB_RING_PEER=$peer; fi
        cargo build --locked --package ferrolb-cli
        FERROLB_BIN=$target/debug/ferrolb run netns "${in_namespaces[@]}" cargo test --locked --package ferrolb-tests-netns
    fi
}

interop() {
    local peer
    if peer=$(scripts/interop-assets.sh); then
        FERROLB_RING_PEER=$peer run interop cargo test --locked --package ferrolb-tests-interop
    else
        skip interop "no Go to build the peer with"
    fi
}

cluster() {
    local missing
    missing=$(missing_judges arping ndisc6 nft curl)
    if [[ -n $missing ]]; then
        skip cluster "these programs are missing: $missing"
    elif ! can_make_namespaces; then
        skip cluster "neither root nor user namespaces"
    elif [[ -z $assets ]]; then
        skip cluster "no API server: see the messages of cluster-assets above"
    else
        cargo build --locked --package ferrolb-cli
        FERROLB_BIN=$target/debug/ferrolb FERROLB_ASSETS=$assets \
            run cluster "${in_namespaces[@]}" cargo test --locked --package ferrolb-tests-cluster
    fi
}

needs=(rust)
for tier in "$@"; do
    case $tier in
    unit) ;;
    netns) needs+=(judges go) ;;
    interop) needs+=(go) ;;
    cluster) needs+=(judges go) ;;
    *) echo "unknown tier \`$tier\`; there are unit, netns, interop and cluster" >&2; exit 2 ;;
    esac
done
scripts/setup.sh "${needs[@]}"

# Before the first tier, because the unit tests of the embedded API server take their kubectl from there too.
assets=
if [[ " $* " == *" cluster "* ]] && assets=$(scripts/cluster-assets.sh); then
    export PATH="$assets:$PATH"
fi
for tier in "$@"; do "$tier"; done

printf '\n== summary\n'
printf '%s\n' "${summary[@]}"
# The sum of the runner's own lines.
awk -v skipped="$skipped" '/^test result: / { passed += $4; failed += $6; ignored += $8 }
    END { printf "total: %d passed, %d failed, %d skipped\n", passed, failed, ignored + skipped }' "$log"
exit "$status"
