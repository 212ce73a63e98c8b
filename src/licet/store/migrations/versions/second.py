"""The tables of the mesh."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Integer, PrimaryKeyConstraint, Text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create them, empty."""
    op.create_table(
        "instance",
        Column("id", Text(), nullable=False),
        Column("workload", Text(), nullable=False),
        Column("identity", Text(), nullable=False),
        Column("address", Text(), nullable=False),
        Column("server", Text(), nullable=False),
        Column("changed_at", Text(), nullable=False),
        Column("left_at", Text(), nullable=True),
        PrimaryKeyConstraint("id", name="instance_key"),
    )
    op.create_table(
        "rollout",
        Column("workload", Text(), nullable=False),
        Column("mode", Text(), nullable=False),
        Column("share", Integer(), nullable=False),
        Column("reason", Text(), nullable=False),
        Column("changed_at", Text(), nullable=False),
        PrimaryKeyConstraint("workload", name="rollout_key"),
    )
