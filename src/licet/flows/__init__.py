"""Flows: what was seen on the wire, one typed record whoever saw it, one adapter a file."""
