package hub

import "time"

// The bounds on what comes from a hub, and what each stops.
const (
	// MaxInfo is the most bytes in an Info. It stops a publisher from filling the memory of all edges.
	MaxInfo = 64 << 10

	// maxText is the most bytes in a text of an Info, which ends up in logs and pages.
	maxText = 128

	// MaxStreams is how many streams a publisher offers, and how many of them an edge believes.
	MaxStreams = 64

	// maxPublishers is how many publishers an edge knows. It stops invented ones from filling the memory.
	maxPublishers = 1024

	// maxEdges is how many edges are served with one stream, each by a copy of its own. It stops invented edges from taking
	// the network.
	maxEdges = 256

	// maxWindow is how many frames may be on their way to one edge, whatever it says of the round trip.
	maxWindow = 8

	// edgeExpiry is how long after its last want an edge gets frames. wantEvery is how often an edge sends one at least.
	edgeExpiry = 3 * time.Second
	wantEvery  = 500 * time.Millisecond

	// firstWants is the time between the first two wants to a new inbox. It doubles with each, up to wantEvery.
	firstWants = 25 * time.Millisecond

	// grace is how much longer than three round trips a frame may be on its way before it counts as lost.
	grace = 150 * time.Millisecond

	// measureEvery is how often the round trip is measured again on a path that takes fewer frames than there are.
	measureEvery = 5 * time.Second

	// silence is how long an edge waits for a frame before it asks another publisher of the same stream.
	silence = 2 * time.Second

	// absence is the same if nobody listens to its wants.
	absence = 300 * time.Millisecond

	// maxTransit is how long a frame may take from its publisher to the edge. Older ones were held up somewhere, and would be
	// taken for the present.
	maxTransit = 2 * time.Second

	// clockStep is by how much a camera's clock must go back for earlier times to count as newer ones.
	clockStep = 10 * time.Second
)
