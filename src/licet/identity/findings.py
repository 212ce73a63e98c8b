"""What `licet identity doctor` finds, L0500 to L0549, and what a node does of its sidecars."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from licet.diag.diagnostic import Diagnostic, Severity
from licet.diag.failure import Failure
from licet.diag.wording import lasting, listed
from licet.identity.authority import Authority, Kind
from licet.identity.entry import Entry
from licet.identity.node.roster import Known
from licet.identity.spiffeid import SpiffeID, TrustDomain

_LISTED = 3
_LONGEST = 200
_RESTORE = "restore the domain from a backup, or taint the authority: `licet identity taint`"
_RUN = "run a server: `licet identity serve` rotates by itself"


def unopened(reason: str) -> Diagnostic:
    """The secret does not open what it should, or is not there."""
    return Diagnostic(
        "L0500",
        Severity.ERROR,
        f"no key can be opened: {reason}",
        help="name the right secret with `--key-file` or `--passphrase-file`, or restore a backup",
    )


def bad_key(authority: Authority, failure: Failure) -> Diagnostic:
    """A private key that is gone, altered or another one's."""
    message = f"the key of {named(authority)} cannot be used: {failure.message}"
    return Diagnostic("L0501", Severity.ERROR, message, help=_RESTORE, notes=(failure.help,))


def bad_certificate(authority: Authority, reason: str) -> Diagnostic:
    """A certificate that others will not accept."""
    message = f"the certificate of {named(authority)} is not accepted: {reason}"
    return Diagnostic("L0502", Severity.ERROR, message, help=_RESTORE)


def altered(failure: Failure) -> Diagnostic:
    """Rows that somebody without the sealing secret changed."""
    return Diagnostic("L0509", Severity.ERROR, failure.message, help=failure.help)


def nobody_signs(kind: Kind) -> Diagnostic:
    """No authority of a kind is active."""
    return Diagnostic("L0503", Severity.ERROR, f"no {kind.value} authority signs", help=_RUN)


def ended(authority: Authority, now: datetime) -> Diagnostic:
    """The authority that signs is over."""
    message = f"{named(authority)}, which signs, ended {lasting(now - authority.not_after)} ago"
    return Diagnostic("L0504", Severity.ERROR, message, help=_RUN)


def without_successor(authority: Authority, now: datetime) -> Diagnostic:
    """In its last sixth, and nobody to follow."""
    message = f"{named(authority)} ends in {lasting(authority.not_after - now)} and has no successor"
    return Diagnostic("L0505", Severity.ERROR, message, help=f"{_RUN}; by hand, `licet identity rotate`")


def overdue(authority: Authority, now: datetime) -> Diagnostic:
    """A successor stands ready, and should have taken over."""
    message = f"{named(authority)} ends in {lasting(authority.not_after - now)}, and its successor does not sign yet"
    return Diagnostic("L0506", Severity.WARNING, message, help=f"{_RUN}; by hand, `licet identity rotate`")


def no_reserve() -> Diagnostic:
    """No root in reserve."""
    return Diagnostic(
        "L0507",
        Severity.ERROR,
        "no root is in reserve: a stolen one could not be replaced by a key that is believed already",
        help="run a server, or `licet identity rotate root --prepare`",
    )


def bad_lifetimes(failure: Failure) -> Diagnostic:
    """Settings that cannot be rotated safely."""
    return Diagnostic("L0508", Severity.ERROR, failure.message, help=failure.help)


def clocks_differ(apart: timedelta, allowed: timedelta) -> Diagnostic:
    """This machine's clock and the database server's."""
    severity = Severity.ERROR if abs(apart) > allowed else Severity.WARNING
    which = "ahead of" if apart > timedelta() else "behind"
    return Diagnostic(
        "L0510",
        severity,
        f"this machine's clock is {lasting(abs(apart))} {which} that of the database's server",
        help="synchronise both (chrony, systemd-timesyncd)",
        notes=(f"certificates begin {lasting(allowed)} early, for clocks that are apart by less",),
    )


def from_the_future(what: str, ahead: timedelta) -> Diagnostic:
    """Something stored that has not happened yet."""
    return Diagnostic(
        "L0511",
        Severity.ERROR,
        f"{what} is {lasting(ahead)} in the future: this clock went back, or another one was ahead",
        help="synchronise the clocks of all servers, then rotate what was issued meanwhile",
    )


