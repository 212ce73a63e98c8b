module licet/tests/judge/conformance

go 1.22.0

require sigs.k8s.io/network-policy-api v0.1.1
