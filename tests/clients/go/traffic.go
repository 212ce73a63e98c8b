package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

const patience = 10 * time.Second

type traffic struct {
	addr, listen, peer, certificate, key string
	rate, period                         float64
	kept, count                          int
	untilFailed                          bool
}

func (t *traffic) run(ctx context.Context, command string, wait time.Duration) error {
	counted := newTally()
	config, close, err := t.configure(ctx, command, wait, counted)
	if err != nil {
		return err
	}
	defer close()
	if t.period > 0 {
		limited, cancel := context.WithTimeout(ctx, duration(t.period))
		defer cancel()
		ctx = limited
	}
	if command == "server" || t.listen != "" {
		err = t.serve(ctx, config, counted)
	} else {
		t.send(ctx, config, counted)
	}
	if err == nil {
		show(counted)
	}
	return err
}

// configure gives TLS of the Workload API, or of an attack: with anybody's certificate, believing everybody.
func (t *traffic) configure(
	ctx context.Context, command string, wait time.Duration, counted *tally,
) (*tls.Config, func(), error) {
	if (command == "client" && t.addr == "") || (command == "attack" && (t.addr == "") == (t.listen == "")) {
		return nil, nil, errors.New("say where: --addr for a client, --listen for a server")
	}
	if command == "attack" {
		pair, err := tls.LoadX509KeyPair(t.certificate, t.key)
		if err != nil {
			return nil, nil, err
		}
		show(map[string]bool{"ready": true})
		return &tls.Config{Certificates: []tls.Certificate{pair}, InsecureSkipVerify: true}, func() {}, nil
	}
	peer, err := spiffeid.FromString(t.peer)
	if err != nil {
		return nil, nil, err
	}
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	source, err := workloadapi.NewX509Source(limited)
	if err != nil {
		return nil, nil, err
	}
	svid, err := source.GetX509SVID()
	if err != nil {
		return nil, nil, err
	}
	counted.holds(serial(svid.Certificates[0]), false)
	show(map[string]any{"ready": true, "id": svid.ID.String(), "serial": serial(svid.Certificates[0])})
	go follow(ctx, source, counted)
	if command == "server" {
		config := tlsconfig.MTLSServerConfig(source, source, tlsconfig.AuthorizeID(peer))
		return config, func() { source.Close() }, nil
	}
	config := tlsconfig.MTLSClientConfig(source, source, tlsconfig.AuthorizeID(peer))
	return config, func() { source.Close() }, nil
}

func follow(ctx context.Context, source *workloadapi.X509Source, counted *tally) {
	for source.WaitUntilUpdated(ctx) == nil {
		if svid, err := source.GetX509SVID(); err == nil {
			counted.holds(serial(svid.Certificates[0]), true)
		}
	}
}

// send asks on a new connection with each tick, and on every kept one. What was begun is ended before it returns.
func (t *traffic) send(ctx context.Context, config *tls.Config, counted *tally) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	var running sync.WaitGroup
	begun := 0
	var mutex sync.Mutex
	begin := func() bool {
		mutex.Lock()
		defer mutex.Unlock()
		if ctx.Err() != nil || (t.count > 0 && begun >= t.count) {
			end()
			return false
		}
		begun++
		return true
	}
	settle := func(started time.Time, err error) {
		if err == nil {
			counted.succeeded(started)
			return
		}
		counted.failed(err)
		if t.untilFailed {
			end()
		}
	}
	for range t.kept {
		running.Go(func() { t.keep(ctx, config, counted, begin, settle) })
	}
	t.ticks(ctx, func() bool {
		if !begin() {
			return false
		}
		running.Go(func() {
			started := time.Now()
			connection, err := t.dial(config, counted)
			if err == nil {
				err = ask(connection)
				connection.Close()
			}
			settle(started, err)
		})
		return true
	})
	running.Wait()
}

func (t *traffic) keep(
	ctx context.Context, config *tls.Config, counted *tally, begin func() bool, settle func(time.Time, error),
) {
	var connection *tls.Conn
	t.ticks(ctx, func() bool {
		if !begin() {
			return false
		}
		started := time.Now()
		var err error
		if connection == nil {
			connection, err = t.dial(config, counted)
		}
		if err == nil {
			err = ask(connection)
		}
		if err != nil && connection != nil {
			connection.Close()
			connection = nil
		}
		settle(started, err)
		return true
	})
	if connection != nil {
		connection.Close()
	}
}

func (t *traffic) ticks(ctx context.Context, tick func() bool) {
	ticker := time.NewTicker(duration(1 / t.rate))
	defer ticker.Stop()
	for tick() {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (t *traffic) dial(config *tls.Config, counted *tally) (*tls.Conn, error) {
	connection, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", t.addr, config)
	if err != nil {
		return nil, err
	}
	counted.connected(connection.ConnectionState().PeerCertificates)
	return connection, nil
}

func ask(connection *tls.Conn) error {
	asked := fmt.Sprintf("%d\n", time.Now().UnixNano())
	if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.WriteString(connection, asked); err != nil {
		// A server that refuses says so in an alert, and may have hung up by now.
		if _, alert := connection.Read(make([]byte, 1)); alert != nil && cause(alert) == "alert" {
			return alert
		}
		return err
	}
	said := make([]byte, len(asked))
	if _, err := io.ReadFull(connection, said); err != nil {
		return err
	}
	if string(said) != asked {
		return errMismatch
	}
	return nil
}

func (t *traffic) serve(ctx context.Context, config *tls.Config, counted *tally) error {
	listener, err := net.Listen("tcp", t.listen)
	if err != nil {
		return err
	}
	show(map[string]string{"listening": listener.Addr().String()})
	var running sync.WaitGroup
	context.AfterFunc(ctx, func() { listener.Close() })
	for {
		connection, err := listener.Accept()
		if err != nil {
			break
		}
		running.Go(func() {
			ended := context.AfterFunc(ctx, func() { connection.Close() })
			defer ended()
			defer connection.Close()
			echo(ctx, tls.Server(connection, config), counted)
		})
	}
	running.Wait()
	return nil
}

// echo answers line by line. A connection that fails counts as one failed request, however it was ended by us.
func echo(ctx context.Context, connection *tls.Conn, counted *tally) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := connection.HandshakeContext(limited); err != nil {
		if ctx.Err() == nil {
			counted.failed(err)
		}
		return
	}
	counted.connected(connection.ConnectionState().PeerCertificates)
	lines := bufio.NewReader(connection)
	for {
		line, err := lines.ReadBytes('\n')
		started := time.Now()
		if err == nil {
			_, err = connection.Write(line)
		}
		switch {
		case err == nil:
			counted.succeeded(started)
		case ctx.Err() != nil || (errors.Is(err, io.EOF) && len(line) == 0):
			return
		default:
			counted.failed(err)
			return
		}
	}
}
