"""The lists of exhibits come from an index in their order; that of programs, which named nearly every row, goes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    asked, length, numbered = ["case_id", "state", "kind"], sa.text("length(number)"), sa.text("number IS NOT NULL")
    op.create_index("ix_exhibit_stored", "exhibit", ["program_id", "received_on", "id", *asked], unique=False)
    in_order: list[str | sa.TextClause] = ["program_id", length, "number", "id", *asked]
    op.create_index("ix_exhibit_numbered", "exhibit", in_order, unique=False, sqlite_where=numbered, postgresql_where=numbered)
    held, out = sa.text("custodian_id IS NOT NULL"), sa.text("returned_at IS NULL")
    op.create_index("ix_exhibit_custodian_id", "exhibit", ["custodian_id"], unique=False, sqlite_where=held, postgresql_where=held)
    op.drop_index("ix_exhibit_program_id", table_name="exhibit")
    op.create_index("ix_checkout_out", "checkout", ["due_on"], unique=False, sqlite_where=out, postgresql_where=out)
