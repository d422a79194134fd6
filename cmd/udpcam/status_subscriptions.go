package main

import (
	"time"

	"udpcam/protocol"
	"udpcam/receiver"
)

// A subscriptionStatus is one subscription of a recvStatus.
type subscriptionStatus struct {
	Addr    string                     `json:"addr"`     // as it was given
	Name    string                     `json:"name"`     // of the wanted stream, "" if all of that address are wanted
	From    string                     `json:"from"`     // IP address and port that is asked
	State   protocol.SubscriptionState `json:"state"`    // asking, subscribed, receiving, unanswered, full or no-stream
	Heard   *int64                     `json:"heard_ms"` // since anything last came from there; null if nothing has
	Trouble string                     `json:"trouble"`  // what is wrong, and what to do; "" if nothing is
}

// subscriptions describes the subscriptions, and logs when one gets into trouble or out of it.
func (w *receiving) subscriptions(now time.Time) []subscriptionStatus {
	all, told := []subscriptionStatus{}, map[receiver.Subscription]string{}
	for _, info := range w.from.Subscriptions() {
		s := subscriptionStatus{Addr: info.Addr, Name: info.Name, From: info.From.String(), State: info.State,
			Trouble: info.Trouble()}
		if !info.Heard.IsZero() {
			ms := max(0, now.Sub(info.Heard).Milliseconds())
			s.Heard = &ms
		}
		before := w.told[info.Subscription]
		told[info.Subscription] = s.Trouble
		switch {
		case s.Trouble == before:
		case s.Trouble != "":
			w.log.Warn(s.Trouble)
		case info.State == protocol.Asking:
			told[info.Subscription] = before // it is not known yet
		default:
			w.log.Info("the sender answers", "addr", info.From)
		}
		all = append(all, s)
	}
	w.told = told
	return all
}

// askedOf says for people whom a receiver asks, and how that stands.
func askedOf(all []receiver.SubscriptionInfo) (lines []string) {
	for _, info := range all {
		line := info.Trouble()
		if line == "" {
			line = info.Addr + ": " + string(info.State)
		}
		lines = append(lines, line)
	}
	return lines
}
