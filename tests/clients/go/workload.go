package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
)

type x509Shown struct {
	ID        string  `json:"id"`
	Hint      string  `json:"hint"`
	Serial    string  `json:"serial"`
	NotBefore float64 `json:"not_before"`
	NotAfter  float64 `json:"not_after"`
	Chain     int     `json:"chain"`
}

type jwtShown struct {
	ID       string   `json:"id"`
	Hint     string   `json:"hint"`
	Audience []string `json:"audience"`
	Expires  float64  `json:"expires"`
	Token    string   `json:"token"`
}

type fetched struct {
	Svids      []x509Shown    `json:"svids"`
	Bundles    map[string]int `json:"bundles"`
	Jwts       []jwtShown     `json:"jwts"`
	JwtBundles map[string]int `json:"jwt_bundles"`
}

type updated struct {
	Time        float64        `json:"time"`
	ID          string         `json:"id"`
	Serial      string         `json:"serial"`
	NotAfter    float64        `json:"not_after"`
	Authorities int            `json:"authorities"`
	Bundles     map[string]int `json:"bundles"`
}

// Everything is verified before it is shown: chains against the bundles, tokens by the library and by the Workload API.
func fetch(ctx context.Context, audience string) error {
	client, err := workloadapi.New(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	material, err := client.FetchX509Context(ctx)
	if err != nil {
		return err
	}
	bundles, err := client.FetchX509Bundles(ctx)
	if err != nil {
		return err
	}
	said := fetched{Bundles: authorities(bundles), JwtBundles: map[string]int{}}
	for _, svid := range material.SVIDs {
		id, _, err := x509svid.Verify(svid.Certificates, bundles)
		if err != nil {
			return err
		}
		if id != svid.ID {
			return fmt.Errorf("the certificate is of %s and the SVID of %s", id, svid.ID)
		}
		leaf := svid.Certificates[0]
		said.Svids = append(said.Svids, x509Shown{
			id.String(), svid.Hint, serial(leaf), seconds(leaf.NotBefore), seconds(leaf.NotAfter), len(svid.Certificates),
		})
	}
	keys, err := client.FetchJWTBundles(ctx)
	if err != nil {
		return err
	}
	for _, bundle := range keys.Bundles() {
		said.JwtBundles[bundle.TrustDomain().Name()] = len(bundle.JWTAuthorities())
	}
	tokens, err := client.FetchJWTSVIDs(ctx, jwtsvid.Params{Audience: audience})
	if err != nil {
		return err
	}
	for _, token := range tokens {
		if _, err := client.ValidateJWTSVID(ctx, token.Marshal(), audience); err != nil {
			return err
		}
		valid, err := jwtsvid.ParseAndValidate(token.Marshal(), keys, []string{audience})
		if err != nil {
			return err
		}
		said.Jwts = append(said.Jwts, jwtShown{
			valid.ID.String(), token.Hint, valid.Audience, seconds(valid.Expiry), token.Marshal(),
		})
	}
	show(said)
	return nil
}

// validate says whose a token is: by the library with the bundles of now, and by the Workload API.
func validate(ctx context.Context, from io.Reader, audience string) error {
	token, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	client, err := workloadapi.New(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	keys, err := client.FetchJWTBundles(ctx)
	if err != nil {
		return err
	}
	said := map[string]string{"library": "", "api": "", "refusal": ""}
	if valid, err := jwtsvid.ParseAndValidate(string(token), keys, []string{audience}); err == nil {
		said["library"] = valid.ID.String()
	} else {
		said["refusal"] = err.Error()
	}
	if valid, err := client.ValidateJWTSVID(ctx, string(token), audience); err == nil {
		said["api"] = valid.ID.String()
	}
	show(said)
	return nil
}

func watch(ctx context.Context) error {
	err := workloadapi.WatchX509Context(ctx, watcher{ctx})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

type watcher struct{ ctx context.Context }

func (watcher) OnX509ContextUpdate(material *workloadapi.X509Context) {
	svid := material.DefaultSVID()
	own, err := material.Bundles.GetX509BundleForTrustDomain(svid.ID.TrustDomain())
	if err != nil {
		show(map[string]string{"error": "NoBundle", "message": err.Error()})
		return
	}
	leaf := svid.Certificates[0]
	show(updated{
		seconds(time.Now()), svid.ID.String(), serial(leaf), seconds(leaf.NotAfter), len(own.X509Authorities()),
		authorities(material.Bundles),
	})
}

func (w watcher) OnX509ContextWatchError(err error) {
	if w.ctx.Err() == nil {
		show(map[string]string{"error": code(err), "message": err.Error()})
	}
}

func authorities(set *x509bundle.Set) map[string]int {
	counted := map[string]int{}
	for _, bundle := range set.Bundles() {
		counted[bundle.TrustDomain().Name()] = len(bundle.X509Authorities())
	}
	return counted
}

func serial(certificate *x509.Certificate) string {
	return fmt.Sprintf("%x", certificate.SerialNumber)
}
