//go:build !linux

package datagram

import "time"

func sleep(d time.Duration) { time.Sleep(d) }
