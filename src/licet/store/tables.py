"""The tables. Times are RFC 3339 in UTC, since SQLite has no type for them and text of one width sorts as time does."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData(
    # So that a revision can name what it takes away, on either engine.
    naming_convention={"pk": "%(table_name)s_key", "fk": "%(table_name)s_%(column_0_name)s_reference"}
)

_NUMBER = BigInteger().with_variant(Integer, "sqlite")

domain = Table(
    "domain",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("trust_domain", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("seal", Text, nullable=False),
    Column("version", _NUMBER, nullable=False),
    Column("sequence", _NUMBER, nullable=False),
    Column("log_key", LargeBinary, nullable=False),
    Column("log_public_key", LargeBinary, nullable=False),
    Column("code", LargeBinary, nullable=False),
)
"""The one row of a trust domain. `version` grows with every change that nodes have to hear of, `sequence` with every
change of the bundle (SPIFFE_Trust_Domain_and_Bundle.md 4.1.1); `seal` says how the secret that opens keys is told
apart from a wrong one; `log_key` is sealed, and `code` tells whether anything was changed
by somebody without the sealing secret."""

authority = Table(
    "authority",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("issuer", Text, ForeignKey("authority.id")),
    Column("certificate", LargeBinary),
    Column("public_key", LargeBinary, nullable=False),
    Column("keeper", Text, nullable=False),
    Column("handle", LargeBinary),
    Column("not_before", Text, nullable=False),
    Column("not_after", Text, nullable=False),
    Column("changed_at", Text, nullable=False),
)
"""Signing keys: `id` is the SHA-256 of the SubjectPublicKeyInfo in hexadecimal, which is the key's pin too; `handle` is
what `keeper` finds the private key by, and is gone once the authority is revoked."""

entry = Table(
    "entry",
    metadata,
    Column("id", Text, primary_key=True),
    Column("spiffe_id", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("revision", _NUMBER, nullable=False),
)
Index("entry_spiffe_id", entry.c.spiffe_id)

node = Table(
    "node",
    metadata,
    Column("spiffe_id", Text, primary_key=True),
    Column("attested_by", Text, nullable=False),
    Column("attested_at", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    Column("serial", Text, nullable=False),
    Column("banned", Integer, nullable=False),
    Column("applied_version", _NUMBER, nullable=False),
    Column("seen_at", Text, nullable=False),
)
"""Agents: `serial` is that of the certificate they have to show, `applied_version` what they last said to follow."""

join_token = Table(
    "join_token",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("spiffe_id", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    Column("used_at", Text),
)

issuance = Table(
    "issuance",
    metadata,
    Column("serial", Text, primary_key=True),
    Column("spiffe_id", Text, nullable=False),
    Column("entry", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("not_after", Text, nullable=False),
)
Index("issuance_not_after", issuance.c.not_after)
"""X.509-SVIDs that have not expired; what has is in the log."""

denial = Table(
    "denial",
    metadata,
    Column("spiffe_id", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("denied_at", Text, nullable=False),
)
"""Identities that are revoked: nothing is issued for them, and the mesh ends what they have open."""

foreign_domain = Table(
    "foreign_domain",
    metadata,
    Column("trust_domain", Text, primary_key=True),
    Column("profile", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("endpoint_id", Text, nullable=False),
    Column("bundle", Text),
    Column("fetched_at", Text),
    Column("failure", Text, nullable=False),
    Column("distrusted", Integer, nullable=False),
)
"""Trust domains that this one is federated with, and the last bundle that came from each."""

rollout = Table(
    "rollout",
    metadata,
    Column("workload", Text, primary_key=True),
    Column("mode", Text, nullable=False),
    Column("share", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("changed_at", Text, nullable=False),
)
"""Workloads that are held back from what their contract says; `share` is the percentage of instances of a canary."""

instance = Table(
    "instance",
    metadata,
    Column("id", Text, primary_key=True),
    Column("workload", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("server", Text, nullable=False),
    Column("changed_at", Text, nullable=False),
    Column("left_at", Text),
)
"""Sidecars by Envoy's node id, and where others reach them. `server` is the control plane that one was last connected
to, `left_at` since when it is connected to none."""

record = Table(
    "record",
    metadata,
    Column("position", _NUMBER, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("size", _NUMBER, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("head", LargeBinary, nullable=False),
)
"""Signed heads of the log; `frontier` holds the hashes of the full subtrees, from which the tree grows on, `head` the
hash of the last record, which the next one names."""

subtree = Table(
    "subtree",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("number", _NUMBER, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)
"""Hashes of full subtrees of the log over 256, 65536, ... records, so that a proof reads a few hundred rows however
long the log is."""
