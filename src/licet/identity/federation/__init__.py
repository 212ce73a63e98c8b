"""Federation with other trust domains, as SPIFFE_Federation.md has it: bundles are published, and fetched."""
