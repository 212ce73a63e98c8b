"""Kubernetes objects as written, decoded into the model."""

from licet.manifest.decode.objects import Decoded, PodTemplateKind, decode

__all__ = ["Decoded", "PodTemplateKind", "decode"]
