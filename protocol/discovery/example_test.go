package discovery_test

import (
	"context"
	"fmt"
	"time"

	"udpcam/protocol/discovery"
)

// A sender tells of its stream, and a receiver finds it. Here both are on one machine.
func Example() {
	ctx, end := context.WithTimeout(context.Background(), 30*time.Second)
	defer end()
	here, err := discovery.Announce(ctx, discovery.Config{}, discovery.Service{Name: "example", Port: 12345, Width: 1280, Height: 720})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer here.Close()

	looking, err := discovery.Browse(ctx, discovery.Config{}, false)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer looking.Close()
	for found := range looking.Found() {
		if found.Name == "example" {
			fmt.Printf("%s at port %d, %d × %d pixels\n", found.Name, found.Addrs[0].Port(), found.Width, found.Height)
			break
		}
	}
	// Output:
	// example at port 12345, 1280 × 720 pixels
}