def never_fetched(domain: TrustDomain, failure: str) -> Diagnostic:
    """A federated domain without a bundle."""
    return Diagnostic(
        "L0515",
        Severity.ERROR,
        f"no bundle of `{domain}` was ever had: nobody of it is believed",
        help="see that its endpoint answers, or give its bundle to `licet identity federation`",
        notes=(failure,) if failure else (),
    )


def stale(domain: TrustDomain, age: timedelta, failure: str) -> Diagnostic:
    """A federated domain whose bundle is old."""
    return Diagnostic(
        "L0516",
        Severity.WARNING,
        f"the bundle of `{domain}` was last fetched {lasting(age)} ago: its rotations are missed",
        help="see that its endpoint answers, and that a server runs here",
        notes=(failure,) if failure else (),
    )


def unknown_domain(entry: Entry, domain: TrustDomain) -> Diagnostic:
    """An entry that is to believe a domain that nobody federates with."""
    return Diagnostic(
        "L0517",
        Severity.WARNING,
        f"`{entry.spiffe_id}` is to believe `{domain}`, which this domain does not trust",
        help="`licet identity federation` trusts it, or change the entry",
        notes=(f"entry `{entry.id}`",),
    )


def expired_node(node: Known, now: datetime) -> Diagnostic:
    """An agent whose certificate is over."""
    return Diagnostic(
        "L0520",
        Severity.WARNING,
        f"the certificate of node `{node.spiffe_id}` ended {lasting(now - node.expires_at)} ago",
        help="let it join again, or ban it if it is gone for good: `licet identity agents`",
    )


def behind(node: Known, versions: int) -> Diagnostic:
    """A live agent that does not follow."""
    return Diagnostic(
        "L0521",
        Severity.WARNING,
        f"node `{node.spiffe_id}` is {versions} version{'s' if versions > 1 else ''} behind",
        help="look at its log: something cannot be issued again, or workloads do not take it",
    )


def readable_folder(path: str) -> Diagnostic:
    """A data folder that others may look into."""
    return Diagnostic(
        "L0525", Severity.WARNING, f"others may look into the data folder `{path}`", help=f"chmod 700 {path}"
    )


def key_beside_database(path: str) -> Diagnostic:
    """One copy of the folder holds both."""
    return Diagnostic(
        "L0526",
        Severity.INFO,
        f"the sealing key `{path}` lies beside the database: whoever copies the folder has both",
        help="keep it elsewhere (`--key-file`, a systemd credential), or seal with a passphrase",
    )


def open_folder(path: str) -> Diagnostic:
    """A socket's folder that others may write."""
    return Diagnostic(
        "L0527",
        Severity.ERROR,
        f"others may write in `{path}`, and put a socket of their own there",
        help=f"chmod go-w {path}",
    )


def unusable_database(failure: Failure) -> Diagnostic:
    """A database that cannot be opened or read."""
    return Diagnostic("L0530", Severity.ERROR, failure.message, help=failure.help)


def little_room(path: str, free: int, least: int) -> Diagnostic:
    """A disk that is nearly full."""
    return Diagnostic(
        "L0531",
        Severity.ERROR if free < least // 8 else Severity.WARNING,
        f"{free >> 20:,} MiB are free where `{path}` is: without room nothing is issued, since nothing is recorded",
        help="make room",
    )


def few_files(affordable: int, wanted: int) -> Diagnostic:
    """A limit of open files below what is configured."""
    return Diagnostic(
        "L0532",
        Severity.WARNING,
        f"the limit of open files leaves room for {affordable:,} connections of workloads, not {wanted:,}",
        help="raise it for the server: `LimitNOFILE=65536` in its unit, or `ulimit -n 65536`",
    )


def broken_log(failure: Failure) -> Diagnostic:
    """A log that is not what was signed or remembered."""
    return Diagnostic("L0535", Severity.ERROR, failure.message, help=failure.help)


def faulty_log(faults: Sequence[str]) -> Diagnostic:
    """A log whose records are not those that were written."""
    return Diagnostic(
        "L0536",
        Severity.ERROR,
        f"the log is not what was written: {len(faults)} fault{'s' if len(faults) > 1 else ''}",
        help="`licet audit verify` names each; restore the log from a backup",
        notes=tuple(faults[:_LISTED]),
    )


