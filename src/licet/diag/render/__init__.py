"""Findings as text: for a terminal, for other programs, for continuous integration, for a pull request."""
