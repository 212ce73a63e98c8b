"""Fetching bytes: files, folders, kustomizations, charts, standard input and git revisions."""

from licet.sources.errors import SourceError
from licet.sources.fetch import fetch
from licet.sources.intake import Fetched
from licet.sources.revision import fetch_version

__all__ = ["Fetched", "SourceError", "fetch", "fetch_version"]
