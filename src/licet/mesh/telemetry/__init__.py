"""What sidecars tell of the traffic that they carry: access logs into flows, flows into edges, and their counters."""
