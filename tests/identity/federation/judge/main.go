// Command judge answers for go-spiffe: what is a SPIFFE ID, what a bundle holds, and what its federation client and
// server make of those of others.
//
// Standard input holds one JSON question a line, and standard output gets one answer a line.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/federation"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
)

// Question asks one thing, by name; the other fields are those that it needs.
type Question struct {
	Ask         string   `json:"ask"`
	IDs         []string `json:"ids"`
	TrustDomain string   `json:"trust_domain"`
	Bundle      []byte   `json:"bundle"`
	URL         string   `json:"url"`
	Roots       []byte   `json:"roots"`
	EndpointID  string   `json:"endpoint_id"`
	Certificate []byte   `json:"certificate"`
	Key         []byte   `json:"key"`
}

// Answer holds an error, or what was asked for.
type Answer struct {
	Error       string            `json:"error"`
	Valid       []bool            `json:"valid"`
	X509        [][]byte          `json:"x509"`
	JWT         map[string][]byte `json:"jwt"`
	Sequence    uint64            `json:"sequence"`
	RefreshHint int64             `json:"refresh_hint"`
	Marshaled   []byte            `json:"marshaled"`
	URL         string            `json:"url"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	write := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var asked Question
		must(json.Unmarshal(lines.Bytes(), &asked))
		answer, err := judge(asked)
		if err != nil {
			answer = Answer{Error: err.Error()}
		}
		must(write.Encode(answer))
	}
	must(lines.Err())
}

func judge(asked Question) (Answer, error) {
	switch asked.Ask {
	case "ids":
		return ids(asked), nil
	case "parse":
		bundle, err := parse(asked)
		if err != nil {
			return Answer{}, err
		}
		return describe(bundle)
	case "fetch":
		return fetch(asked)
	case "serve":
		return serve(asked)
	}
	return Answer{}, fmt.Errorf("nobody knows how to %q", asked.Ask)
}

func ids(asked Question) Answer {
	answer := Answer{}
	for _, text := range asked.IDs {
		_, err := spiffeid.FromString(text)
		answer.Valid = append(answer.Valid, err == nil)
	}
	return answer
}

func parse(asked Question) (*spiffebundle.Bundle, error) {
	domain, err := spiffeid.TrustDomainFromString(asked.TrustDomain)
	if err != nil {
		return nil, err
	}
	return spiffebundle.Parse(domain, asked.Bundle)
}

func describe(bundle *spiffebundle.Bundle) (Answer, error) {
	answer := Answer{JWT: map[string][]byte{}}
	for _, authority := range bundle.X509Authorities() {
		answer.X509 = append(answer.X509, authority.Raw)
	}
	for kid, key := range bundle.JWTAuthorities() {
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			return Answer{}, err
		}
		answer.JWT[kid] = der
	}
	answer.Sequence, _ = bundle.SequenceNumber()
	hint, _ := bundle.RefreshHint()
	answer.RefreshHint = int64(hint / time.Second)
	var err error
	answer.Marshaled, err = bundle.Marshal()
	return answer, err
}

// fetch asks an endpoint by https_spiffe where there is an ID to expect, and by https_web otherwise.
func fetch(asked Question) (Answer, error) {
	domain, err := spiffeid.TrustDomainFromString(asked.TrustDomain)
	if err != nil {
		return Answer{}, err
	}
	option, err := authentication(asked)
	if err != nil {
		return Answer{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	bundle, err := federation.FetchBundle(ctx, domain, asked.URL, option)
	if err != nil {
		return Answer{}, err
	}
	return describe(bundle)
}

func authentication(asked Question) (federation.FetchOption, error) {
	if asked.EndpointID == "" {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(asked.Roots)
		return federation.WithWebPKIRoots(pool), nil
	}
	bundle, err := parse(asked)
	if err != nil {
		return nil, err
	}
	id, err := spiffeid.FromString(asked.EndpointID)
	if err != nil {
		return nil, err
	}
	return federation.WithSPIFFEAuth(bundle.X509Bundle(), id), nil
}

// serve answers with the bundle until the program ends.
func serve(asked Question) (Answer, error) {
	bundle, err := parse(asked)
	if err != nil {
		return Answer{}, err
	}
	pair, err := tls.X509KeyPair(asked.Certificate, asked.Key)
	if err != nil {
		return Answer{}, err
	}
	handler, err := federation.NewHandler(bundle.TrustDomain(), bundle)
	if err != nil {
		return Answer{}, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return Answer{}, err
	}
	server := &http.Server{
		Handler:           handler,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
		ReadHeaderTimeout: 10 * time.Second,
	}
	go func() { must(server.ServeTLS(listener, "", "")) }()
	return Answer{URL: "https://" + listener.Addr().String() + "/bundle"}, nil
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
