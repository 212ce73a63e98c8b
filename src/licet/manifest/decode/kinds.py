"""Which kinds are read, which do not matter, and which matter and are not read yet."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import msgspec

from licet.manifest.decode.cluster_policy import (
    AdminPolicyFields,
    BaselinePolicyFields,
    ClusterPolicyFields,
    admin_policy,
    baseline_policy,
    cluster_policy,
)
from licet.manifest.decode.custom_workloads import (
    KnativeService,
    Machine,
    MachineInstance,
    Rollout,
    knative_service,
    machine,
    machine_instance,
    rollout,
)
from licet.manifest.decode.fields import Reader
from licet.manifest.decode.gateways import GROUP as GATEWAY_API
from licet.manifest.decode.gateways import GatewayFields, GrantFields, gateway, reference_grant, route
from licet.manifest.decode.gateways import RouteFields as GatewayRouteFields
from licet.manifest.decode.namespaces import NamespaceFields, namespace
from licet.manifest.decode.network_policy import NetworkPolicyFields, network_policy
from licet.manifest.decode.routes import IngressFields, RouteFields, ingress, openshift_route
from licet.manifest.decode.selectors import Selectors
from licet.manifest.decode.services import (
    EndpointsFields,
    ServiceFields,
    SliceFields,
    endpoint_slice,
    endpoints,
    service,
)
from licet.manifest.decode.workloads import Controller, CronJob, Job, Pod, controller, cron_job, job, pod
from licet.model.key import Key


class Kind(msgspec.Struct, frozen=True):
    """How one kind is read: its wire type, what makes a value of the model of it, and where that goes.

    `versions` are checked where another version may mean something else.
    """

    group: str
    name: str
    wire: Any
    make: Callable[[Any, Key, Reader, Selectors], Any]
    into: str
    namespaced: bool = True
    versions: tuple[str, ...] = ()


def _controllers(group: str, *names: str) -> list[Kind]:
    return [Kind(group, name, Controller, controller, "workloads") for name in names]


def _gateway_routes(*names: str) -> list[Kind]:
    return [Kind(GATEWAY_API, name, GatewayRouteFields, route, "routes") for name in names]


def _cluster_policy(name: str, wire: Any, make: Callable[..., Any], version: str) -> Kind:
    return Kind("policy.networking.k8s.io", name, wire, make, "cluster_policies", False, (version,))


READ = {
    (kind.group, kind.name): kind
    for kind in (
        *_controllers("apps", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"),
        *_controllers("", "ReplicationController"),
        Kind("batch", "Job", Job, job, "workloads"),
        Kind("batch", "CronJob", CronJob, cron_job, "workloads"),
        Kind("", "Pod", Pod, pod, "workloads"),
        Kind("", "Namespace", NamespaceFields, namespace, "namespaces", namespaced=False),
        Kind("argoproj.io", "Rollout", Rollout, rollout, "workloads"),
        Kind("serving.knative.dev", "Service", KnativeService, knative_service, "workloads"),
        Kind("kubevirt.io", "VirtualMachine", Machine, machine, "workloads"),
        Kind("kubevirt.io", "VirtualMachineInstance", MachineInstance, machine_instance, "workloads"),
        Kind("networking.k8s.io", "NetworkPolicy", NetworkPolicyFields, network_policy, "network_policies"),
        _cluster_policy("ClusterNetworkPolicy", ClusterPolicyFields, cluster_policy, "v1alpha2"),
        _cluster_policy("AdminNetworkPolicy", AdminPolicyFields, admin_policy, "v1alpha1"),
        _cluster_policy("BaselineAdminNetworkPolicy", BaselinePolicyFields, baseline_policy, "v1alpha1"),
        Kind("", "Service", ServiceFields, service, "services"),
        Kind("discovery.k8s.io", "EndpointSlice", SliceFields, endpoint_slice, "slices"),
        Kind("", "Endpoints", EndpointsFields, endpoints, "slices"),
        Kind("networking.k8s.io", "Ingress", IngressFields, ingress, "routes"),
        Kind("route.openshift.io", "Route", RouteFields, openshift_route, "routes"),
        *_gateway_routes("HTTPRoute", "GRPCRoute", "TCPRoute", "UDPRoute", "TLSRoute"),
        Kind(GATEWAY_API, "Gateway", GatewayFields, gateway, "gateways"),
        Kind(GATEWAY_API, "ReferenceGrant", GrantFields, reference_grant, "grants"),
    )
}
"""The kinds that are read, by group and name."""

FORMER_GROUPS = {
    ("extensions", "Deployment"): "apps",
    ("extensions", "DaemonSet"): "apps",
    ("extensions", "ReplicaSet"): "apps",
    ("extensions", "NetworkPolicy"): "networking.k8s.io",
    ("extensions", "Ingress"): "networking.k8s.io",
}
"""Kinds that moved to another group; an object is the same one in both."""

BUILT_IN = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "extensions",
        "flowcontrol.apiserver.k8s.io",
        "imagepolicy.k8s.io",
        "internal.apiserver.k8s.io",
        "metrics.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "snapshot.storage.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    }
)
"""Groups whose other kinds decide nothing about who reaches whom."""

SILENT = frozenset({"gateway.networking.k8s.io", "licet.dev", "kustomize.config.k8s.io", "config.kubernetes.io"})
"""Groups that are read elsewhere, or that are tools' own files."""

