"""The tables of the first release."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
)

revision = "0001"
down_revision = None

_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Create what an empty database lacks."""
    op.create_table(
        "authority",
        Column("id", Text(), nullable=False),
        Column("kind", Text(), nullable=False),
        Column("state", Text(), nullable=False),
        Column("issuer", Text(), nullable=True),
        Column("certificate", LargeBinary(), nullable=True),
        Column("public_key", LargeBinary(), nullable=False),
        Column("keeper", Text(), nullable=False),
        Column("handle", LargeBinary(), nullable=True),
        Column("not_before", Text(), nullable=False),
        Column("not_after", Text(), nullable=False),
        Column("changed_at", Text(), nullable=False),
        ForeignKeyConstraint(["issuer"], ["authority.id"], name="authority_issuer_reference"),
        PrimaryKeyConstraint("id", name="authority_key"),
    )
    op.create_table(
        "checkpoint",
        Column("size", _NUMBER, autoincrement=False, nullable=False),
        Column("at", Text(), nullable=False),
        Column("note", Text(), nullable=False),
        Column("frontier", LargeBinary(), nullable=False),
        Column("head", LargeBinary(), nullable=False),
        PrimaryKeyConstraint("size", name="checkpoint_key"),
    )
    op.create_table(
        "denial",
        Column("spiffe_id", Text(), nullable=False),
        Column("reason", Text(), nullable=False),
        Column("denied_at", Text(), nullable=False),
        PrimaryKeyConstraint("spiffe_id", name="denial_key"),
    )
    op.create_table(
        "domain",
        Column("one", Integer(), autoincrement=False, nullable=False),
        Column("trust_domain", Text(), nullable=False),
        Column("settings", Text(), nullable=False),
        Column("seal", Text(), nullable=False),
        Column("version", _NUMBER, nullable=False),
        Column("sequence", _NUMBER, nullable=False),
        Column("log_key", LargeBinary(), nullable=False),
        Column("log_public_key", LargeBinary(), nullable=False),
        Column("code", LargeBinary(), nullable=False),
        PrimaryKeyConstraint("one", name="domain_key"),
    )
    op.create_table(
        "entry",
        Column("id", Text(), nullable=False),
        Column("spiffe_id", Text(), nullable=False),
        Column("body", Text(), nullable=False),
        Column("source", Text(), nullable=False),
        Column("revision", _NUMBER, nullable=False),
        PrimaryKeyConstraint("id", name="entry_key"),
    )
    op.create_index("entry_spiffe_id", "entry", ["spiffe_id"], unique=False)
    op.create_table(
        "foreign_domain",
        Column("trust_domain", Text(), nullable=False),
        Column("profile", Text(), nullable=False),
        Column("url", Text(), nullable=False),
        Column("endpoint_id", Text(), nullable=False),
        Column("bundle", Text(), nullable=True),
        Column("fetched_at", Text(), nullable=True),
        Column("failure", Text(), nullable=False),
        Column("distrusted", Integer(), nullable=False),
        PrimaryKeyConstraint("trust_domain", name="foreign_domain_key"),
    )
    op.create_table(
        "issuance",
        Column("serial", Text(), nullable=False),
        Column("spiffe_id", Text(), nullable=False),
        Column("entry", Text(), nullable=False),
        Column("issuer", Text(), nullable=False),
        Column("not_after", Text(), nullable=False),
        PrimaryKeyConstraint("serial", name="issuance_key"),
    )
    op.create_index("issuance_not_after", "issuance", ["not_after"], unique=False)
    op.create_table(
        "join_token",
        Column("digest", Text(), nullable=False),
        Column("spiffe_id", Text(), nullable=False),
        Column("expires_at", Text(), nullable=False),
        Column("used_at", Text(), nullable=True),
        PrimaryKeyConstraint("digest", name="join_token_key"),
    )
    op.create_table(
        "node",
        Column("spiffe_id", Text(), nullable=False),
        Column("attested_by", Text(), nullable=False),
        Column("attested_at", Text(), nullable=False),
        Column("expires_at", Text(), nullable=False),
        Column("serial", Text(), nullable=False),
        Column("banned", Integer(), nullable=False),
        Column("applied_version", _NUMBER, nullable=False),
        Column("seen_at", Text(), nullable=False),
        PrimaryKeyConstraint("spiffe_id", name="node_key"),
    )
    op.create_table(
        "record",
        Column("position", _NUMBER, autoincrement=False, nullable=False),
        Column("body", LargeBinary(), nullable=False),
        PrimaryKeyConstraint("position", name="record_key"),
    )
    op.create_table(
        "subtree",
        Column("level", Integer(), autoincrement=False, nullable=False),
        Column("number", _NUMBER, autoincrement=False, nullable=False),
        Column("hash", LargeBinary(), nullable=False),
        PrimaryKeyConstraint("level", "number", name="subtree_key"),
    )
