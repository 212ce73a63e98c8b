package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

var shown = regexp.MustCompile(`Hash=([0-9a-f]+)`)

// served says what came to the program: of requests, whose sidecar named nobody, and how many certificates it named.
type served struct {
	Requests     int64 `json:"requests"`
	Unnamed      int64 `json:"unnamed"`
	Connections  int64 `json:"connections"`
	Certificates int   `json:"certificates"`
}

type program struct {
	guard        sync.Mutex
	served       served
	certificates map[string]bool
}

// serve answers requests, streams and lines until its standard input ends, and says how many at every line of that.
func serve(web, raw string) {
	of := &program{certificates: map[string]bool{}}
	if web != "" {
		go of.requests(listen(web))
	}
	if raw != "" {
		go of.lines(listen(raw))
	}
	show("serving")
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		of.guard.Lock()
		of.served.Certificates = len(of.certificates)
		said := of.served
		of.guard.Unlock()
		show(said)
	}
}

func listen(at string) net.Listener {
	network := "tcp"
	if strings.HasPrefix(at, "/") {
		network = "unix"
	}
	listener, err := net.Listen(network, at)
	if err != nil {
		panic(err)
	}
	return listener
}

func (p *program) requests(listener net.Listener) {
	both := new(http.Protocols)
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	streams := grpc.NewServer()
	streams.RegisterService(&grpc.ServiceDesc{
		ServiceName: "drill.Drill", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{stream},
	}, nil)
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.came(shown.FindStringSubmatch(r.Header.Get("x-forwarded-client-cert")))
		if strings.HasPrefix(r.Header.Get("content-type"), "application/grpc") {
			streams.ServeHTTP(w, r)
			return
		}
		io.WriteString(w, "served")
	})
	(&http.Server{Handler: answer, Protocols: both}).Serve(listener)
}

func (p *program) came(by []string) {
	p.guard.Lock()
	defer p.guard.Unlock()
	p.served.Requests++
	if by == nil {
		p.served.Unnamed++
	} else {
		p.certificates[by[1]] = true
	}
}

func (p *program) lines(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		p.guard.Lock()
		p.served.Connections++
		p.guard.Unlock()
		go func() {
			defer connection.Close()
			io.Copy(connection, connection)
		}()
	}
}

func count(_ any, call grpc.ServerStream) error {
	for {
		message := new(wrapperspb.UInt64Value)
		if err := call.RecvMsg(message); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := call.SendMsg(message); err != nil {
			return err
		}
	}
}
