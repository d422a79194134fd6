package path

import "time"

// What the model is made of. Where a figure was measured, it was on two cores of a virtual machine, between network
// namespaces with a router in the middle.
const (
	// enough is how many datagrams a train must have for its span to tell the link's rate. Shorter ones, which the kernel
	// may take in at once, tell it only from one frame to the next, while both wait.
	enough = 8

	// samples is over how many trains the rate is a maximum: one may stall, or meet other traffic. BBR keeps the maximum
	// of ten round trips; a frame is longer than a round trip, and a link that has become slower loses frames until it
	// is believed.
	samples = 2

	// baseWindow is how long the shortest delay counts as the path's own, as in BBR.
	baseWindow = 10 * time.Second

	// gain is how much faster than the link a frame leaves: so a link that has become faster shows, one that has not is
	// never idle, and its queue holds no more than a tenth of a frame.
	gain = 1.1

	// probe is how many bytes of a frame may wait in the queue because it leaves faster than the link takes it: half of
	// the shortest queue that switches have, 32 kB. Each train in a row that arrives as fast as it left doubles it, as
	// slow start does (RFC 5681), up to maxProbes times and up to half of the frame.
	probe     = 16 << 10
	maxProbes = 8

	// unpaced is from which rate on, in bytes a second, pauses are too short to be made, and a frame leaves at once.
	unpaced = 2.5e9 / 8

	// leaveShare is how much of the time between two frames one may take to leave: if it took more, frames would pile up
	// at the source.
	leaveShare = 0.95

	// An overflowing queue loses the end of a train: as many datagrams at least as tailLoss, and tailTimes as many as of
	// the first half. One that is much too short loses a share of longRunShare at least, in runs of longRun on average; a
	// radio that loses a fifth of all datagrams loses 1.25 in a row.
	tailLoss     = 6
	tailTimes    = 2
	longRunShare = 0.25
	longRun      = 3

	// stretch and stretchMin are by how much longer than it took to leave a train must take to arrive for there to be a
	// queue on the path. On a slow machine the clock readings at both ends are some hundredths apart.
	stretch    = 1.1
	stretchMin = 100 * time.Microsecond

	// roomLasts is how long it counts how much a queue held when it overflowed: other traffic may have filled it.
	// roomShare is how much of that a frame may fill. fullShare is how full the queue must have been at the beginning or
	// the end of a train that lost datagrams for them to have overflowed.
	roomLasts = 3 * time.Second
	roomShare = 0.8
	fullShare = 0.8

	// waits is how long a frame must have waited for the link to be known to have been busy before it.
	waits = 5 * time.Millisecond

	// headroom is the share of the link that a source which can is asked to fill.
	headroom = 0.97

	// guessedLoss is what the path is thought to lose at first, which makes for a tenth of parity, and guessedDatagrams how
	// many datagrams that opinion is worth against those that reports tell of.
	guessedLoss      = 0.03
	guessedDatagrams = 100

	// fastLoss and slowLoss are the time constants over which loss is measured. The fast one notices when the network
	// gets worse, the slow one remembers rare losses.
	fastLoss = 500 * time.Millisecond
	slowLoss = 4 * time.Second

	// deviations is how many standard deviations above the mean the losses of a block may be that parity still repairs.
	// Of a binomial distribution, one frame in a thousand is above three.
	deviations = 3

	// guessedInterval is the time from one frame to the next before it has been measured, and tempoGain how much the
	// newest frame counts against all before it.
	guessedInterval = time.Second / 30
	tempoGain       = 1.0 / 8

	// remembered is how many frames that were sent are remembered until a report tells of them: two seconds at 30 a second.
	remembered = 64
)
