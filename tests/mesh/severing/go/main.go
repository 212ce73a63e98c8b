// Both ends of what the drill keeps open through Envoy: programs that answer, and one that calls and tells what ended.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sync"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		host := flag.NewFlagSet("serve", flag.ExitOnError)
		at := host.String("at", "127.0.0.1", "the address to listen on")
		host.Parse(os.Args[2:])
		serve(*at)
		return
	}
	options := flag.NewFlagSet("call", flag.ExitOnError)
	http := options.String("http", "", "where requests go")
	tcp := options.String("tcp", "", "where bytes go")
	papers := options.String("papers", "", "certificates and key, as PEM")
	trusted := options.String("trusted", "", "whom to believe, as PEM")
	options.Parse(os.Args[2:])
	caller, err := newCaller(*http, *tcp, *papers, *trusted)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		switch commands.Text() {
		case "open":
			show(map[string]any{"opened": caller.open()})
		case "tally":
			show(map[string]any{"tally": caller.finish()})
		}
	}
}

var writing sync.Mutex

func show(said any) {
	writing.Lock()
	defer writing.Unlock()
	json.NewEncoder(os.Stdout).Encode(said)
}
