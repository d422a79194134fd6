package protocol

import (
	"errors"
	"testing"
)

func TestInspect(t *testing.T) {
	cam := newCamera(5, "door")
	f, ds := cam.frame(3000)
	for i, d := range ds {
		info, err := Inspect(d)
		if err != nil || info.Kind != KindData && info.Kind != KindParity || info.FrameID != f.ID || info.Data != 3 || info.Repair {
			t.Errorf("datagram %d: %+v, %v", i, info, err)
		}
		if info.Kind == KindData && info.Index != i {
			t.Errorf("datagram %d is segment %d", i, info.Index)
		}
	}
	if info, err := Inspect(cam.announce()); err != nil || info.Kind != KindAnnouncement {
		t.Errorf("announcement: %+v, %v", info, err)
	}
	report := Report{}.append(nil, 5, 0, clockEcho{})
	if info, err := Inspect(report); err != nil || info.Kind != KindReport {
		t.Errorf("report: %+v, %v", info, err)
	}
	request := Request{FrameID: 7, Block: 1, Need: 2, Data: 3, Missing: []byte{0xc0}}.append(nil, 5, 0)
	if info, err := Inspect(request); err != nil || info != (DatagramInfo{Kind: KindRequest, FrameID: 7, Block: 1, Need: 2}) {
		t.Errorf("request: %+v, %v", info, err)
	}
	if info, err := Inspect(Subscribe{Name: "door"}.append(nil)); err != nil || info.Kind != KindSubscribe {
		t.Errorf("subscribe: %+v, %v", info, err)
	}
	if info, err := Inspect(subscribeAnswer{}.append(nil)); err != nil || info.Kind != KindAnswer {
		t.Errorf("answer: %+v, %v", info, err)
	}
	for _, tt := range []struct {
		b    []byte
		want error
	}{{nil, ErrForeign}, {ds[0][:20], ErrMalformed}, {[]byte{0, magic, version<<4 | 15, 0, 0, 0, 0, 0}, ErrUnknownType}} {
		if _, err := Inspect(tt.b); !errors.Is(err, tt.want) {
			t.Errorf("% x: %v, want %v", tt.b, err, tt.want)
		}
	}
}
