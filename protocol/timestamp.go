package protocol

import "time"

// On the wire, a time is the number of microseconds since the Unix epoch, modulo 2⁴⁸ (8.9 years). The reader takes the
// candidate that is nearest to its own clock.
const (
	timestampBits = 48
	timestampMask = 1<<timestampBits - 1
)

// timestamp returns t as the wire has it.
func timestamp(t time.Time) uint64 { return uint64(t.UnixMicro()) & timestampMask }

// timeNear returns the moment nearest to now whose timestamp is ts.
func timeNear(ts uint64, now time.Time) time.Time {
	const shift = 64 - timestampBits
	ahead := int64((ts-timestamp(now))<<shift) >> shift // the signed distance from now
	return time.UnixMicro(now.UnixMicro() + ahead)
}
