//go:build !gocv

package main_test

// The binary that is tested is the one that `make build` makes.
var (
	buildArgs []string
	buildEnv  = []string{"CGO_ENABLED=0"}
)
