package protocol

import (
	"slices"
	"time"
)

// acceptedScripts say what is unusual and must be taken all the same.
func acceptedScripts() (all []script) {
	frame := func(section, name, rule string, sealed bool, fill func(c *scene)) {
		c := newScene(section, name, rule, sealed).open()
		fill(c)
		all = append(all, c.good(sceneLength).script)
	}
	for _, sealed := range []bool{false, true} {
		kind := map[bool]string{false: "", true: "sealed: "}[sealed]
		frame("Segments", kind+"the last segment first", "any datagram of a frame may be the first", sealed, func(c *scene) {
			d := c.frame(5*448, 0)
			slices.Reverse(d)
			for _, b := range d {
				c.comes(b)
			}
			c.shown(c.next-1, 5*448)
		})
		frame("Repair", kind+"nothing but parity", "any k shards of a block give the rest", sealed, func(c *scene) {
			for _, b := range c.frame(5*448-63, 5)[5:] {
				c.comes(b)
			}
			c.shown(c.next-1, 5*448-63)
		})
	}
	rows := func(name string, length, k int, lose []int, rows ...int) {
		frame("Repair", name, "any row of parity repairs any data shard", false, func(c *scene) {
			d := c.frame(length, 0)
			answers := answer(&c.outgoing, Request{FrameID: c.next - 1, Need: uint8(maxShards - k), Data: uint8(k),
				Missing: make([]byte, 32)}, maxShards)
			parity := flat(answers)
			for i, b := range d {
				if !slices.Contains(lose, i) {
					c.comes(b)
				}
			}
			for _, row := range rows {
				c.comes(parity[row])
			}
			c.shown(c.next-1, length)
		})
	}
	rows("the last row of all", 100, 1, []int{0}, 254)
	rows("two segments from the last rows", 500, 2, []int{0, 1}, 253, 252)
	rows("five segments from scattered rows, the last first", 5*448-100, 5, []int{0, 1, 2, 3, 4}, 250, 0, 127, 128, 249)
	rows("the first, a middle and the last segment of many", 24*448-1, 24, []int{0, 12, 23}, 231, 0, 104)
	frame("Segments", "answers of types 9 and 10", "answers are segments like others, with any row", false, func(c *scene) {
		d := c.frame(sceneLength, 1)
		d[0][2], d[2][2] = 0x19, 0x1a
		c.comes(d[0]).comes(d[2]).shown(c.next-1, sceneLength)
	})
	frame("Segments", "datagrams with different p", "a sender may give each receiver another p, and use several networks",
		false, func(c *scene) {
			d := c.frame(sceneLength, 1)
			d[1][17] = 7
			c.comes(d[0]).comes(d[1]).shown(c.next-1, sceneLength)
		})
	frame("How a receiver assembles", "a frame within another", "frames are handed on in the order of their IDs", false,
		func(c *scene) {
			d, e := c.frame(sceneLength, 0), c.frame(100, 0)
			c.comes(d[0]).comes(e[0]).comes(d[1]).shown(c.next-2, sceneLength).shown(c.next-1, 100)
		})
	frame("Skip", "frames that are left out", "a receiver does not wait for frames that a Skip names", false, func(c *scene) {
		c.comes(c.splitter.Skip(c.next, c.next+1)[0][0])
		c.next += 2
	})
	frame("Skip", "bytes behind a skip", "what follows is ignored", false, func(c *scene) {
		c.comes(append(c.splitter.Skip(c.next, c.next)[0][0], 1, 2, 3))
		c.next++
	})
	frame("Skip", "a frame that a skip named comes all the same", "then the Skip does not count", false, func(c *scene) {
		c.comes(c.splitter.Skip(c.next, c.next)[0][0])
	})
	frame("Announcement", "bytes behind an announcement", "they are for later versions, and ignored", false, func(c *scene) {
		c.comes(append(c.announce("door"), make([]byte, 16+1+20)...))
	})
	frame("Strangers", "the stream goes on elsewhere", "after three frames in order and 250 ms, the stream goes on there",
		false, func(c *scene) {
			c.next += 1000
			for range 3 {
				c.comes(c.frame(100, 0)[0]).refused("stray").after(125 * time.Millisecond)
			}
			c.refused("").dropped("lost").shown(c.next-1, 100)
		})

	c := newScene("Segments", "the largest frame ID, then 0", "frame IDs wrap", false)
	c.next = 1<<32 - 1
	c.comes(c.announce("door")).good(100)
	all = append(all, c.good(sceneLength).script)

	c = newScene("Announcement", "a name that is not printable",
		"names are printable UTF-8: the rest is left out, and spaces at both ends", false)
	name := " do\x00\xff\u202eor\n "
	b := append(c.announce(""), name...)
	b[36] = byte(len(name))
	all = append(all, c.comes(b).good(sceneLength).script)

	c = newScene("Announcement", "a name that is too long", "of a longer name the first 64 bytes count", false)
	long := string(make([]byte, 100)) + "door" + string(make([]byte, 100))
	b = append(c.announce(""), long...)
	b[36] = byte(len(long))
	return append(all, c.comes(b).good(sceneLength).script)
}
