"""Settings of every test."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is no failure: how fast things are is measured by the benchmarks.
settings.register_profile("licet", deadline=None, print_blob=True)
settings.load_profile("licet")
