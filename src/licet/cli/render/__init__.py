"""Answers as text: the map in its formats, and the answers of the other commands."""
