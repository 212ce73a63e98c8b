"""Benchmarks: generated clusters, Licet's stages on them, and other tools beside it. `python -m bench --help`."""
