//go:build tools

// Package assets names the programs that the cluster tier needs, so that their versions are pinned in go.mod.
package assets

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-proxy"
	_ "k8s.io/kubernetes/cmd/kubectl"
)
