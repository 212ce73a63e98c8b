"""The shipped profiles: what each enforcer does where the API leaves it open, with the source of every answer.

`docs/profiles.md` is the same table for people; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from licet.model.profile import Profile
from licet.model.ternary import Ternary

DEFAULT = "kubernetes"

_CONCEPT = "https://kubernetes.io/docs/concepts/services-networking/network-policies/"
_ANP = "https://network-policy-api.sigs.k8s.io/reference/spec/"
_CALICO = "https://github.com/projectcalico/calico"
_CILIUM = "https://docs.cilium.io/en/stable"
_ANTREA = "https://github.com/antrea-io/antrea"
_OVN = "https://github.com/ovn-kubernetes/ovn-kubernetes"
_OKD = "https://docs.okd.io/latest/networking/network_security/network_policy/about-network-policy.html"
_SIGS = "https://github.com/kubernetes-sigs/kube-network-policies/blob/v0.8.0/pkg/networkpolicy"

_SHIPPED = (
    Profile(
        name="kubernetes",
        block_matches_pods=Ternary.UNKNOWN,
        block_matches_nodes=Ternary.UNKNOWN,
        selects_host_network=Ternary.UNKNOWN,
        end_port=Ternary.YES,
        other_protocols_denied=Ternary.UNKNOWN,
        experimental=False,
        sources=(
            ("block_matches_pods", f"{_CONCEPT}#behavior-of-to-and-from-selectors"),
            ("block_matches_nodes", f"{_CONCEPT}#networkpolicy-and-hostnetwork-pods"),
            ("selects_host_network", f"{_CONCEPT}#networkpolicy-and-hostnetwork-pods"),
            ("end_port", f"{_CONCEPT}#targeting-a-range-of-ports"),
            ("other_protocols_denied", f"{_CONCEPT}#network-traffic-filtering"),
            ("experimental", _ANP),
        ),
    ),
    Profile(
        name="calico",
        block_matches_pods=Ternary.YES,
        block_matches_nodes=Ternary.UNKNOWN,
        selects_host_network=Ternary.NO,
        end_port=Ternary.YES,
        other_protocols_denied=Ternary.YES,
        experimental=False,
        sources=(
            ("block_matches_pods", f"{_CALICO}/issues/6634"),
            ("block_matches_nodes", "https://github.com/rancher/rke2/issues/1227"),
            ("selects_host_network", f"{_CALICO}/issues/4493"),
            ("end_port", f"{_CALICO}/blob/master/libcalico-go/lib/backend/k8s/conversion/conversion.go"),
            ("other_protocols_denied", f"{_CALICO}/blob/master/libcalico-go/lib/backend/k8s/conversion/conversion.go"),
            ("experimental", "https://github.com/kubernetes-sigs/network-policy-api/pull/376"),
        ),
    ),
    Profile(
        name="cilium",
        block_matches_pods=Ternary.NO,
        block_matches_nodes=Ternary.NO,
        selects_host_network=Ternary.NO,
        end_port=Ternary.YES,
        other_protocols_denied=Ternary.YES,
        experimental=False,
        sources=(
            ("block_matches_pods", f"{_CILIUM}/network/kubernetes/policy/#networkpolicy"),
            ("block_matches_nodes", f"{_CILIUM}/security/policy/layer3/#selecting-nodes-with-cidr-ipblock"),
            ("selects_host_network", f"{_CILIUM}/security/policy/layer3/#entities-based"),
            ("end_port", "https://github.com/cilium/cilium/pull/32807"),
            (
                "other_protocols_denied",
                "https://github.com/cilium/cilium/security/advisories/GHSA-c66w-hq56-4q97",
            ),
            ("experimental", _ANP),
        ),
    ),
    Profile(
        name="antrea",
        block_matches_pods=Ternary.YES,
        block_matches_nodes=Ternary.UNKNOWN,
        selects_host_network=Ternary.NO,
        end_port=Ternary.YES,
        other_protocols_denied=Ternary.YES,
        experimental=False,
        sources=(
            ("block_matches_pods", f"{_ANTREA}/issues/1764"),
            ("block_matches_nodes", f"{_ANTREA}/issues/3078"),
            ("selects_host_network", f"{_ANTREA}/issues/3078"),
            ("end_port", f"{_ANTREA}/issues/1638"),
            ("other_protocols_denied", f"{_ANTREA}/blob/main/docs/design/ovs-pipeline.md"),
            ("experimental", f"{_ANTREA}/blob/main/docs/admin-network-policy.md"),
        ),
    ),
    Profile(
        name="ovn-kubernetes",
        block_matches_pods=Ternary.YES,
        block_matches_nodes=Ternary.UNKNOWN,
        selects_host_network=Ternary.NO,
        end_port=Ternary.YES,
        other_protocols_denied=Ternary.UNKNOWN,
        experimental=True,
        sources=(
            ("block_matches_pods", f"{_OVN}/blob/master/go-controller/pkg/ovn/gress_policy.go"),
            ("block_matches_nodes", f"{_OVN}/issues/1635"),
            ("selects_host_network", _OKD),
            ("end_port", f"{_OVN}/blob/master/go-controller/pkg/ovn/gress_policy.go"),
            ("other_protocols_denied", _OKD),
            ("experimental", f"{_OVN}/issues/4214"),
        ),
    ),
    Profile(
        name="kube-network-policies",
        block_matches_pods=Ternary.YES,
        block_matches_nodes=Ternary.UNKNOWN,
        selects_host_network=Ternary.NO,
        end_port=Ternary.YES,
        other_protocols_denied=Ternary.YES,
        experimental=True,
        sources=(
            ("block_matches_pods", f"{_SIGS}/networkpolicy.go"),
            ("block_matches_nodes", f"{_SIGS}/packet.go"),
            ("selects_host_network", f"{_SIGS}/controller.go"),
            ("end_port", f"{_SIGS}/networkpolicy.go"),
            ("other_protocols_denied", f"{_SIGS}/packet.go"),
            ("experimental", f"{_SIGS}/networkpolicyapi.go"),
        ),
    ),
)

PROFILES: Mapping[str, Profile] = MappingProxyType({profile.name: profile for profile in _SHIPPED})
"""The shipped profiles by the name that `--enforcer` takes."""
