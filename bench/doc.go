// Package bench measures udpcam and what people use instead: which frames arrive over a lossy network, how late, and at what
// cost. Each measurement is one function that returns rows, and a [Report] shows them:
//
//	rows, notes, err := bench.Loss(ctx, matrix, []string{bench.LinkSim}, nil, progress)
//	report := &bench.Report{Bench: "loss", Made: bench.NewEnvironment(version, args), Rows: rows, Notes: notes}
//	report.WriteTable(os.Stdout)
//	report.Plot("plots")
//
// [Loss] runs a sender and a receiver over a network. [Compare] runs two processes over one. [Speed] runs sender and receiver as
// fast as they go on loopback, [Fanout] a server with many viewers, and [Delay] the test pattern up to a browser's page.
//
// All networks take the same scenarios, in the words of netem and tbf (scenario.go):
//
//	internal/netsim  simulated time: on any machine, fast, the same in every run
//	internal/netns   network namespaces with a cable between them: real sockets and programs. On the cable is
//	                 netem  the kernel's own emulation, on a router in the middle
//	                 tun    the same in this process: any Linux, as root
//
// bench/internal/relay feeds pictures to one process and sees them come out of another. bench/internal/browser sees what a page
// shows. internal/trace records every datagram's fate. bench/internal/plot draws.
package bench
