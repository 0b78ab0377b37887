"""Indexes go whose columns a unique constraint begins with: it answers the same queries, and each cost a page at every write (a tip's message)."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_tip_message_tip_id", table_name="tip_message")
    op.drop_index("ix_link_from_id", table_name="link")
    op.drop_index("ix_sample_person_sample_id", table_name="sample_person")
    op.drop_index("ix_cosignature_checkpoint_id", table_name="cosignature")
    op.drop_index("ix_time_stamp_subject_id", table_name="time_stamp")
