// Both ends of the traffic of the drills, which know nothing of TLS: a program that answers, and one that calls.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
)

const method = "/drill.Drill/Count"

var stream = grpc.StreamDesc{StreamName: "Count", ServerStreams: true, ClientStreams: true, Handler: count}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		options := flag.NewFlagSet("serve", flag.ExitOnError)
		http := options.String("http", "", "where requests are answered")
		tcp := options.String("tcp", "", "where lines are echoed")
		options.Parse(os.Args[2:])
		serve(*http, *tcp)
		return
	}
	options := flag.NewFlagSet("call", flag.ExitOnError)
	http := options.String("http", "", "where requests go")
	tcp := options.String("tcp", "", "where lines go")
	path := options.String("path", "/items", "what is asked for")
	rate := options.Float64("rate", 50, "requests or connections a second, of each kind")
	kinds := options.String("kinds", "", "which kinds alone, with commas between them")
	kept := options.Int("kept", 3, "streams and connections that stay open, of each kind")
	options.Parse(os.Args[2:])
	calls := &calls{http: *http, tcp: *tcp, path: *path, only: *kinds, stopping: make(chan struct{}),
		pause: time.Duration(float64(time.Second) / *rate)}
	calls.begin(*kept)
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		if commands.Text() == "end" {
			calls.end()
		}
		show(calls.said())
	}
}

var writing sync.Mutex

func show(said any) {
	writing.Lock()
	defer writing.Unlock()
	json.NewEncoder(os.Stdout).Encode(said)
}
