"""Endpoints that are no workload."""

from __future__ import annotations

from licet.model.key import Key

INGRESS_CONTROLLER = Key("", "", "", "", "{ingress-controller}")
"""Whatever serves Ingresses and OpenShift Routes: a pod of which nothing is known, as a source only."""
