package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
)

// onLinux are commands of Linux.
func onLinux(commands ...string) []string { return commands }

// kind looks what kind of interface it is.
func (i *networkInterface) kind() {
	of := "/sys/class/net/" + i.name
	exists := func(name string) bool { _, err := os.Stat(of + name); return err == nil }
	uevent, _ := os.ReadFile(of + "/uevent")
	i.wireless = exists("/wireless") || exists("/phy80211")
	i.tunnel = i.tunnel || exists("/tun_flags") || bytes.Contains(uevent, []byte("DEVTYPE=wireguard"))
}

// surroundings returns what container this process is in, or "", and whether it is in WSL with a network apart.
func surroundings() (container string, wsl bool) {
	exists := func(name string) bool { _, err := os.Stat(name); return err == nil }
	cgroup, _ := os.ReadFile("/proc/1/cgroup")
	switch {
	case exists("/run/.containerenv"):
		container = "podman"
	case exists("/.dockerenv"), bytes.Contains(cgroup, []byte("docker")):
		container = "docker"
	case bytes.Contains(cgroup, []byte("kubepods")):
		container = "Kubernetes"
	case bytes.Contains(cgroup, []byte("lxc")):
		container = "LXC"
	}
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	if strings.Contains(strings.ToLower(string(release)), "microsoft") {
		mode, err := exec.Command("wslinfo", "--networking-mode").Output()
		wsl = err != nil || strings.TrimSpace(string(mode)) != "mirrored"
	}
	return container, wsl
}
