// Load and what it is laid on: `load serve`, and `load call CERTIFICATE KEY`, which follows orders on standard input.
package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	switch os.Args[1] {
	case "serve":
		serve()
	case "call":
		certificate, err := tls.LoadX509KeyPair(os.Args[2], os.Args[3])
		must(err)
		obey(certificate)
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func show(what any) { must(json.NewEncoder(os.Stdout).Encode(what)) }

// serve answers requests on one port and echoes on another until its standard input ends.
func serve() {
	requests, bytes := listen(), listen()
	both := new(http.Protocols)
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	body := []byte("served")
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(body) })
	go (&http.Server{Handler: answer, Protocols: both}).Serve(requests)
	go func() {
		for {
			connection, err := bytes.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(connection, connection); connection.Close() }()
		}
	}()
	show(map[string]string{"http": requests.Addr().String(), "tcp": bytes.Addr().String()})
	io.Copy(io.Discard, os.Stdin)
}

func listen() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	return listener
}

// One asks once more on a connection that it keeps, or on a new one.
type one func() error

type order struct {
	protocol, target string
	together, count  int
}

// obey makes so many calls at once, until there were `count`, for each order `PROTOCOL TARGET TOGETHER COUNT`.
func obey(certificate tls.Certificate) {
	kept := map[string][]one{}
	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		var now order
		_, err := fmt.Sscan(orders.Text(), &now.protocol, &now.target, &now.together, &now.count)
		must(err)
		key := fmt.Sprint(now.protocol, now.target, now.together)
		if kept[key] == nil {
			kept[key] = callers(now, certificate)
		}
		show(laid(kept[key], now.count))
	}
}

func callers(now order, certificate tls.Certificate) []one {
	// Whoever answers is believed: it is not the server's certificate that is measured here.
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, InsecureSkipVerify: true, ServerName: "load"}
	found := make([]one, now.together)
	switch now.protocol {
	case "h1":
		config.NextProtos = []string{"http/1.1"}
		for i := range found {
			found[i] = plainly(now.target, config)
		}
	case "h2":
		transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
		client := &http.Client{Transport: transport}
		for i := range found {
			found[i] = func() error { return get(client, "https://"+now.target+"/v1/items") }
		}
	case "tcp":
		for i := range found {
			found[i] = func() error { return anew(now.target, config) }
		}
	}
	return found
}

func plainly(target string, config *tls.Config) one {
	asked := []byte("GET /v1/items HTTP/1.1\r\nhost: load\r\nuser-agent: load\r\naccept: */*\r\n\r\n")
	var connection *tls.Conn
	var reading *bufio.Reader
	return func() error {
		if connection == nil {
			made, err := tls.Dial("tcp", target, config)
			if err != nil {
				return err
			}
			connection, reading = made, bufio.NewReader(made)
		}
		if _, err := connection.Write(asked); err != nil {
			return err
		}
		status, err := reading.ReadString('\n')
		if err != nil {
			return err
		}
		if !strings.HasPrefix(status, "HTTP/1.1 200") {
			return fmt.Errorf("answered %q", status)
		}
		for {
			line, err := reading.ReadSlice('\n')
			if err != nil {
				return err
			}
			if len(line) == 2 {
				_, err := reading.Discard(len("served"))
				return err
			}
		}
	}
}

func get(client *http.Client, target string) error {
	response, err := client.Get(target)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	io.Copy(io.Discard, response.Body)
	if response.StatusCode != 200 || response.ProtoMajor != 2 {
		return fmt.Errorf("answered %s %s", response.Proto, response.Status)
	}
	return nil
}

func anew(target string, config *tls.Config) error {
	connection, err := tls.Dial("tcp", target, config)
	if err != nil {
		return err
	}
	defer connection.Close()
	if _, err := connection.Write([]byte("x")); err != nil {
		return err
	}
	_, err = io.ReadFull(connection, make([]byte, 1))
	return err
}

func laid(callers []one, count int) map[string]any {
	var left, failed atomic.Int64
	left.Store(int64(count))
	first := make([]error, len(callers))
	taken := make([][]time.Duration, len(callers))
	var all sync.WaitGroup
	begun := time.Now()
	for i, ask := range callers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				at := time.Now()
				if err := ask(); err != nil {
					failed.Add(1)
					first[i] = err
					return
				}
				taken[i] = append(taken[i], time.Since(at))
			}
		})
	}
	all.Wait()
	wall := time.Since(begun)
	times := slices.Concat(taken...)
	slices.Sort(times)
	said := ""
	for _, err := range first {
		if err != nil {
			said = err.Error()
		}
	}
	at := func(share float64) float64 {
		if len(times) == 0 {
			return 0
		}
		return times[int(share*float64(len(times)-1))].Seconds()
	}
	return map[string]any{
		"done": len(times), "failed": failed.Load(), "why": said,
		"wall": wall.Seconds(), "p50": at(0.5), "p99": at(0.99),
	}
}
