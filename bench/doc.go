// Package bench measures udpcam and other programs: which frames arrive over a lossy network, how late, and at what cost.
// Each kind of measurement is a [Measurement], which adds rows to [Results]. These can be shown:
//
//	results := &bench.Results{Bench: "loss", Made: bench.NewEnvironment(version, args)}
//	err := matrix.Measure(ctx, results, progress)
//	results.WriteTable(os.Stdout)
//	results.Plot("plots")
//
// [Matrix] runs a sender and a receiver over a network. [Comparison] runs two processes over one. [SpeedTest] runs sender and
// receiver as fast as they go on loopback, [Fan] a server with many viewers, and [DelayTest] the test pattern up to a
// browser's page.
//
// All networks take the same scenarios, in the words of netem and tbf (scenario.go):
//
//	internal/netsim  simulated time: on any machine, fast, the same in every run
//	internal/netns   network namespaces with a cable between them: real sockets and programs. On the cable is
//	                 netem  the kernel's own emulation, on a router in the middle
//	                 tun    the same in this process: any Linux, as root
//
// bench/internal/relay feeds pictures to processes and recognises them where they come out. bench/internal/browser sees what a
// page shows. internal/trace records every datagram's fate. bench/internal/plot draws.
package bench
