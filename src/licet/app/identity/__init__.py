"""The identity plane put together: what its commands open, and what its servers run."""
