package main

import (
	"strings"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"

	"udpcam/protocol/hub"
	"udpcam/receiver/web"
)

// A hubNode is what a hub tells of its server.
type hubNode struct {
	server                  *natsd.Server
	instance, site, version string
	config                  hubConfig
}

func (n *hubNode) info() hub.Info {
	i := hub.Info{Kind: hub.KindServer, Instance: n.instance, Site: n.site, Hub: n.server.Name(), Version: n.version}
	v, err := n.server.Varz(nil)
	if err != nil {
		return i
	}
	i.URL, i.Clients, i.Routes, i.Leaves = clientURL(
		n.server,
	), v.Connections-1, v.Routes, v.Leafs // one client is the hub's own
	i.Memory, i.In, i.Out, i.Slow, i.MaxPayload = v.Mem, v.InBytes, v.OutBytes, v.SlowConsumers, int64(v.MaxPayload)
	switch {
	case len(n.config.remotes) > 0 && v.Leafs == 0:
		i.Unreachable = "no connection to " + strings.Join(
			n.config.remotes,
			", ",
		) + ": is a hub there, with the same secret?"
	case len(n.config.routes) > 0 && v.Routes == 0:
		i.Unreachable = "no connection to " + strings.Join(n.config.routes, ", ") + ": is a hub there, with the same secret?"
	}
	return i
}

func (n *hubNode) metrics() []web.Metric {
	i := n.info()
	up := 1.
	if i.Unreachable != "" {
		up = 0
	}
	return []web.Metric{
		{Name: "hub_up", Help: "1 if the hub is connected to other hubs as it should be.", Value: up},
		{Name: "hub_clients", Help: "Clients of this hub.", Value: float64(i.Clients)},
		{Name: "hub_routes", Help: "Connections to other hubs of the cluster.", Value: float64(i.Routes)},
		{Name: "hub_leaves", Help: "Connections to and from hubs of other sites.", Value: float64(i.Leaves)},
		{Name: "hub_in_bytes_total", Help: "Bytes that came to the hub.", Value: float64(i.In), Counter: true},
		{Name: "hub_out_bytes_total", Help: "Bytes that left the hub.", Value: float64(i.Out), Counter: true},
		{
			Name:    "hub_slow_consumers_total",
			Help:    "Connections that were given up because they did not read.",
			Value:   float64(i.Slow),
			Counter: true,
		},
	}
}

// A hubStatus is the status of hub. Counts are since the start.
type hubStatus struct {
	Time        time.Time       `json:"time"`
	Name        string          `json:"name"`
	Clients     int             `json:"clients"`
	Routes      int             `json:"routes"`
	Leaves      int             `json:"leaves"`
	InBytes     int64           `json:"in_bytes"`
	OutBytes    int64           `json:"out_bytes"`
	Memory      int64           `json:"memory"` // bytes
	Slow        int64           `json:"slow_consumers"`
	Unreachable string          `json:"unreachable"` // "" if all is well
	Edge        *edgeStatusPart `json:"edge"`        // null without --http
}

func (s hubStatus) line() string {
	parts := []string{plural(s.Clients, "client"), plural(s.Routes, "other hub"), plural(s.Leaves, "leaf connection")}
	if s.Unreachable != "" {
		parts = append([]string{s.Unreachable}, parts...)
	}
	return strings.Join(parts, "  ")
}

func (s hubStatus) summary() (string, []any) {
	return "hub ended", []any{"in_bytes", s.InBytes, "out_bytes", s.OutBytes}
}

// patienceWithHubs is for how many seconds a hub may lack a connection before the log says so.
const patienceWithHubs = 3

// hubbing is the work of hub, as its watch sees it.
type hubbing struct {
	*session
	node *hubNode
	edge *edge // nil without --http
	down int   // for how many seconds it has lacked a connection
}

func (w *hubbing) sample(now time.Time) status {
	i := w.node.info()
	if i.Unreachable == "" {
		if w.down >= patienceWithHubs {
			w.log.Info("connected to the other hub")
		}
		w.down = 0
	} else if w.down++; w.down == patienceWithHubs {
		w.log.Warn(i.Unreachable)
	}
	st := hubStatus{
		Time:        now,
		Name:        i.Hub,
		Clients:     i.Clients,
		Routes:      i.Routes,
		Leaves:      i.Leaves,
		InBytes:     i.In,
		OutBytes:    i.Out,
		Memory:      i.Memory,
		Slow:        i.Slow,
		Unreachable: i.Unreachable,
	}
	if w.edge != nil {
		part := w.edge.part()
		st.Edge = &part
	}
	return st
}

func (w *hubbing) frames() uint64 { return 1 } // it always has a summary
