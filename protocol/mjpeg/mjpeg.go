// Package mjpeg finds whole JPEG pictures in byte streams. It also reads and writes multipart/x-mixed-replace, the form in
// which cameras and browsers exchange moving pictures over HTTP.
//
//	r := mjpeg.NewReader(response.Body, mjpeg.ReaderOptions{})
//	for {
//		jpeg, err := r.Next() // one whole picture
//		...
//	}
//
// # Any stream
//
// A [Reader] reads JPEGs back to back, multipart streams with any boundary, and saved HTTP responses, each also with junk
// between the pictures. Nobody has to say which of these it is. It finds pictures by their markers alone, because some
// cameras get Content-Length and boundary wrong.
//
//	io.Reader ──> search for an SOI ──> walk the markers ──> EOI: the picture
//	                 ^    └ Skip(Garbage)     └ broken: Skip(Truncated, Oversized, Malformed)
//	                 └──────────────────────────┘ go on from where the picture was certain last
//
// The markers are walked as ITU-T T.81, annex B, lays them out (https://www.w3.org/Graphics/JPEG/itu-t81.pdf). The Reader
// never searches for the end, because the bytes FF D9 also occur inside thumbnails, comments and tables. Nothing is
// decoded. A read goes straight into the memory that becomes the picture.
//
// # Broken pictures
//
// A picture is broken if a marker is missing or forbidden where it stands, if it grows too long, or if the stream ends. A
// segment's length counts as true only when a marker has been found behind the segment. After a broken picture, the search
// for the next one begins at the end of the last such segment. So a picture that is cut off does not swallow the one behind
// it. The search never goes back further. So the work is linear in the length of the stream, even if a hostile sender made
// it.
//
// Three cases remain undecided, because nothing in the bytes tells them apart:
//   - Behind a segment that is cut off, a thumbnail and the next picture look alike. In a multipart stream only what
//     follows a blank line counts as a picture. In a bare stream a thumbnail may come out as one.
//   - The picture behind such a cut may come late: when the missing end should have been, at most 65,535 bytes on.
//   - If the next picture happens to complete the cut segment, it comes out with the broken one's beginning before it.
package mjpeg
