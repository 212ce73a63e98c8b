package main

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// failure is one request that failed, as told.
type failure struct {
	Time    float64 `json:"time"`
	Cause   string  `json:"cause"`
	Message string  `json:"message"`
}

// tally counts what came of requests. Times are seconds since the epoch, 0 for never.
type tally struct {
	mutex       sync.Mutex
	peers, own  map[string]bool
	Requests    int            `json:"requests"`
	Failed      map[string]int `json:"failed"`
	Connections int            `json:"connections"`
	Updates     int            `json:"updates"`
	Serials     int            `json:"serials"`
	PeerSerials int            `json:"peer_serials"`
	LastOK      float64        `json:"last_ok"`
	FirstFailed float64        `json:"first_failed"`
	Slowest     float64        `json:"slowest"`
	Failures    []failure      `json:"failures"`
}

func newTally() *tally {
	return &tally{peers: map[string]bool{}, own: map[string]bool{}, Failed: map[string]int{}, Failures: []failure{}}
}

func (t *tally) succeeded(started time.Time) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.Requests++
	t.LastOK = seconds(time.Now())
	t.Slowest = max(t.Slowest, time.Since(started).Seconds())
}

func (t *tally) failed(err error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	now := seconds(time.Now())
	if t.FirstFailed == 0 {
		t.FirstFailed = now
	}
	t.Requests++
	t.Failed[cause(err)]++
	if t.Failed[cause(err)] == 1 || len(t.Failures) < 5 {
		t.Failures = append(t.Failures, failure{now, cause(err), err.Error()})
	}
}

func (t *tally) connected(peer []*x509.Certificate) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.Connections++
	if len(peer) > 0 {
		t.peers[serial(peer[0])] = true
		t.PeerSerials = len(t.peers)
	}
}

func (t *tally) holds(serial string, update bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.own[serial] = true
	t.Serials = len(t.own)
	if update {
		t.Updates++
	}
}

var errMismatch = errors.New("the answer is not what was asked")

// Alerts and the library's own refusals are told apart by their texts: they have no types that can be asked.
var causes = []struct{ text, cause string }{
	{"expired or is not yet valid", "expired"},
	{"signed by unknown authority", "unknown_authority"},
	{"unexpected ID", "wrong_identity"},
	{"no X.509 bundle", "no_bundle"},
	{"x509svid:", "bad_svid"},
	{"remote error: tls:", "alert"},
	// What is said of a client of rustls that shows no certificate.
	{"local error: tls: error decoding message", "no_certificate"},
}

func cause(err error) string {
	var dial *net.OpError
	switch {
	case errors.Is(err, errMismatch):
		return "mismatch"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.As(err, &dial) && dial.Op == "dial":
		return "unreachable"
	}
	for _, known := range causes {
		if strings.Contains(err.Error(), known.text) {
			return known.cause
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return "closed"
	}
	return "other"
}
