"""The xDS protocol: one stream to each sidecar, over which it is told what changed and says what it thinks of it."""
