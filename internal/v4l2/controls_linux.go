//go:build 386 || amd64 || arm || arm64 || loong64 || riscv64

package v4l2

import (
	"encoding/binary"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// kinds are the kinds of controls that are one number, by the kernel's numbers (enum v4l2_ctrl_type).
var kinds = map[uint32]ControlKind{1: Integer, 2: Boolean, 3: Menu, 4: Button, 5: Integer, 8: Bits, 9: Menu}

const (
	wideInteger = 5 // V4L2_CTRL_TYPE_INTEGER64
	numberMenu  = 9 // V4L2_CTRL_TYPE_INTEGER_MENU
)

// Controls returns the controls of the device, with their present values. Controls that are more than one number are left
// out.
func (d *Device) Controls() (controls []Control, err error) {
	k := kernelControl{}
	for range maxControls {
		k = kernelControl{id: k.id | nextControl}
		if err := ioctl(d.fd, queryExtControls, &k); err == unix.EINVAL || err == unix.ENOTTY {
			break
		} else if err != nil {
			return nil, meaning("list controls of", d.info.Path, err)
		}
		kind, known := kinds[k.kind]
		if !known || k.flags&controlDisabled != 0 || k.elements > 1 {
			continue
		}
		c := Control{
			ID: k.id, Name: nameOf(text(k.name[:])), Title: text(k.name[:]), Kind: kind,
			Min: k.min, Max: k.max, Step: k.step, Default: k.standard,
			ReadOnly: k.flags&controlReadOnly != 0, Inactive: k.flags&controlInactive != 0, wide: k.kind == wideInteger,
		}
		if kind == Menu {
			c.Menu = d.menu(&k)
		}
		if kind != Button && k.flags&controlWrite == 0 {
			c.Value = d.control(&k)
		}
		controls = append(controls, c)
	}
	return controls, nil
}

// menu lists the values of a menu. There can be gaps.
func (d *Device) menu(k *kernelControl) (items []MenuItem) {
	for value := k.min; value <= min(k.max, k.min+maxMenu); value++ {
		m := kernelMenuItem{id: k.id, index: uint32(value)}
		if ioctl(d.fd, queryMenu, &m) != nil {
			continue
		}
		name := text(m.name[:])
		if k.kind == numberMenu {
			name = strconv.FormatInt(int64(binary.NativeEndian.Uint64(m.name[:])), 10)
		}
		items = append(items, MenuItem{value, name})
	}
	return items
}

// control is the value of a control, 0 if it cannot be read.
func (d *Device) control(k *kernelControl) int64 {
	v := kernelControlValue{id: k.id}
	if ioctl(d.fd, getControls, &kernelControlValues{count: 1, values: &v}) != nil {
		return 0
	}
	if k.kind == wideInteger {
		return int64(binary.NativeEndian.Uint64(v.value[:]))
	}
	return int64(int32(binary.NativeEndian.Uint32(v.value[:])))
}

// Set sets a control that Controls has returned. The device may take a value near to the one that is asked for.
func (d *Device) Set(c Control, value int64) error {
	v := kernelControlValue{id: c.ID}
	if c.wide {
		binary.NativeEndian.PutUint64(v.value[:], uint64(value))
	} else {
		binary.NativeEndian.PutUint32(v.value[:], uint32(value))
	}
	if err := ioctl(d.fd, setControls, &kernelControlValues{count: 1, values: &v}); err != nil {
		return &os.PathError{Op: "set " + c.Name + " of", Path: d.info.Path, Err: err}
	}
	return nil
}