def unreachable(path: str, reason: str) -> Diagnostic:
    """Nobody answers at the socket."""
    return Diagnostic(
        "L0537",
        Severity.ERROR,
        f"the Workload API does not answer at `{path}`: {reason}",
        help="see that `licet identity serve` or `agent` runs with this `--socket`, and look at its log",
    )


def bad_answer(path: str, failure: Failure) -> Diagnostic:
    """An SVID from the socket that does not verify."""
    return Diagnostic(
        "L0538",
        Severity.ERROR,
        f"what the Workload API at `{path}` hands out is not accepted: {failure.message}",
        help="compare the clocks of node and server; look at the log of the node",
    )


def nobody(path: str, uid: int) -> Diagnostic:
    """The socket answers, and whoever runs the doctor has no identity."""
    return Diagnostic(
        "L0539",
        Severity.INFO,
        f"the Workload API answers at `{path}`; user {uid}, who asks, has no identity",
        help="nothing to do, unless this user should have one: `licet identity entries add`",
    )


def same_selectors(entries: Sequence[Entry]) -> Diagnostic:
    """Several identities for whoever shows the same."""
    first = entries[0]
    return Diagnostic(
        "L0540",
        Severity.WARNING,
        f"whoever shows {listed(first.selectors, _LISTED)} is {listed([str(e.spiffe_id) for e in entries], _LISTED)}"
        " at once, and clients take the first",
        help="tell them apart by one more selector, or remove what is not meant",
        notes=(f"entries {listed([entry.id for entry in entries], _LISTED)}",),
    )


def never_matches(entry: Entry, selectors: Sequence[str]) -> Diagnostic:
    """Selectors that no process shows together."""
    both = " and ".join(f"`{each}`" for each in selectors)
    return Diagnostic(
        "L0541",
        Severity.WARNING,
        f"nobody can be `{entry.spiffe_id}`: no process shows {both} at once",
        help="register one entry for each: selectors of one entry have to be shown together",
        notes=(f"entry `{entry.id}`",),
    )


def unknown_selector(entry: Entry, selector: str) -> Diagnostic:
    """A selector of a kind that is not attested."""
    return Diagnostic(
        "L0542",
        Severity.WARNING,
        f"nobody can be `{entry.spiffe_id}`: nothing attests `{selector}`",
        help="`unix:uid`, `unix:gid`, `unix:path`, `unix:sha256` and those of `k8s:` are attested",
        notes=(f"entry `{entry.id}`",),
    )


def program_alone(entry: Entry) -> Diagnostic:
    """Whoever may execute a program is what the program is."""
    return Diagnostic(
        "L0546",
        Severity.WARNING,
        f"every user who may execute a program can be `{entry.spiffe_id}`",
        help="add who runs it, such as `unix:uid:1000`: a program does what its user has it do",
        notes=(f"entry `{entry.id}`",),
    )


def unknown_node(entry: Entry, node: SpiffeID, banned: bool) -> Diagnostic:
    """An entry on nodes that are not there."""
    return Diagnostic(
        "L0543",
        Severity.WARNING,
        f"`{entry.spiffe_id}` is registered on `{node}`, which {'is banned' if banned else 'never joined'}",
        help="correct the node's name, or let it join: `licet identity agents`",
        notes=(f"entry `{entry.id}`",),
    )


def revoked_entry(entry: Entry) -> Diagnostic:
    """An entry for a revoked identity."""
    return Diagnostic(
        "L0544",
        Severity.INFO,
        f"`{entry.spiffe_id}` is registered and revoked: nothing is issued for it",
        help="remove the entry, or take the revocation back: `licet identity permit`",
        notes=(f"entry `{entry.id}`",),
    )


def bad_entry(entry: Entry, failure: Failure) -> Diagnostic:
    """An entry that would be refused today."""
    return Diagnostic("L0545", Severity.ERROR, failure.message, help=failure.help, notes=(f"entry `{entry.id}`",))


def secret_rejected(node: str, secret: str, note: str) -> Diagnostic:
    """A secret that Envoy cannot use; it goes on with the one it has until that expires."""
    return Diagnostic(
        "L0547",
        Severity.ERROR,
        f"the sidecar `{node[:_LONGEST]}` does not take the secret `{secret[:_LONGEST]}`, and keeps the one it has",
        help="look at what the identity node hands out (`licet identity doctor`), before the old one expires",
        notes=(note,),
    )


def named(authority: Authority) -> str:
    """An authority in words."""
    return f"{authority.kind.value} `{authority.id[:16]}`"
