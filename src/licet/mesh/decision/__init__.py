"""Decisions for whoever asks: gateways over ext_authz, applications over AuthZEN, by the sidecars' own rules."""
