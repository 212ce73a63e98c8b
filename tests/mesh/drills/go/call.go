package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	patience = 20 * time.Second
	beat     = 20 * time.Millisecond
)

type calls struct {
	http, tcp, path, only string
	pause                 time.Duration
	stopping              chan struct{}
	kinds                 []*kind
	running               sync.WaitGroup
}

// kind is what came of all calls of a kind. Of what stays open every message is one that is done, or lost.
type kind struct {
	name  string
	guard sync.Mutex
	tally tally
}

type tally struct {
	Done    int64   `json:"done"`
	Failed  int64   `json:"failed"`
	Lost    int64   `json:"lost"`
	Opened  int64   `json:"opened"`
	Broken  int64   `json:"broken"`
	Slowest float64 `json:"slowest"`
	// When the last was answered, and when the first and the last failed, in seconds since the epoch.
	LastDone    float64  `json:"last_done"`
	FirstFailed float64  `json:"first_failed"`
	LastFailed  float64  `json:"last_failed"`
	Why         []string `json:"why"`
}

func (c *calls) begin(kept int) {
	if c.http != "" {
		one := &http.Transport{MaxIdleConnsPerHost: 100}
		two := &http.Transport{Protocols: new(http.Protocols)}
		two.Protocols.SetUnencryptedHTTP2(true)
		fresh := &http.Transport{DisableKeepAlives: true}
		c.steadily("http1", c.request(one))
		c.steadily("http1-new", c.request(fresh))
		c.steadily("http2", c.request(two))
		c.steadily("grpc-new", c.exchange)
		c.kept("grpc-stream", kept, c.talk)
	}
	if c.tcp != "" {
		c.steadily("tcp-new", c.echo)
		c.kept("tcp-open", kept, c.converse)
	}
}

func (c *calls) end() {
	close(c.stopping)
	c.running.Wait()
}

func (c *calls) said() map[string]tally {
	said := map[string]tally{}
	for _, each := range c.kinds {
		each.guard.Lock()
		said[each.name] = each.tally
		each.tally.Slowest = 0
		each.guard.Unlock()
	}
	return said
}

func (c *calls) wanted(name string) bool {
	return c.only == "" || slices.Contains(strings.Split(c.only, ","), name)
}

func (c *calls) of(name string) *kind {
	made := &kind{name: name, tally: tally{Why: []string{}}}
	c.kinds = append(c.kinds, made)
	return made
}

// steadily makes so many calls a second, whether or not those before have been answered.
func (c *calls) steadily(name string, call func(context.Context) error) {
	if !c.wanted(name) {
		return
	}
	of := c.of(name)
	c.running.Go(func() {
		ticker := time.NewTicker(c.pause)
		defer ticker.Stop()
		for {
			select {
			case <-c.stopping:
				return
			case <-ticker.C:
			}
			c.running.Go(func() {
				limited, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				began := time.Now()
				of.is(call(limited), time.Since(began))
			})
		}
	})
}

// kept has so many open at once, and a new one after each that broke.
func (c *calls) kept(name string, number int, talk func(*kind) error) {
	if number == 0 || !c.wanted(name) {
		return
	}
	of := c.of(name)
	for range number {
		c.running.Go(func() {
			for {
				of.opened()
				err := talk(of)
				if err == nil {
					return
				}
				of.broke(err)
				select {
				case <-c.stopping:
					return
				case <-time.After(100 * time.Millisecond):
				}
			}
		})
	}
}

func (k *kind) opened() {
	k.guard.Lock()
	defer k.guard.Unlock()
	k.tally.Opened++
}

func (k *kind) broke(err error) {
	k.is(err, 0)
	k.guard.Lock()
	defer k.guard.Unlock()
	k.tally.Broken++
}

func (k *kind) lose(number int64) {
	k.guard.Lock()
	defer k.guard.Unlock()
	k.tally.Lost += number
}

