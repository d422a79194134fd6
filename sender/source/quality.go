package source

const (
	// defaultQuality is the JPEG quality of sources that encode, if the user gives none.
	defaultQuality = 80

	// worstQuality is the lowest JPEG quality that a source goes down to by itself.
	worstQuality = 20

	// qualityDown and qualityUp are the steps by which the quality changes from frame to frame. It falls fast, because
	// frames are skipped until it is low enough. It rises slowly, because each overshoot skips frames again.
	qualityDown, qualityUp = 1.5, 0.125

	// fits is the pressure from which a path counts as carrying everything.
	fits = 0.98
)

// A qualityDial lowers the JPEG quality while the network carries less than the source makes. Afterwards it raises the
// quality again, up to the wanted one.
type qualityDial struct {
	wanted, now float64
	pressure    func() float64
}

func newQualityDial(o Options) *qualityDial {
	return &qualityDial{wanted: float64(o.Quality), now: float64(o.Quality), pressure: o.Pressure}
}

func (d *qualityDial) next() int {
	switch {
	case d.pressure == nil:
	case d.pressure() < fits:
		d.now = max(min(d.wanted, worstQuality), d.now-qualityDown)
	default:
		d.now = min(d.wanted, d.now+qualityUp)
	}
	return int(d.now)
}
