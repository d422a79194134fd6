package netns

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"udpcam/internal/netsim"
)

const (
	// bucket is the idle time that tbf may make up for. The kernel wakes up about this late.
	bucket = 100 * time.Microsecond
	// leastBucket is the smallest bucket in bytes: two packets.
	leastBucket = 3000
)

// queue adds or changes (verb) the queue of a router's device: netem, which passes packets to tbf after their delay.
func (n *Namespace) queue(verb, device, words string) error {
	netem := strings.Fields(words)
	var tbf []string
	if i := slices.Index(netem, "tbf"); i >= 0 {
		netem, tbf = netem[:i], netem[i:]
	}
	root := "root"
	var lines []string
	if len(netem) > 0 || tbf == nil {
		lines = append(lines, fmt.Sprintf("qdisc %s dev %s root handle 1: netem %s", verb, device, strings.Join(netem, " ")))
		root = "parent 1:1"
	}
	if tbf != nil {
		p, err := netsim.ParseNetem(strings.Join(tbf, " "))
		if err != nil {
			return fmt.Errorf("%w: %w", ErrArguments, err)
		}
		burst := max(leastBucket, int(float64(p.Rate)/8*bucket.Seconds()))
		lines = append(lines, fmt.Sprintf("qdisc %s dev %s %s handle 2: tbf rate %dbit burst %d limit %d", verb, device, root, p.Rate, burst, p.Queue))
	}
	for _, line := range lines {
		err := n.batch("tc", line)
		switch {
		case err == nil:
		case strings.Contains(err.Error(), "qdisc kind is unknown"):
			return ErrNetem
		case strings.Contains(err.Error(), `What is "`), strings.Contains(err.Error(), `Illegal "`):
			_, said, _ := strings.Cut(err.Error(), line+": ")
			said, _, _ = strings.Cut(said, " Usage: ") // the usage text has many lines
			return fmt.Errorf("%w: %s: %s", ErrArguments, words, strings.TrimSuffix(said, " Command failed -:1"))
		default:
			return err
		}
	}
	return nil
}
