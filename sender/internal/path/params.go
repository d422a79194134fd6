package path

import "time"

// The constants of the model. Measured figures come from two cores of a virtual machine, with network namespaces and a
// router between them.
const (
	// enough is how many datagrams a train needs to show the link's rate. The kernel may deliver shorter ones at once. They
	// show the rate only from one frame to the next, while both wait in a queue.
	enough = 8

	// samples is how many trains the largest rate is taken from, since one may stall or meet other traffic. BBR takes ten
	// round trips. Here few are better: a frame is longer than a round trip, and frames are lost until the model believes
	// that a link has become slower.
	samples = 2

	// baseWindow is how long the shortest delay counts as the path's own, as in BBR.
	baseWindow = 10 * time.Second

	// gain is how much faster than the link a frame leaves. This shows when the link has become faster, and keeps it from
	// being idle. The queue grows by at most a tenth of a frame.
	gain = 1.1

	// probe is how many bytes of a frame may wait in the queue while the model probes: half of the shortest queue in
	// switches, 32 kB. It doubles with each train in a row that arrives as fast as it left, as in slow start (RFC 5681). It
	// doubles at most maxProbes times, up to half of the frame.
	probe     = 16 << 10
	maxProbes = 8

	// unpaced is the rate, in bytes a second, at which pauses become too short to make. Then a frame leaves at once.
	unpaced = 2.5e9 / 8

	// leaveShare is the share of the time between two frames that one may take to leave. With more, frames would pile up at
	// the source.
	leaveShare = 0.95

	// An overflowing queue loses the end of a train: at least tailLoss datagrams, and tailTimes as many as in the first
	// half. A queue that is much too short loses at least longRunShare of the train, in runs of longRun on average. For
	// comparison, a radio that loses a fifth of all datagrams loses runs of 1.25.
	tailLoss     = 6
	tailTimes    = 2
	longRunShare = 0.25
	longRun      = 3

	// stretch and stretchMin say when a train shows a queue: it took longer to arrive than to leave, by this factor and this
	// time. On a slow machine, the measured times at both ends differ by some hundredths even without a queue.
	stretch    = 1.1
	stretchMin = 100 * time.Microsecond

	// roomLasts is how long the model remembers how much a queue held when it overflowed. It forgets this, because other
	// traffic may have filled the queue. roomShare is the share of the queue that may fill. fullShare is how full the queue
	// must have been, before or after a train, to have caused the train's losses.
	roomLasts = 3 * time.Second
	roomShare = 0.8
	fullShare = 0.8

	// waits is how long a frame must have waited to prove that the link was busy before it.
	waits = 5 * time.Millisecond

	// headroom is the share of the link that a source is asked to fill, if it can change the size of its frames.
	headroom = 0.97

	// guessedLoss is the loss that is assumed at first. It leads to a tenth of parity. The assumption has the weight of
	// guessedDatagrams reported datagrams.
	guessedLoss      = 0.03
	guessedDatagrams = 100

	// fastLoss and slowLoss are the time constants over which loss is measured. The fast one notices when the network
	// gets worse, the slow one remembers rare losses.
	fastLoss = 500 * time.Millisecond
	slowLoss = 4 * time.Second

	// deviations is how many standard deviations above the mean parity still repairs. In a binomial distribution one frame
	// in a thousand has more than three.
	deviations = 3

	// guessedInterval is the time between frames before it has been measured. tempoGain is the weight of the newest frame
	// against all before it.
	guessedInterval = time.Second / 30
	tempoGain       = 1.0 / 8

	// recall is how far the model goes back when reports contradict each other: longer than the receiver's own report may
	// come after a forged one. doubtLasts is how long it then learns nothing. Until the first contradiction a forger has an
	// effect, for a fifth of a second at most. So he has one for 4 % of the time.
	recall     = 400 * time.Millisecond
	doubtLasts = 5 * time.Second

	// clockSlack is by how much the clocks of both ends may differ in a duration.
	clockSlack = 10 * time.Millisecond

	// remembered is how many sent frames wait for a report: two seconds at 30 fps.
	remembered = 64
)
