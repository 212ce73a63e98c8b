"""What became of a request or connection, from what Envoy says of it: its RBAC filters, flags and details."""

from __future__ import annotations

import re

import msgspec
from envoy.data.accesslog.v3.accesslog_pb2 import AccessLogCommon, ResponseFlags  # type: ignore[import-untyped]

from licet.flows import tls
from licet.flows.record import Decision, Evidence, Failure, Phase, TlsFailure, Verdict

ADMISSION = "licet.admission"
"""What a connection keeps of who let it in, under this name, and its access log has as a tag of the same: `+`, `-` or
`~` (it would be refused where rules are enforced), and the name of the rule. It is known before any filter decides."""
_ENFORCER = "envoy"
_MATCHED = re.compile(r"rbac_access_denied(?:_matched_policy\[(.*)\])?", re.DOTALL)
_LONGEST = 512

_ATTEMPTED = "upstream_connection_failure"
_FAILURES = {
    "no_healthy_upstream": Failure.NO_ENDPOINT,
    "no_cluster_found": Failure.NO_ENDPOINT,
    "dns_resolution_failure": Failure.NO_ENDPOINT,
    "no_route_found": Failure.NO_ROUTE,
    _ATTEMPTED: Failure.NOT_REACHED,
    "upstream_connection_termination": Failure.RESET,
    "upstream_remote_reset": Failure.RESET,
    "local_reset": Failure.RESET,
    "upstream_protocol_error": Failure.RESET,
    "upstream_request_timeout": Failure.TIMEOUT,
    "stream_idle_timeout": Failure.TIMEOUT,
    "duration_timeout": Failure.TIMEOUT,
    "upstream_max_stream_duration_reached": Failure.TIMEOUT,
    "upstream_overflow": Failure.OVERLOAD,
    "overload_manager": Failure.OVERLOAD,
    "rate_limited": Failure.OVERLOAD,
    "upstream_retry_limit_exceeded": Failure.NOT_REACHED,
    "downstream_protocol_error": Failure.MALFORMED,
    "invalid_envoy_request_headers": Failure.MALFORMED,
    "no_filter_config_found": Failure.OTHER,
    "fault_injected": Failure.OTHER,
    "rate_limit_service_error": Failure.OTHER,
    "failed_local_healthcheck": Failure.OTHER,
    "downstream_remote_reset": Failure.CALLER_LEFT,
    "downstream_connection_termination": Failure.CALLER_LEFT,
}
"""By the flag's name, what says most first. Those left out (`delay_injected`, ...) are no failure."""


_OWN = frozenset(TlsFailure) - {TlsFailure.PEER_REFUSED, TlsFailure.NO_SECRET, TlsFailure.OTHER}
"""Why a proxy itself ends a handshake: the other side has not proved who it is. It is named as a rule would be."""


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """The verdict, none while nothing is decided; what decided; and why it failed or ended early."""

    verdict: Verdict | None
    decision: Decision | None = None
    failure: Failure | None = None


class _Engines(msgspec.Struct, gc=False):
    """What RBAC filters said, empty where they said nothing: of what is enforced, and of what is only tried."""

    enforced: str = ""
    rule: str = ""
    shadow: str = ""
    tried: str = ""


def outcome(common: AccessLogCommon, details: str, phase: Phase, refused_by: str, broken: str) -> Outcome:
    """What became of it.

    `details` are those of an HTTP response, empty for connections, which have them in `common`. `refused_by` names the
    rule where it is known without them that the proxy refused it. `broken` is why a connection
    came to nothing, empty where it did not.
    """
    admission = common.custom_tags.get(ADMISSION, "")
    rule = admission[1:]
    failure = _failure(common, broken, led=bool(rule))
    said = _engines(common)
    denied = _MATCHED.match(details or common.connection_termination_details)
    if denied is not None or said.enforced == "denied":
        rule = said.rule or (denied[1] or "" if denied is not None else "")
        return Outcome(Verdict.REFUSED, _decision(rule, said.tried), failure)
    if admission.startswith("-") and rule:
        return Outcome(Verdict.REFUSED, _decision(rule, ""))
    if refused_by:
        return Outcome(Verdict.REFUSED, _decision(refused_by, ""), failure)
    if common.response_flags.HasField("unauthorized_details"):
        return Outcome(Verdict.REFUSED, _decision("ext_authz", ""), failure)
    if said.shadow == "denied":
        return Outcome(Verdict.WOULD_REFUSE, _decision(said.tried, said.tried), failure)
    if admission.startswith("~") and rule:
        return Outcome(Verdict.WOULD_REFUSE, _decision(rule, rule), failure)
    # A filter for connections does not say which rule admits; the one that is tried beside it does.
    admitted = said.rule or (said.tried if said.shadow == "allowed" else "") or rule
    decision = _decision(admitted, said.tried) if admitted else None
    if failure is Failure.TLS and (cause := tls.cause(broken)) in _OWN:
        return Outcome(Verdict.REFUSED, _decision(cause.value, ""), failure)
    if failure is not None and failure is not Failure.CALLER_LEFT:
        return Outcome(Verdict.FAILED, decision, failure)
    decided = phase is not Phase.BEGUN or bool(said.enforced or rule)
    return Outcome(Verdict.FORWARDED if decided else None, decision, failure)


def _decision(rule: str, tried: str) -> Decision:
    return Decision(Evidence.ENFORCER, _ENFORCER, rule=rule[:_LONGEST], tried=tried[:_LONGEST])


def _engines(common: AccessLogCommon) -> _Engines:
    """Filters stand in the metadata under names of the configuration's choice, so each is looked at."""
    said = _Engines()
    if not common.HasField("metadata"):
        return said
    for filter in common.metadata.filter_metadata.values():
        fields = filter.fields
        if "enforced_engine_result" in fields and said.enforced != "denied":
            said.enforced = fields["enforced_engine_result"].string_value
            said.rule = _text(fields, "enforced_effective_policy_id")
        if "shadow_engine_result" in fields and said.shadow != "denied":
            said.shadow = fields["shadow_engine_result"].string_value
            said.tried = _text(fields, "shadow_effective_policy_id")
    return said


def _text(fields: msgspec.UnsetType | object, name: str) -> str:
    return str(fields[name].string_value) if name in fields else ""  # type: ignore[index, operator]


def _failure(common: AccessLogCommon, broken: str, *, led: bool) -> Failure | None:
    """Where `led`, a first attempt always failed; that there were too many says whether the program was reached."""
    if broken:
        return Failure.TLS if tls.concerns(broken) else Failure.NOT_REACHED
    if not common.HasField("response_flags"):
        return Failure.CALLER_LEFT if common.downstream_transport_failure_reason else None
    flags: ResponseFlags = common.response_flags
    told = (name for name in _FAILURES if getattr(flags, name) and not (led and name == _ATTEMPTED))
    return next((_FAILURES[name] for name in told), None)
