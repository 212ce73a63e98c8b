package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const pace = 20 * time.Millisecond

var stream = grpc.StreamDesc{StreamName: "Count", ServerStreams: true, ClientStreams: true, Handler: count}

// serve answers requests, streams and plain connections until its standard input ends.
func serve(host string) {
	plain, raw := listen(host), listen(host)
	both := new(http.Protocols)
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	served := grpc.NewServer()
	served.RegisterService(&grpc.ServiceDesc{
		ServiceName: "drill.Drill", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{stream},
	}, nil)
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("content-type"), "application/grpc") {
			served.ServeHTTP(w, r)
			return
		}
		io.WriteString(w, "served")
	})
	go (&http.Server{Handler: answer, Protocols: both}).Serve(plain)
	go func() {
		for {
			connection, err := raw.Accept()
			if err != nil {
				return
			}
			go trickle(connection)
		}
	}()
	show(map[string]string{"http": plain.Addr().String(), "tcp": raw.Addr().String()})
	io.Copy(io.Discard, os.Stdin)
}

func listen(host string) net.Listener {
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		panic(err)
	}
	return listener
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

// trickle echoes lines; one that says `down` is answered with numbers without end, one that says `up` with none.
func trickle(connection net.Conn) {
	defer connection.Close()
	lines := bufio.NewReader(connection)
	silent := false
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		switch strings.TrimSpace(line) {
		case "up":
			silent = true
			io.WriteString(connection, line)
		case "down":
			io.WriteString(connection, line)
			go func() {
				for next := 0; ; next++ {
					if _, err := fmt.Fprintln(connection, next); err != nil {
						return
					}
					time.Sleep(pace)
				}
			}()
		default:
			if !silent || strings.HasPrefix(line, "end") {
				io.WriteString(connection, line)
			}
		}
	}
}
