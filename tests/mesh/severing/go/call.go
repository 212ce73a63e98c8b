package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const patience = 20 * time.Second

type caller struct {
	http, tcp string
	config    *tls.Config
	held      []*held
}

// tally says what came of one connection. Lost are answers that never came, or came in another order.
type tally struct {
	Dialled int64    `json:"dialled"`
	Ended   int64    `json:"ended"`
	Done    int64    `json:"done"`
	Failed  int64    `json:"failed"`
	Lost    int64    `json:"lost"`
	Why     []string `json:"why"`
}

// held is one connection of a kind, which is dialled once and never again.
type held struct {
	kind                               string
	dialled, ended, done, failed, lost atomic.Int64
	ctx                                context.Context
	cancel                             context.CancelFunc
	ready, stopping, finished          chan struct{}
	readied, refused, gone             sync.Once
	guard                              sync.Mutex
	why                                []string
}

func newCaller(web, tcp, papers, trusted string) (*caller, error) {
	pair, err := tls.LoadX509KeyPair(papers, papers)
	if err != nil {
		return nil, err
	}
	pem, err := os.ReadFile(trusted)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	config := &tls.Config{
		Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13,
		// SVIDs have no DNS names: what is verified is the chain alone.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: pool})
			return err
		},
	}
	return &caller{http: web, tcp: tcp, config: config}, nil
}

// open makes a connection of each kind and says which were answered.
func (c *caller) open() []string {
	c.held = nil
	kinds := map[string]func(*held){
		"http1": c.requests("http/1.1", true), "http1-idle": c.requests("http/1.1", false),
		"http2": c.requests("h2", true), "http2-idle": c.requests("h2", false), "grpc": c.count,
		"tcp-echo": c.bytes("echo"), "tcp-up": c.bytes("up"), "tcp-down": c.bytes("down"), "tcp-idle": c.bytes("idle"),
		"tcp-mute": c.bytes("mute"),
	}
	for kind, run := range kinds {
		ctx, cancel := context.WithCancel(context.Background())
		each := &held{kind: kind, ctx: ctx, cancel: cancel, ready: make(chan struct{}),
			stopping: make(chan struct{}), finished: make(chan struct{})}
		c.held = append(c.held, each)
		go func() {
			defer close(each.finished)
			run(each)
		}()
	}
	var opened []string
	limit := time.After(patience)
	for _, each := range c.held {
		select {
		case <-each.ready:
			opened = append(opened, each.kind)
		case <-each.finished:
		case <-limit:
		}
	}
	return opened
}

// finish ends what is open in good order, and says what came of it.
func (c *caller) finish() map[string]tally {
	said := map[string]tally{}
	for _, each := range c.held {
		close(each.stopping)
	}
	limit := time.After(patience)
	for _, each := range c.held {
		select {
		case <-each.finished:
		case <-limit:
			each.fail(errors.New("did not finish"))
		}
		each.guard.Lock()
		said[each.kind] = tally{each.dialled.Load(), each.ended.Load(), each.done.Load(), each.failed.Load(),
			each.lost.Load(), each.why}
		each.guard.Unlock()
		each.cancel()
	}
	return said
}

func (h *held) is(ready bool) {
	if ready {
		h.done.Add(1)
		h.readied.Do(func() { close(h.ready) })
	}
}

func (h *held) fail(err error) {
	if h.ctx.Err() != nil {
		return
	}
	h.failed.Add(1)
	h.guard.Lock()
	defer h.guard.Unlock()
	if len(h.why) < 3 {
		h.why = append(h.why, err.Error())
	}
}

func (h *held) stops() bool {
	select {
	case <-h.stopping:
		return true
	case <-h.ctx.Done():
		return true
	case <-time.After(pace):
		return false
	}
}

// watched tells when the connection is over, which whoever reads or writes first is told.
type watched struct {
	net.Conn
	of *held
}

func (w watched) Read(into []byte) (int, error) {
	size, err := w.Conn.Read(into)
	w.over(err)
	return size, err
}

func (w watched) Write(from []byte) (int, error) {
	size, err := w.Conn.Write(from)
	w.over(err)
	return size, err
}

// Close is also how libraries answer to an end that TLS says, of which the connection itself says nothing.
func (w watched) Close() error {
	select {
	case <-w.of.stopping:
	default:
		w.over(io.EOF)
	}
	return w.Conn.Close()
}

func (w watched) over(err error) {
	if err == nil || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) || w.of.ctx.Err() != nil {
		return
	}
	at := float64(time.Now().UnixNano()) / 1e9
	w.of.gone.Do(func() {
		w.of.ended.Add(1)
		show(map[string]any{"kind": w.of.kind, "ended": at, "error": err.Error()})
	})
}

