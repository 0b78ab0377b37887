"""A source whose receipt was read out by phone gets words of their own: the tip holds the source's identity sealed to the receipt."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tip", sa.Column("receipt_key", sa.LargeBinary(), nullable=True))
