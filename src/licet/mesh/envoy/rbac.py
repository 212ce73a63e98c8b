"""The policy of a served port: who is let in, to what, and by which name it is told.

It is a resource of its own, so that a change of it touches no listener and drains nobody, and holds for the next
request or connection at once. Callers stand in one map by identity: of 5,000 one is found as fast as of one. Those
without a certificate have a resource of their own, since Envoy cannot ask a plain connection for an identity.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

import msgspec
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig  # type: ignore[import-untyped]
from envoy.extensions.filters.http.rbac.v3.rbac_pb2 import RBAC as HttpRbac  # type: ignore[import-untyped]
from envoy.extensions.filters.network.rbac.v3.rbac_pb2 import RBAC as NetworkRbac  # type: ignore[import-untyped]
from xds.type.matcher.v3.matcher_pb2 import Matcher  # type: ignore[import-untyped]

from licet.contracts.contract import GrpcMatch, HttpMatch
from licet.mesh.envoy import admission, matching, names
from licet.mesh.envoy.matching import Outcome, Predicate
from licet.mesh.envoy.source import packed
from licet.mesh.fleet import Fleet, Stage
from licet.mesh.intent import DEFAULT_DENY, FOREIGN_ADDRESS, REVOKED, From, Rule, Served, Speaks
from licet.mesh.resource import Resource
from licet.model.addresses import AddressSet

ALIVE = "alive"
"""The name of what admits the prober."""
_REMEMBERED = 4096
"""What many callers may ask for, and where one of them is, is written once."""


class Policy(msgspec.Struct, frozen=True):
    """The filter for callers with a certificate, and one for those without where such are heard.

    Of ports of bytes `admissions` decide the same before a byte is said. `mark` says the content of all. The prober
    alone is admitted to what has it in its name (see `names`), so that it sees whether exactly this policy is live.
    """

    resource: Resource
    plain: Resource | None
    mark: str
    admissions: tuple[Resource, ...] = ()

    @property
    def resources(self) -> tuple[Resource, ...]:
        """Everything of it that a sidecar is told."""
        return (self.resource, *((self.plain,) if self.plain is not None else ()), *self.admissions)


def policy(served: Served, stage: Stage, fleet: Fleet) -> Policy:
    """The policy of a served port of a sidecar at this stage."""
    known, strangers = _known(served, stage, fleet), _strangers(served)
    heard = hears_strangers(served, stage)
    unknown = matching.denied(DEFAULT_DENY) if served.strict else strangers
    mark = _mark(served, stage, known, strangers, unknown if heard else None)
    if fleet.prober:
        known[fleet.prober] = _proving(served, mark, known.get(fleet.prober, strangers))
    judged = matching.by_identity(known, strangers)
    if stage is Stage.ENFORCE:
        proven, plain = _filter(served, judged), _filter(served, Matcher(on_no_match=unknown))
    else:
        passed = matching.allowed(stage.value)
        # Whatever else passes for now, who is revoked does not.
        judging = {each: known[each] for each in (*fleet.denied, fleet.prober) if each in known}
        passing = matching.by_identity(judging, passed)
        shadowed = stage is Stage.SHADOW
        proven = _filter(served, passing, judged if shadowed else None)
        plain = _filter(served, Matcher(on_no_match=passed), Matcher(on_no_match=unknown) if shadowed else None)
    return Policy(
        _resource(names.policy(served.port), proven),
        _resource(names.plain_policy(served.port), plain) if heard else None,
        mark,
        tuple(_admissions(served, stage, fleet, mark)),
    )


def hears_strangers(served: Served, stage: Stage) -> bool:
    """Whether callers without a certificate are heard."""
    return not served.strict or stage is not Stage.ENFORCE


def _admissions(served: Served, stage: Stage, fleet: Fleet, mark: str) -> Iterator[Resource]:
    if served.speaks is Speaks.TCP:
        yield admission.of_proven(served, stage, fleet, mark)
        if hears_strangers(served, stage):
            yield admission.of_strangers(served, stage)


def _known(served: Served, stage: Stage, fleet: Fleet) -> dict[str, Outcome]:
    """What is decided of each identity of which there is anything to say."""
    trees: dict[tuple[int, ...], Outcome] = {}
    found: dict[str, Outcome] = {}
    for identity, indices in admission.concerned(served, stage, fleet).items():
        key = tuple(indices)
        if key not in trees:
            trees[key] = _first(served, [served.rules[index] for index in key])
        found[identity] = _believed(identity, trees[key], fleet)
    return found


def _believed(identity: str, tree: Outcome, fleet: Fleet) -> Outcome:
    if identity in fleet.denied:
        return matching.denied(REVOKED)
    bound = fleet.bound.get(identity)
    if bound is None:
        return tree
    foreign = matching.denied(FOREIGN_ADDRESS)
    if not bound:
        return foreign
    return matching.then(matching.in_order([(_at(bound), tree)], foreign))


@lru_cache(_REMEMBERED)
def _at(addresses: frozenset[str]) -> Predicate:
    return matching.from_addresses(AddressSet.of(addresses))


def _strangers(served: Served) -> Outcome:
    """What is decided of callers that no rule knows by an identity: their address is all there is."""
    return _first(served, [rule for rule in served.rules if isinstance(rule.who, From)])


def _first(served: Served, rules: Iterable[Rule]) -> Outcome:
    """The first of these rules that lets through; whom they know by identity has shown it."""
    cases: list[tuple[Predicate, Outcome]] = []
    for rule in rules:
        needed = [matching.from_addresses(rule.who.addresses)] if isinstance(rule.who, From) else []
        if served.speaks is Speaks.HTTP and (rule.http or rule.grpc):
            asked = [_requests(match) for match in rule.http] + [_calls(match) for match in rule.grpc]
            if None not in asked:
                needed.append(matching.either([each for each in asked if each is not None]))
        if not needed:
            return matching.then(matching.in_order(cases, matching.allowed(rule.name)))
        cases.append((matching.both(needed), matching.allowed(rule.name)))
    return matching.then(matching.in_order(cases, matching.denied(DEFAULT_DENY)))


@lru_cache(_REMEMBERED)
def _requests(match: HttpMatch) -> Predicate | None:
    """None where it is every request."""
    needed = [matching.either([matching.method(each) for each in match.methods])] if match.methods else []
    prefix = match.path.rstrip("/")
    if match.exact:
        needed.append(matching.path(match.path))
    elif prefix:
        needed.append(matching.either([matching.path(prefix), matching.path_begins(prefix + "/")]))
    return matching.both(needed) if needed else None


@lru_cache(_REMEMBERED)
def _calls(match: GrpcMatch) -> Predicate:
    called = (
        matching.either([matching.path(f"/{match.service}/{name}") for name in match.methods])
        if match.methods
        else matching.path_begins(f"/{match.service}/")
    )
    return matching.both([matching.method("POST"), called])


def _proving(served: Served, mark: str, otherwise: Outcome) -> Outcome:
    """The one thing that the prober is admitted to, and that nothing like it is."""
    if served.speaks is Speaks.HTTP:
        exactly, alike = matching.path(names.ALIVE_PATH + mark), matching.path_begins(names.ALIVE_PATH)
    else:
        admitted_by_it = matching.kept(admission.MARK, mark)
        exactly = matching.both([matching.server_named(f"{mark}.{names.ALIVE_NAME}"), admitted_by_it])
        alike = matching.server_under(names.ALIVE_NAME)
    cases = [(exactly, matching.allowed(ALIVE)), (alike, matching.denied(DEFAULT_DENY))]
    return matching.then(matching.in_order(cases, otherwise))


def _mark(served: Served, stage: Stage, known: Mapping[str, Outcome], *others: Outcome | None) -> str:
    code = hashlib.sha256(f"{served.port}\n{served.speaks.value}\n{stage.value}\n".encode())
    for name, outcome in [*known.items(), *(("", each) for each in others)]:
        body = b"" if outcome is None else outcome.SerializeToString(deterministic=True)
        code.update(f"{name}\n{len(body)}\n".encode() + body)
    return code.hexdigest()[:16]


def _filter(served: Served, enforced: Matcher, shadowed: Matcher | None = None) -> HttpRbac | NetworkRbac:
    rules = {"matcher": enforced} if shadowed is None else {"matcher": enforced, "shadow_matcher": shadowed}
    if served.speaks is Speaks.HTTP:
        return HttpRbac(**rules)
    # Of connections Envoy says which rule was tried, and never which one let them through: so the same is tried too.
    return NetworkRbac(stat_prefix=names.inbound(served.port), **{"shadow_matcher": enforced, **rules})


def _resource(name: str, filter: HttpRbac | NetworkRbac) -> Resource:
    return Resource.of(name, TypedExtensionConfig(name=name, typed_config=packed(filter)))
