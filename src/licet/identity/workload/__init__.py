"""What workloads speak to: the SPIFFE Workload API and Envoy's SDS, behind a socket that knows its callers."""