func (k *kind) is(err error, took time.Duration) {
	now := float64(time.Now().UnixNano()) / 1e9
	k.guard.Lock()
	defer k.guard.Unlock()
	if err == nil {
		k.tally.Done++
		k.tally.LastDone = now
		k.tally.Slowest = max(k.tally.Slowest, took.Seconds())
		return
	}
	k.tally.Failed++
	k.tally.LastFailed = now
	if k.tally.FirstFailed == 0 {
		k.tally.FirstFailed = now
	}
	if len(k.tally.Why) < 5 {
		k.tally.Why = append(k.tally.Why, err.Error())
	}
}

func (c *calls) request(transport http.RoundTripper) func(context.Context) error {
	client := &http.Client{Transport: transport}
	return func(ctx context.Context) error {
		asked, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.http+c.path, nil)
		if err != nil {
			return err
		}
		answer, err := client.Do(asked)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err == nil && (answer.StatusCode != http.StatusOK || string(body) != "served") {
			err = fmt.Errorf("answered %d: %s", answer.StatusCode, body)
		}
		return err
	}
}

func (c *calls) client() (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+c.http, grpc.WithTransportCredentials(insecure.NewCredentials()))
}

// exchange is one message and its answer on a connection of its own.
func (c *calls) exchange(ctx context.Context) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	call, err := client.NewStream(ctx, &stream, method)
	if err != nil {
		return err
	}
	if err := call.SendMsg(wrapperspb.UInt64(7)); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	call.CloseSend()
	message := new(wrapperspb.UInt64Value)
	if err := call.RecvMsg(message); err != nil {
		return err
	}
	if err := call.RecvMsg(message); message.Value != 7 || !errors.Is(err, io.EOF) {
		return fmt.Errorf("answered %d, and then %w", message.Value, err)
	}
	return nil
}

// talk sends numbers on one stream and hears each back, in their order.
func (c *calls) talk(of *kind) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	call, err := client.NewStream(ctx, &stream, method)
	if err != nil {
		return err
	}
	return c.numbers(of, func(number uint64) error { return call.SendMsg(wrapperspb.UInt64(number)) },
		call.CloseSend, func() (uint64, error) {
			message := new(wrapperspb.UInt64Value)
			err := call.RecvMsg(message)
			return message.Value, err
		})
}

// converse does the same with lines on one connection.
func (c *calls) converse(of *kind) error {
	connection, err := net.DialTimeout("tcp", c.tcp, patience)
	if err != nil {
		return err
	}
	defer connection.Close()
	lines := bufio.NewReader(connection)
	return c.numbers(of, func(number uint64) error {
		_, err := fmt.Fprintln(connection, number)
		return err
	}, connection.(*net.TCPConn).CloseWrite, func() (uint64, error) {
		var number uint64
		_, err := fmt.Fscanln(lines, &number)
		return number, err
	})
}

func (c *calls) numbers(of *kind, send func(uint64) error, last func() error, hear func() (uint64, error)) error {
	heard := make(chan error, 1)
	var sent, expected uint64
	go func() {
		for {
			number, err := hear()
			if err != nil {
				heard <- err
				return
			}
			expected++
			if number != expected {
				of.lose(1)
			}
			of.is(nil, 0)
		}
	}()
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		select {
		case err := <-heard:
			return fmt.Errorf("ended after %d answers: %w", expected, err)
		case <-c.stopping:
			if err := last(); err != nil {
				return err
			}
			select {
			case err := <-heard:
				of.lose(int64(sent) - int64(expected))
				if !errors.Is(err, io.EOF) {
					return err
				}
				return nil
			case <-time.After(patience):
				return errors.New("never heard to its end")
			}
		case <-ticker.C:
			sent++
			if err := send(sent); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
		}
	}
}

// echo is one line on a connection of its own.
func (c *calls) echo(ctx context.Context) error {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", c.tcp)
	if err != nil {
		return err
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintln(connection, "hello"); err != nil {
		return err
	}
	line, err := bufio.NewReader(connection).ReadString('\n')
	if err == nil && line != "hello\n" {
		err = fmt.Errorf("answered %q", line)
	}
	return err
}
