"""The sidecar in a manifest: put in, and taken out again without a trace."""
