"""Names of generated objects: valid, telling, never two alike."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.compile.names import policy_names
from licet.model.key import Key

SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
DEPLOYMENT = Key("", "apps", "Deployment", "shop", "web")
JOB = Key("", "batch", "Job", "shop", "web")


def test_names_say_the_workload() -> None:
    assert policy_names([DEPLOYMENT], cluster_scoped=False) == {DEPLOYMENT: "licet-web"}
    assert policy_names([DEPLOYMENT], cluster_scoped=True) == {DEPLOYMENT: "licet-shop.web"}


def test_the_kind_tells_two_of_one_name() -> None:
    assert policy_names([DEPLOYMENT, JOB], cluster_scoped=False) == {
        DEPLOYMENT: "licet-web-deployment",
        JOB: "licet-web-job",
    }


def test_one_name_in_two_namespaces_is_no_trouble() -> None:
    other = Key("", "apps", "Deployment", "bank", "web")
    assert policy_names([DEPLOYMENT, other], cluster_scoped=False) == {DEPLOYMENT: "licet-web", other: "licet-web"}


LABEL = st.text("ab-", min_size=1, max_size=4).map(lambda text: f"a{text}b")
KEYS = st.builds(
    Key,
    st.just(""),
    st.sampled_from(["apps", "example.com"]),
    st.sampled_from(["Deployment", "Job"]),
    LABEL,
    st.one_of(LABEL, st.sampled_from(["web", "web-deployment", "web-job", "a" * 253, "a" * 250 + ".bc"])),
)


@pytest.mark.parametrize("cluster_scoped", [False, True])
@given(found=st.lists(KEYS, unique=True, max_size=12))
def test_names_are_valid_and_never_two_alike(cluster_scoped: bool, found: list[Key]) -> None:
    names = policy_names(found, cluster_scoped=cluster_scoped)
    taken = {name if cluster_scoped else (key.namespace, name) for key, name in names.items()}
    assert len(taken) == len(found)
    for name in names.values():
        assert SUBDOMAIN.fullmatch(name), name
        assert len(f"{name}.clusternetworkpolicy.yaml") <= 230, (
            "a file beside it is written first, with more to its name"
        )
