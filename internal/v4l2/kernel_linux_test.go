//go:build linux && (386 || amd64 || arm || arm64 || loong64 || riscv64)

package v4l2

import (
	"testing"
	"unsafe"
)

// The sizes of the kernel's structures, by C's sizeof on machines of 64 and 32 bits. They determine the numbers of the
// requests. They are written down here because a test machine may have no kernel headers. They never change.
func TestKernelLayout(t *testing.T) {
	wide := unsafe.Sizeof(uintptr(0)) == 8
	for name, test := range map[string]struct{ got, of64, of32 uintptr }{
		"v4l2_capability":       {unsafe.Sizeof(kernelCapability{}), 104, 104},
		"v4l2_fmtdesc":          {unsafe.Sizeof(kernelFormatDescription{}), 64, 64},
		"v4l2_frmsizeenum":      {unsafe.Sizeof(kernelFrameSize{}), 44, 44},
		"v4l2_frmivalenum":      {unsafe.Sizeof(kernelFrameInterval{}), 52, 52},
		"v4l2_format":           {unsafe.Sizeof(kernelFormat{}), 208, 204},
		"v4l2_format, planes":   {unsafe.Sizeof(kernelPlanarFormat{}), 208, 204},
		"v4l2_plane_pix_format": {unsafe.Sizeof(kernelPlaneFormat{}), 20, 20},
		"v4l2_streamparm":       {unsafe.Sizeof(kernelStreamParameters{}), 204, 204},
		"v4l2_requestbuffers":   {unsafe.Sizeof(kernelBufferRequest{}), 20, 20},
		"v4l2_buffer":           {unsafe.Sizeof(kernelBuffer{}), 88, 68},
		"v4l2_buffer, planes":   {unsafe.Sizeof(kernelPlanarBuffer{}), 88, 68},
		"v4l2_plane":            {unsafe.Sizeof(kernelPlane{}), 64, 60},
		"v4l2_query_ext_ctrl":   {unsafe.Sizeof(kernelControl{}), 232, 232},
		"v4l2_querymenu":        {unsafe.Sizeof(kernelMenuItem{}), 44, 44},
		"v4l2_ext_control":      {unsafe.Sizeof(kernelControlValue{}), 20, 20},
		"v4l2_ext_controls":     {unsafe.Sizeof(kernelControlValues{}), 32, 24},
	} {
		want := test.of32
		if wide {
			want = test.of64
		}
		if test.got != want {
			t.Errorf("%s has %d bytes, want %d", name, test.got, want)
		}
	}
	var format kernelPlanarFormat
	if at := unsafe.Offsetof(format.planes) - unsafe.Offsetof(format.width); at != 180 {
		t.Errorf("num_planes is at %d", at)
	}
	if at := unsafe.Offsetof(format.quantization) - unsafe.Offsetof(format.width); at != 183 {
		t.Errorf("quantization is at %d", at)
	}
	if wide && (queryCapability != 0x80685600 || dequeueBuffer != 0xC0585611 || streamOn != 0x40045612 || setFormat != 0xC0D05605) {
		t.Errorf("requests %#x %#x %#x %#x", queryCapability, dequeueBuffer, streamOn, setFormat)
	}
}

func TestFourCC(t *testing.T) {
	for text, want := range map[string]string{"MJPG": "MJPG", "Y10": "Y10", "": ""} {
		if got := Code(text).String(); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
	if got := (Code("Y16") | 1<<31).String(); got != "Y16-BE" {
		t.Error(got)
	}
	if got := FourCC(0x01020304).String(); got != "????" {
		t.Error(got)
	}
}

func TestNameOf(t *testing.T) {
	for title, want := range map[string]string{
		"Exposure, Auto": "exposure_auto", "Exposure (Absolute)": "exposure_absolute", "Zoom": "zoom", "  A--B  ": "a_b", "": "",
		"White Balance, Automatic": "white_balance_automatic",
	} {
		if got := nameOf(title); got != want {
			t.Errorf("%q: %q, want %q", title, got, want)
		}
	}
}
