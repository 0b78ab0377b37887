"""The side of sources: questions and files both ways, sweeps, translations, claims and payouts, notices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "program_translation",
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("incident", sa.Text(), nullable=False),
        sa.Column("helps_most", sa.Text(), nullable=False),
        sa.Column("reward_terms", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("payout_place", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_program_translation_program_id")),
        sa.PrimaryKeyConstraint("program_id", "language", name=op.f("pk_program_translation")),
    )
    op.create_table(
        "tip_sweep",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=False),
        sa.Column("tips", sa.Integer(), nullable=False),
        sa.Column("swept_by", sa.String(length=32), nullable=False),
        sa.Column("swept_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_by", sa.String(length=32), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_tip_sweep_program_id")),
        sa.ForeignKeyConstraint(["swept_by"], ["staff.id"], name=op.f("fk_tip_sweep_swept_by")),
        sa.ForeignKeyConstraint(["undone_by"], ["staff.id"], name=op.f("fk_tip_sweep_undone_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tip_sweep")),
    )
    op.create_index(op.f("ix_tip_sweep_program_id"), "tip_sweep", ["program_id"], unique=False)
    op.create_table(
        "case_event",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("details", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_by", sa.String(length=32), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_case_event_case_id")),
        sa.ForeignKeyConstraint(["recorded_by"], ["staff.id"], name=op.f("fk_case_event_recorded_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_event")),
    )
    op.create_index(op.f("ix_case_event_case_id"), "case_event", ["case_id"], unique=False)
    op.create_table(
        "notice_batch",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("exhibit_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("about", sa.LargeBinary(), nullable=False),
        sa.Column("letters", sa.Integer(), nullable=False),
        sa.Column("most_checks", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("issued_by", sa.String(length=32), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["exhibit_id"], ["exhibit.id"], name=op.f("fk_notice_batch_exhibit_id")),
        sa.ForeignKeyConstraint(["issued_by"], ["staff.id"], name=op.f("fk_notice_batch_issued_by")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_notice_batch_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_batch")),
        sa.UniqueConstraint("exhibit_id", name=op.f("uq_notice_batch_exhibit_id")),
        sa.UniqueConstraint("number", name=op.f("uq_notice_batch_number")),
    )
    op.create_index(op.f("ix_notice_batch_program_id"), "notice_batch", ["program_id"], unique=False)
    op.create_table(
        "reward_claim",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("tip_id", sa.String(length=32), nullable=False),
        sa.Column("exhibit_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("nonce", sa.String(length=43), nullable=False),
        sa.Column("log_index", sa.BigInteger(), nullable=False),
        sa.Column("claimed_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["exhibit_id"], ["exhibit.id"], name=op.f("fk_reward_claim_exhibit_id")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_reward_claim_program_id")),
        sa.ForeignKeyConstraint(["tip_id"], ["tip.id"], name=op.f("fk_reward_claim_tip_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reward_claim")),
        sa.UniqueConstraint("exhibit_id", name=op.f("uq_reward_claim_exhibit_id")),
        sa.UniqueConstraint("number", name=op.f("uq_reward_claim_number")),
        sa.UniqueConstraint("tip_id", name=op.f("uq_reward_claim_tip_id")),
    )
    op.create_index(op.f("ix_reward_claim_program_id"), "reward_claim", ["program_id"], unique=False)
    op.create_table(
        "tip_swept",
        sa.Column("sweep_id", sa.String(length=32), nullable=False),
        sa.Column("tip_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["sweep_id"], ["tip_sweep.id"], name=op.f("fk_tip_swept_sweep_id")),
        sa.ForeignKeyConstraint(["tip_id"], ["tip.id"], name=op.f("fk_tip_swept_tip_id")),
        sa.PrimaryKeyConstraint("sweep_id", "tip_id", name=op.f("pk_tip_swept")),
    )
    op.create_index(op.f("ix_tip_swept_tip_id"), "tip_swept", ["tip_id"], unique=False)
    op.create_table(
        "claim_outcome",
        sa.Column("claim_id", sa.String(length=32), nullable=False),
        sa.Column("case_event_id", sa.String(length=32), nullable=False),
        sa.Column("how", sa.LargeBinary(), nullable=True),
        sa.Column("linked_by", sa.String(length=32), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_event_id"], ["case_event.id"], name=op.f("fk_claim_outcome_case_event_id")),
        sa.ForeignKeyConstraint(["claim_id"], ["reward_claim.id"], name=op.f("fk_claim_outcome_claim_id")),
        sa.ForeignKeyConstraint(["linked_by"], ["staff.id"], name=op.f("fk_claim_outcome_linked_by")),
        sa.PrimaryKeyConstraint("claim_id", "case_event_id", name=op.f("pk_claim_outcome")),
    )
    op.create_table(
        "claim_step",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("claim_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("staff_id", sa.String(length=32), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("entry", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["claim_id"], ["reward_claim.id"], name=op.f("fk_claim_step_claim_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_claim_step_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_step")),
        sa.UniqueConstraint("claim_id", "seq", name=op.f("uq_claim_step_claim_id_seq")),
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("batch_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("lookup", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["notice_batch.id"], name=op.f("fk_notice_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("batch_id", "position", name=op.f("uq_notice_batch_id_position")),
        sa.UniqueConstraint("lookup", name=op.f("uq_notice_lookup")),
    )
    op.create_table(
        "payout",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("claim_id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("exhibit_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("voucher_digest", sa.String(length=64), nullable=False),
        sa.Column("agent_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reference", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["staff.id"], name=op.f("fk_payout_agent_id")),
        sa.ForeignKeyConstraint(["claim_id"], ["reward_claim.id"], name=op.f("fk_payout_claim_id")),
        sa.ForeignKeyConstraint(["exhibit_id"], ["exhibit.id"], name=op.f("fk_payout_exhibit_id")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_payout_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout")),
        sa.UniqueConstraint("exhibit_id", name=op.f("uq_payout_exhibit_id")),
        sa.UniqueConstraint("number", name=op.f("uq_payout_number")),
        sa.UniqueConstraint("voucher_digest", name=op.f("uq_payout_voucher_digest")),
    )
    op.create_index(op.f("ix_payout_claim_id"), "payout", ["claim_id"], unique=False)
    op.create_index(op.f("ix_payout_program_id"), "payout", ["program_id"], unique=False)
    op.create_table(
        "reply_file",
        sa.Column("exhibit_id", sa.String(length=32), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["exhibit_id"], ["exhibit.id"], name=op.f("fk_reply_file_exhibit_id")),
        sa.ForeignKeyConstraint(["message_id"], ["tip_message.id"], name=op.f("fk_reply_file_message_id")),
        sa.PrimaryKeyConstraint("exhibit_id", name=op.f("pk_reply_file")),
    )
    op.create_index(op.f("ix_reply_file_message_id"), "reply_file", ["message_id"], unique=False)
    op.add_column("program", sa.Column("reward_most", sa.BigInteger(), nullable=True))
    op.add_column("program", sa.Column("currency", sa.String(length=3), server_default="USD", nullable=False))
    op.add_column("program", sa.Column("claims_until", sa.Date(), nullable=True))
    op.add_column("program", sa.Column("contact", sa.Text(), server_default="", nullable=False))
    op.add_column("program", sa.Column("payout_place", sa.Text(), server_default="", nullable=False))
    op.add_column("program", sa.Column("call_script", sa.Text(), server_default="", nullable=False))
    op.add_column("tip", sa.Column("channel", sa.String(length=16), server_default="form", nullable=False))
    op.add_column("tip", sa.Column("talk", sa.String(length=16), server_default="open", nullable=False))
    op.add_column("tip", sa.Column("claim_code", sa.LargeBinary(), nullable=True))
    op.add_column("tip_message", sa.Column("kind", sa.String(length=16), server_default="message", nullable=False))
    # one statement on both databases: SQLite takes a foreign key with a new column only
    reference = "CONSTRAINT fk_tip_message_question_id REFERENCES tip_message (id)"
    op.execute(f"ALTER TABLE tip_message ADD COLUMN question_id VARCHAR(32) {reference}")
    op.add_column("tip_message", sa.Column("read_on", sa.Date(), nullable=True))
    # of replies read before this version, the day of the last visit is all that is known
    last_visit = "SELECT read_on FROM tip WHERE tip.id = tip_message.tip_id"
    op.execute(f"UPDATE tip_message SET read_on = ({last_visit}) WHERE read_by_source")  # noqa: S608  texts from the lines above
    op.execute("ALTER TABLE tip_message DROP COLUMN read_by_source")
    further = sa.text("by_source AND seq > 0")
    op.create_index("ix_tip_message_further", "tip_message", ["tip_id", "seq"], sqlite_where=further, postgresql_where=further)
