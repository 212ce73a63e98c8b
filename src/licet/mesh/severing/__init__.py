"""Ends what a revoked identity has open."""
