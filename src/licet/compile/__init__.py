"""Agreements become an enforcer's own objects; one target a file."""
