package discovery

import "time"

// The bounds on what comes from the network. Each says what it stops.
const (
	// maxPacket is the most bytes in a datagram of multicast DNS (RFC 6762, 17). Larger ones are cut off, and do not parse.
	maxPacket = 9000

	// maxInstances is how many streams a Browser knows at once. It stops invented services from filling the memory. If there
	// are more, one of the address that tells of most gives way, so invented streams cannot keep a camera from being found.
	maxInstances = 256

	// maxAddrs is how many addresses of one host are kept for each network interface.
	maxAddrs = 16

	// maxHosts is how many hosts are known on all links together. It stops services with ever new hosts from filling the memory.
	maxHosts = 1024

	// maxTypes and maxAnswerers bound what is counted of other services, for those who ask why nothing was found.
	maxTypes     = 128
	maxAnswerers = 1024

	// maxRecords is how many records and questions of one datagram are looked at. It stops a datagram of thousands of short
	// records from taking long.
	maxRecords = 512

	// maxTTL is how long a record is believed at most (RFC 6762, 10: 75 minutes).
	maxTTL = 75 * time.Minute

	// maxDirect is how many bytes a second an Announcer sends to single addresses. It stops somebody who forges source addresses
	// from making much traffic. 64 streams take some 20 kB.
	maxDirect = 128 << 10

	// maxRate is how many datagrams a second are looked at, and maxBurst how many at once. They stop a flood from taking a
	// processor. Whole houses of devices make some ten a second.
	maxRate, maxBurst = 500, 1000

	// queueLength is how many datagrams wait to be looked at. Others are dropped, which multicast DNS allows for.
	queueLength = 256
)

// Times of RFC 6762.
const (
	hostTTL    = 120 * time.Second // of records that have to do with a host: SRV, A, AAAA (10)
	otherTTL   = 75 * time.Minute  // of others: PTR, TXT (10)
	legacyTTL  = 10 * time.Second  // the most in answers to plain DNS clients (6.7)
	probeWait  = 250 * time.Millisecond
	probeCount = 3                      // (8.1)
	probeLost  = time.Second            // after a lost tie (8.2)
	tellAgain  = time.Second            // between two announcements (8.3), and between multicasts of one record (6)
	sharedMin  = 20 * time.Millisecond  // the delay of answers that others may give too: 20 to 120 ms (6)
	sharedMax  = 120 * time.Millisecond //
	moreMin    = 400 * time.Millisecond // the delay if more known answers follow: 400 to 500 ms (7.2)
	moreMax    = 500 * time.Millisecond //
	settle     = time.Second            // how long an older record outlives one that replaces it (10.2)

	manyConflicts = 15              // (8.1) after so many, names are tried
	conflictWait  = 5 * time.Second // only once in this time
)
