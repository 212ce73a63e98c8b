// A client and a server made with nothing but go-spiffe: what any user of it would write.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"google.golang.org/grpc/status"
)

const usage = `usage: go-client COMMAND [FLAGS]

  fetch    print X509-SVIDs, JWT-SVIDs and bundles, verified, as one JSON object
  watch    print a JSON line for every update
  validate print whose a token on standard input is, as the library and as the Workload API say
  client   send requests to a server of a known SPIFFE ID, then print what came of them
  server   echo the requests of a client of a known SPIFFE ID, then print how many
  attack   be a client (--addr) or a server (--listen) with a certificate and a key from files

The Workload API is at SPIFFE_ENDPOINT_SOCKET.
`

func main() {
	if len(os.Args) < 2 || os.Args[1] == "--help" {
		fmt.Print(usage)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Args[1], os.Args[2:]); err != nil {
		show(map[string]string{"error": code(err), "message": err.Error()})
		os.Exit(1)
	}
}

func run(ctx context.Context, command string, args []string) error {
	set := flag.NewFlagSet(command, flag.ExitOnError)
	wait := set.Float64("wait", 10, "seconds to wait for the Workload API")
	switch command {
	case "fetch":
		audience := set.String("audience", "licet-test", "of the JWT-SVIDs")
		_ = set.Parse(args)
		limited, cancel := context.WithTimeout(ctx, duration(*wait))
		defer cancel()
		return fetch(limited, *audience)
	case "validate":
		audience := set.String("audience", "licet-test", "of the token")
		_ = set.Parse(args)
		limited, cancel := context.WithTimeout(ctx, duration(*wait))
		defer cancel()
		return validate(limited, os.Stdin, *audience)
	case "watch":
		_ = set.Parse(args)
		return watch(ctx)
	case "client", "server", "attack":
		var t traffic
		set.StringVar(&t.addr, "addr", "", "the server, HOST:PORT")
		set.StringVar(&t.listen, "listen", "", "where to serve, HOST:PORT")
		set.StringVar(&t.peer, "peer", "", "the SPIFFE ID that the other side must have")
		set.StringVar(&t.certificate, "certificate", "", "chain of an attack, PEM, the leaf first")
		set.StringVar(&t.key, "key", "", "key of an attack, PEM, PKCS#8")
		set.Float64Var(&t.rate, "rate", 20, "requests a second on new connections, and on each kept one")
		set.IntVar(&t.kept, "kept", 0, "connections that are kept open")
		set.IntVar(&t.count, "count", 0, "end after so many requests")
		set.Float64Var(&t.period, "for", 0, "end after so many seconds")
		set.BoolVar(&t.untilFailed, "until-failed", false, "end with the first failed request")
		_ = set.Parse(args)
		return t.run(ctx, command, duration(*wait))
	default:
		return fmt.Errorf("there is no command %q", command)
	}
}

func show(value any) {
	_ = json.NewEncoder(os.Stdout).Encode(value)
}

func code(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "DeadlineExceeded"
	}
	return status.Code(err).String()
}

func seconds(t time.Time) float64 {
	return float64(t.UnixMicro()) / 1e6
}

func duration(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second))
}
