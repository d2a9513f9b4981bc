#!/usr/bin/env bash
# Provides etcd, kube-apiserver, kubectl and kube-proxy for the cluster tier.
#
# Prints the directories that hold them, separated by colons, on standard output; progress goes to standard error.
# KUBEBUILDER_ASSETS, the convention of the Kubernetes test environment, is used where it is set. What is missing is
# built once from the Go modules beside the cluster tests, which pin the versions, and kept outside the repository.
set -euo pipefail

modules=$(cd "$(dirname "${BASH_SOURCE[0]}")/../tests/cluster/assets" && pwd)
version=$(awk '$1 == "require" && $2 == "k8s.io/kubernetes" { print $3 }' "$modules/go.mod")
cache="${XDG_CACHE_HOME:-$HOME/.cache}/ferrolb/kubernetes-$version"

say() { printf 'cluster-assets: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# build DIRECTORY PROGRAM PACKAGE MINUTES: the binary appears in the cache complete or not at all.
build() {
    local directory=$1 program=$2 package=$3 minutes=$4 started=$SECONDS stamp=k8s.io/component-base/version
    [[ -x $cache/$program ]] && return
    command -v go >/dev/null || fail "no \`go\` to build $program with; run scripts/setup.sh cluster, or set KUBEBUILDER_ASSETS"
    say "building $program once, up to $minutes minutes on two idle cores"
    local major minor
    IFS=. read -r major minor _ <<<"${version#v}"
    # Without the stamped release number `/version` and kubectl's skew check see v0.0.0.
    (cd "$directory" && CGO_ENABLED=0 go build -trimpath -o "$cache/.$program.$$" \
        -ldflags "-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=$major -X $stamp.gitMinor=$minor" "$package")
    mv "$cache/.$program.$$" "$cache/$program"
    say "built $program in $((SECONDS - started)) s"
}

build_in_cache() {
    mkdir -p "$cache"
    exec 9>"$cache/.lock"
    flock 9
    trap 'rm -f "$cache"/.*."$$"' EXIT
    # One at a time: the linker of kube-apiserver alone needs 2 GB.
    for program in "$@"; do
        case $program in
        etcd) build "$modules/etcd" etcd go.etcd.io/etcd/server/v3 1 ;;
        kube-apiserver) build "$modules" kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver 6 ;;
        *) build "$modules" "$program" "k8s.io/kubernetes/cmd/$program" 1 ;;
        esac
    done
}

if [[ -n ${KUBEBUILDER_ASSETS:-} ]]; then
    for program in etcd kube-apiserver kubectl; do
        [[ -x $KUBEBUILDER_ASSETS/$program ]] || fail "KUBEBUILDER_ASSETS is $KUBEBUILDER_ASSETS, but there is no $program in it"
    done
    if [[ -x $KUBEBUILDER_ASSETS/kube-proxy ]]; then
        printf '%s\n' "$KUBEBUILDER_ASSETS"
    else
        build_in_cache kube-proxy
        printf '%s\n' "$KUBEBUILDER_ASSETS:$cache"
    fi
else
    build_in_cache etcd kube-apiserver kubectl kube-proxy
    printf '%s\n' "$cache"
fi
