//go:build !linux

package main

// onLinux are commands of Linux, which mean nothing here.
func onLinux(...string) []string { return nil }

func (i *networkInterface) kind() {}

func surroundings() (container string, wsl bool) { return "", false }
