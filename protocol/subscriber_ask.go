package protocol

import "time"

// An ask is what has been asked and answered with one key.
type ask struct {
	key     *subscriptionKey // nil without
	asked   bool             // whether anything was asked
	cookie  cookie
	left    time.Time       // when it was last asked
	next    time.Time       // when to ask again, if no stream comes
	first   int             // how many of firstAsks have passed
	status  SubscribeStatus // of the last answer, StatusCookie if none has come
	hurried time.Time       // when a new cookie last made a Subscribe leave at once
	stream  time.Time       // when the last datagram of a stream came
	answers controlHeader   // of the last sealed answer
}

// heed does what an answer says.
func (a *ask) heed(answer subscribeAnswer, now time.Time) {
	a.cookie, a.status = answer.cookie, answer.status
	switch answer.status {
	case StatusCookie:
		if now.Sub(a.hurried) >= cookieInterval {
			a.hurried, a.next = now, now
		}
	default:
		a.first = len(firstAsks)
		a.next = now.Add(a.interval(now))
	}
}

// interval is how long to wait for an answer, or for a stream.
func (a *ask) interval(now time.Time) time.Duration {
	switch {
	case a.first < len(firstAsks):
		return firstAsks[a.first]
	case a.status == StatusFull, a.status == StatusCookie && a.flows(now):
		return fullInterval
	}
	return askInterval
}

// flows reports whether a stream comes.
func (a *ask) flows(now time.Time) bool { return now.Sub(a.stream).Abs() < subscriberSilence }

// answered reports whether the sender has ever answered to this key: then it fits.
func (a *ask) answered() bool { return a.cookie != (cookie{}) }

// A SubscriptionState says how a subscription stands.
type SubscriptionState string

// The states of a subscription.
const (
	Asking     SubscriptionState = "asking"     // no answer has come yet, or lately
	Subscribed SubscriptionState = "subscribed" // the sender has a place for this receiver, but nothing comes at present
	Receiving  SubscriptionState = "receiving"  // datagrams of a stream come, if only its announcements
	Unanswered SubscriptionState = "unanswered" // nothing answers
	Full       SubscriptionState = "full"       // the sender has no place left
	NoStream   SubscriptionState = "no-stream"  // the sender has no stream of that name
)

// stateOf says what the last answer means for the user.
var stateOf = []SubscriptionState{
	StatusCookie: Asking, StatusSubscribed: Subscribed, StatusFull: Full, StatusNoStream: NoStream,
}

// ranks are the states that answers lead to, the best last.
var ranks = []SubscriptionState{Asking, NoStream, Full, Subscribed}
