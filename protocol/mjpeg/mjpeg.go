// Package mjpeg finds whole JPEG pictures in byte streams, and reads and writes multipart/x-mixed-replace, the form in
// which cameras and browsers exchange moving pictures over HTTP.
//
// # The data's way
//
//	io.Reader ──> buffer ──> search for an SOI ──> walk the markers ──> EOI: the picture, the caller's for ever
//	                            ^    │                    │
//	                            │    v                    v broken
//	                            │  Skip(Garbage)        Skip(Truncated, Oversized, Malformed)
//	                            └─────────────────────────┘ from where the picture was certain last
//
// A picture is found by walking its markers as ITU-T T.81 (https://www.w3.org/Graphics/JPEG/itu-t81.pdf), annex B,
// lays them out: SOI, then segments that give their own length, then entropy-coded data, in which FF is followed by 00
// or is a restart marker, then more segments and scans, then EOI. The end is never searched for: the bytes FF D9 also
// stand inside EXIF thumbnails, comments and tables. A picture needs a frame header and a scan, and nothing is decoded.
//
// A read goes straight into the memory that becomes the picture. What was read beyond the picture's end is copied to
// the memory of the next, and that is little, because the memory is about as large as recent pictures were.
//
// # Any stream
//
// A [Reader] is not told what it reads. JPEGs back to back, a multipart stream with or without Content-Length and with
// whatever boundary, a saved HTTP response with its header, and all of these with junk between are the same to it:
// pictures, and what lies between pictures. Content-Length and the boundary are not used to find pictures, because some
// cameras get them wrong and the markers tell without.
//
// # Broken pictures
//
// A picture is broken if something other than a marker is where a marker has to be, if there is a marker that must not
// be there, if it grows too long, or if the stream ends. The search for the next picture then begins where the broken
// one was certain last: a segment's length is believed only once a marker has been found where the segment ends. So a
// picture that was cut off inside a segment does not swallow the picture behind it, but the thumbnail in the EXIF
// segment of a picture that is damaged further on does not come out as a frame. And as the search never goes back
// behind what is certain, the work is linear in the length of the stream, whatever a hostile sender puts into it.
//
// Undecided is what a segment holds whose end is missing: the beginning of the picture's thumbnail and whole pictures
// that came behind it look alike. Where the broken picture began behind a blank line, as in a multipart stream, the
// next picture does so too and a thumbnail does not. In a bare stream whatever is whole comes out: a thumbnail shown
// once does less harm than a frame lost. The same holds for the thumbnail of a picture whose beginning is not in the
// stream.
//
// A frame behind such a cut may come late, when the missing end should have been, at most 65,535 bytes on. And where in
// a bare stream the next picture's SOI is just what a cut-off comment, APPn segment or quantization table lacked, the
// next picture comes out with the beginning of the cut one in front of it.
package mjpeg