func (c *caller) dial(h *held, address string) (net.Conn, error) {
	if h.dialled.Add(1) > 1 {
		return nil, errors.New("the one connection is gone")
	}
	plain, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(h.ctx, func() { plain.Close() })
	return watched{plain, h}, nil
}

func (c *caller) secured(h *held, address string, protocols ...string) (*tls.Conn, error) {
	plain, err := c.dial(h, address)
	if err != nil {
		return nil, err
	}
	config := c.config.Clone()
	config.NextProtos = protocols
	secured := tls.Client(plain, config)
	limited, cancel := context.WithTimeout(h.ctx, patience)
	defer cancel()
	return secured, secured.HandshakeContext(limited)
}

func (c *caller) requests(protocol string, again bool) func(*held) {
	return func(h *held) {
		transport := &http.Transport{
			MaxConnsPerHost: 1, ForceAttemptHTTP2: protocol == "h2",
			DialTLSContext: func(_ context.Context, _, _ string) (net.Conn, error) { return c.secured(h, c.http, protocol) },
		}
		client := &http.Client{Transport: transport, Timeout: patience}
		ask := func() {
			answer, err := client.Get("https://served/")
			if err != nil {
				h.fail(err)
				return
			}
			body, err := io.ReadAll(answer.Body)
			answer.Body.Close()
			switch {
			case err != nil:
				h.fail(err)
			case answer.StatusCode != http.StatusOK || string(body) != "served":
				h.refused.Do(func() {
					show(map[string]any{"kind": h.kind, "refused": float64(time.Now().UnixNano()) / 1e9})
				})
				h.fail(fmt.Errorf("answered %d", answer.StatusCode))
			default:
				h.is(true)
			}
		}
		ask()
		for !h.stops() {
			if again {
				ask()
			}
		}
		ask()
	}
}

func (c *caller) count(h *held) {
	config := c.config.Clone()
	client, err := grpc.NewClient("passthrough:///"+c.http, grpc.WithTransportCredentials(credentials.NewTLS(config)),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return c.dial(h, c.http) }))
	if err != nil {
		h.fail(err)
		return
	}
	defer client.Close()
	call, err := client.NewStream(h.ctx, &stream, "/drill.Drill/Count")
	if err != nil {
		h.fail(err)
		return
	}
	sent := uint64(0)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		for expected := uint64(1); ; expected++ {
			message := new(wrapperspb.UInt64Value)
			if err := call.RecvMsg(message); err != nil {
				if !errors.Is(err, io.EOF) {
					h.fail(err)
				}
				return
			}
			if message.Value != expected {
				h.lost.Add(1)
			}
			h.is(true)
		}
	}()
	for {
		sent++
		if err := call.SendMsg(wrapperspb.UInt64(sent)); err != nil {
			break
		}
		if h.stops() {
			break
		}
	}
	call.CloseSend()
	<-answered
	h.lost.Add(max(0, int64(sent)-h.done.Load()))
}

// bytes sends lines that are echoed, sends without answers, hears numbers, or does nothing at all: by the mode.
func (c *caller) bytes(mode string) func(*held) {
	return func(h *held) {
		connection, err := c.secured(h, c.tcp)
		if err != nil {
			h.fail(err)
			return
		}
		defer connection.Close()
		heard := make(chan string, 1<<16)
		go func() {
			defer close(heard)
			defer connection.Close()
			lines := bufio.NewScanner(connection)
			for lines.Scan() {
				heard <- lines.Text()
			}
		}()
		if mode == "mute" {
			h.is(true)
		} else {
			fmt.Fprintln(connection, mode)
			if said, ok := <-heard; !ok || said != mode {
				h.fail(errors.New("not served"))
				return
			}
			h.is(true)
		}
		next := 0
		for !h.stops() {
			switch mode {
			case "echo", "up":
				next++
				if _, err := fmt.Fprintf(connection, "%d\n", next); err != nil {
					h.fail(err)
					return
				}
			}
		}
		fmt.Fprintln(connection, "end")
		c.heard(h, mode, next, heard)
	}
}

// heard looks at every line that came until the last one.
func (c *caller) heard(h *held, mode string, sent int, lines <-chan string) {
	limit := time.After(patience)
	expected := map[bool]int{true: 0, false: 1}[mode == "down"]
	for {
		select {
		case line, ok := <-lines:
			if !ok || strings.HasPrefix(line, "end") {
				if !ok {
					h.fail(errors.New("ended early"))
				}
				if mode == "echo" {
					h.lost.Add(int64(sent + 1 - expected))
				}
				return
			}
			if line != strconv.Itoa(expected) {
				h.lost.Add(1)
			}
			expected++
			h.done.Add(1)
		case <-limit:
			h.fail(errors.New("not heard to the end"))
			return
		}
	}
}
