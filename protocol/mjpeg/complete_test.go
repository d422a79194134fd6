package mjpeg

import (
	"bytes"
	"errors"
	"image/jpeg"
	"strings"
	"testing"

	"udpcam/internal/fuzzcost"
)

// bare is a picture as USB cameras send it: the standard tables left out.
func bare(t testing.TB) (picture, without []byte) {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, decode(t, streetPictures(t)[4]), nil); err != nil {
		t.Fatal(err)
	}
	picture = b.Bytes()
	without = bytes.Replace(bytes.Clone(picture), standardDHT, nil, 1)
	if len(without) != len(picture)-420 {
		t.Fatal("image/jpeg does not write the standard tables")
	}
	return picture, without
}

func TestComplete(t *testing.T) {
	picture, without := bare(t)
	street := streetPictures(t)[0]
	for name, test := range map[string]struct{ given, want []byte }{
		"whole":            {street, street},
		"padded":           {append(bytes.Clone(street), make([]byte, 1000)...), street},
		"followed by junk": {append(bytes.Clone(street), "\xff\xd8\xff\xe0junk"...), street},
		"without tables":   {without, picture},
		"and padded":       {append(bytes.Clone(without), make([]byte, 1000)...), picture},
	} {
		got, err := Complete([]byte("before"), test.given)
		if err != nil || !bytes.Equal(got, append([]byte("before"), test.want...)) {
			t.Errorf("%s: %d bytes, want %d: %v", name, len(got), len(test.want)+6, err)
		}
	}
	for cut := range len(without) {
		if _, err := Complete(nil, without[:cut]); err == nil {
			t.Fatalf("the first %d bytes of a picture pass for a whole one", cut)
		}
	}
	if _, err := Complete(nil, without[:len(without)-1]); !errors.Is(err, ErrCut) {
		t.Error(err)
	}
	torn := append(bytes.Clone(street[:len(street)/2]), street...)
	if _, err := Complete(nil, torn); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Error(err)
	}
	progressive := bytes.Replace(bytes.Clone(without), []byte{0xFF, 0xC0}, []byte{0xFF, 0xC2}, 1)
	if got, err := Complete(nil, progressive); err != nil || !bytes.Equal(got, progressive) {
		t.Errorf("a progressive picture is changed: %v", err)
	}
}

// If Complete accepts a picture, its result is a whole picture that needs no further completion.
func FuzzComplete(f *testing.F) {
	picture, without := bare(f)
	f.Add(picture)
	f.Add(without)
	f.Add(append(tiny(), 0, 0, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		var whole []byte
		var err error
		fuzzcost.Check(t, linear(b, 2), func() { whole, err = Complete(nil, b) })
		if err != nil {
			if len(whole) > 0 {
				t.Fatal("an error, and a picture")
			}
			return
		}
		if err := Check(whole); err != nil {
			t.Fatal(err)
		}
		if again, err := Complete(nil, whole); err != nil || !bytes.Equal(again, whole) {
			t.Fatal("the second time it changes something")
		}
	})
}

func BenchmarkComplete(b *testing.B) {
	picture := streetPictures(b)[0]
	memory := make([]byte, 0, len(picture)+1000)
	b.SetBytes(int64(len(picture)))
	for b.Loop() {
		if _, err := Complete(memory, picture); err != nil {
			b.Fatal(err)
		}
	}
}