_POLICY = "these policies allow or deny traffic"
_MESH = "the mesh allows or denies traffic by them"
_NETWORK = "they put pods on networks of their own"

UNREAD: dict[tuple[str, str], str] = {
    ("cilium.io", "CiliumNetworkPolicy"): _POLICY,
    ("cilium.io", "CiliumClusterwideNetworkPolicy"): _POLICY,
    ("cilium.io", "CiliumLocalRedirectPolicy"): "it sends traffic elsewhere",
    ("projectcalico.org", "NetworkPolicy"): _POLICY,
    ("projectcalico.org", "GlobalNetworkPolicy"): _POLICY,
    ("projectcalico.org", "StagedNetworkPolicy"): _POLICY,
    ("projectcalico.org", "Tier"): _POLICY,
    ("crd.projectcalico.org", "NetworkPolicy"): _POLICY,
    ("crd.projectcalico.org", "GlobalNetworkPolicy"): _POLICY,
    ("crd.projectcalico.org", "Tier"): _POLICY,
    ("crd.antrea.io", "NetworkPolicy"): _POLICY,
    ("crd.antrea.io", "ClusterNetworkPolicy"): _POLICY,
    ("crd.antrea.io", "Tier"): _POLICY,
    ("security.istio.io", "AuthorizationPolicy"): _MESH,
    ("security.istio.io", "PeerAuthentication"): _MESH,
    ("security.istio.io", "RequestAuthentication"): _MESH,
    ("networking.istio.io", "Sidecar"): _MESH,
    ("networking.istio.io", "Gateway"): "it lets traffic in",
    ("networking.istio.io", "VirtualService"): "it sends traffic elsewhere",
    ("policy.linkerd.io", "Server"): _MESH,
    ("policy.linkerd.io", "ServerAuthorization"): _MESH,
    ("policy.linkerd.io", "AuthorizationPolicy"): _MESH,
    ("policy.linkerd.io", "HTTPRoute"): _MESH,
    ("policy.linkerd.io", "EgressNetwork"): _MESH,
    ("k8s.cni.cncf.io", "MultiNetworkPolicy"): _POLICY,
    ("k8s.cni.cncf.io", "NetworkAttachmentDefinition"): _NETWORK,
    ("k8s.ovn.org", "UserDefinedNetwork"): _NETWORK,
    ("k8s.ovn.org", "ClusterUserDefinedNetwork"): _NETWORK,
    ("k8s.ovn.org", "EgressFirewall"): _POLICY,
    ("network.openshift.io", "EgressNetworkPolicy"): _POLICY,
    ("gateway.networking.k8s.io", "ListenerSet"): "it lets traffic in",
}
"""Kinds that decide about traffic and are not read, with what they do."""


def misplaced(group: str, kind: str) -> str | None:
    """The built-in group that has the kind, where the built-in group given has no such kind."""
    if group not in BUILT_IN:
        return None
    return next((g for g, name in READ if name == kind and g in BUILT_IN), None)


def misspelt(group: str, kind: str) -> str | None:
    """The kind that is read and nearly bears this name, where the group is built in."""
    if group not in BUILT_IN:
        return None
    known = {name.lower(): name for g, name in READ if g in BUILT_IN}
    close = difflib.get_close_matches(kind.lower(), known, 1, 0.85)
    return known[close[0]] if close else None
