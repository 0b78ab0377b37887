"""Holds, disposition, derived and physical exhibits, stamps, cosignatures, scrubs, recovery and rotation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_custody_event_exhibit_id", table_name="custody_event")  # the unique constraint begins with the same column
    op.create_table(
        "scrub_finding",
        sa.Column("object_name", sa.String(length=64), nullable=False),
        sa.Column("fault", sa.String(length=16), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("object_name", name=op.f("pk_scrub_finding")),
    )
    op.create_table(
        "scrub_run",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cursor", sa.String(length=64), nullable=False),
        sa.Column("objects", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scrub_run")),
    )
    op.create_table(
        "time_stamp",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("subject_kind", sa.String(length=16), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("authority", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stamped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reply", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_time_stamp")),
        sa.UniqueConstraint("subject_id", "authority", name=op.f("uq_time_stamp_subject_id_authority")),
    )
    op.create_index(op.f("ix_time_stamp_state"), "time_stamp", ["state"], unique=False)
    op.create_index(op.f("ix_time_stamp_subject_id"), "time_stamp", ["subject_id"], unique=False)
    op.create_table(
        "cosignature",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("checkpoint_id", sa.String(length=32), nullable=False),
        sa.Column("witness", sa.String(length=200), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["checkpoint_id"], ["log_checkpoint.id"], name=op.f("fk_cosignature_checkpoint_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cosignature")),
        sa.UniqueConstraint("checkpoint_id", "witness", name=op.f("uq_cosignature_checkpoint_id_witness")),
    )
    op.create_index(op.f("ix_cosignature_checkpoint_id"), "cosignature", ["checkpoint_id"], unique=False)
    op.create_table(
        "recipient_proposal",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("change", sa.Text(), nullable=True),
        sa.Column("proposed_by", sa.String(length=32), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("decided_by", sa.String(length=32), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["decided_by"], ["staff.id"], name=op.f("fk_recipient_proposal_decided_by")),
        sa.ForeignKeyConstraint(["proposed_by"], ["staff.id"], name=op.f("fk_recipient_proposal_proposed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recipient_proposal")),
    )
    op.create_table(
        "restoration",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("from_index", sa.BigInteger(), nullable=False),
        sa.Column("to_index", sa.BigInteger(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("superseded", sa.Integer(), nullable=False),
        sa.Column("about", sa.Text(), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_by", sa.String(length=32), nullable=True),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_entry", sa.String(length=64), nullable=True),
        sa.Column("second_by", sa.String(length=32), nullable=True),
        sa.Column("second_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["first_by"], ["staff.id"], name=op.f("fk_restoration_first_by")),
        sa.ForeignKeyConstraint(["second_by"], ["staff.id"], name=op.f("fk_restoration_second_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restoration")),
    )
    op.create_table(
        "rotation",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("old_identity", sa.LargeBinary(), nullable=True),
        sa.Column("started_by", sa.String(length=32), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("listed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pass_began", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cursor", sa.String(length=64), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("wrapped", sa.Integer(), nullable=False),
        sa.Column("unread", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_rotation_program_id")),
        sa.ForeignKeyConstraint(["started_by"], ["staff.id"], name=op.f("fk_rotation_started_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rotation")),
    )
    op.create_index(op.f("ix_rotation_program_id"), "rotation", ["program_id"], unique=False)
    op.create_table(
        "superseded_event",
        sa.Column("event_id", sa.String(length=32), nullable=False),
        sa.Column("restoration_id", sa.String(length=32), nullable=False),
        sa.Column("exhibit_id", sa.String(length=32), nullable=False),
        sa.Column("exhibit_seq", sa.Integer(), nullable=False),
        sa.Column("exhibit_prev", sa.String(length=64), nullable=False),
        sa.Column("entry", sa.String(length=64), nullable=False),
        sa.Column("opening", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["restoration_id"], ["restoration.id"], name=op.f("fk_superseded_event_restoration_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_superseded_event")),
    )
    op.create_index(op.f("ix_superseded_event_exhibit_id"), "superseded_event", ["exhibit_id"], unique=False)
    op.create_index(op.f("ix_superseded_event_restoration_id"), "superseded_event", ["restoration_id"], unique=False)
    op.create_table(
        "disposition",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("exhibit_id", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("authority", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("proposed_by", sa.String(length=32), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposal_signature", sa.Text(), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=True),
        sa.Column("decided_by", sa.String(length=32), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["decided_by"], ["staff.id"], name=op.f("fk_disposition_decided_by")),
        sa.ForeignKeyConstraint(["exhibit_id"], ["exhibit.id"], name=op.f("fk_disposition_exhibit_id")),
        sa.ForeignKeyConstraint(["proposed_by"], ["staff.id"], name=op.f("fk_disposition_proposed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposition")),
    )
    op.create_index(op.f("ix_disposition_exhibit_id"), "disposition", ["exhibit_id"], unique=False)
    op.create_table(
        "legal_hold",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("exhibit_id", sa.String(length=32), nullable=False),
        sa.Column("act_id", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=False),
        sa.Column("authority", sa.LargeBinary(), nullable=False),
        sa.Column("placed_by", sa.String(length=32), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_by", sa.String(length=32), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["exhibit_id"], ["exhibit.id"], name=op.f("fk_legal_hold_exhibit_id")),
        sa.ForeignKeyConstraint(["placed_by"], ["staff.id"], name=op.f("fk_legal_hold_placed_by")),
        sa.ForeignKeyConstraint(["released_by"], ["staff.id"], name=op.f("fk_legal_hold_released_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_hold")),
    )
    op.create_index(op.f("ix_legal_hold_act_id"), "legal_hold", ["act_id"], unique=False)
    op.create_index(op.f("ix_legal_hold_exhibit_id"), "legal_hold", ["exhibit_id"], unique=False)
    op.create_table(
        "custody_stub",
        sa.Column("event_id", sa.String(length=32), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["custody_event.event_id"], name=op.f("fk_custody_stub_event_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_custody_stub")),
    )
    op.add_column("exhibit", sa.Column("parent_id", sa.String(length=32), nullable=True))
    op.add_column("exhibit", sa.Column("place", sa.LargeBinary(), nullable=True))
    op.create_index(op.f("ix_exhibit_parent_id"), "exhibit", ["parent_id"], unique=False)
    op.add_column("transfer", sa.Column("on_behalf_of", sa.LargeBinary(), nullable=True))
    op.create_index(op.f("ix_program_wrap_staff_id"), "program_wrap", ["staff_id"], unique=False)
    op.create_index("ix_log_checkpoint_kind_size", "log_checkpoint", ["kind", "size"], unique=False)
    op.add_column("export", sa.Column("tag_digest", sa.String(length=71), nullable=True))
    op.add_column("export", sa.Column("checkpoint_size", sa.BigInteger(), nullable=True))
    op.add_column("export", sa.Column("withheld", sa.LargeBinary(), nullable=True))
    op.add_column("staff", sa.Column("kit_recipient", sa.String(length=80), nullable=True))
    op.add_column("staff", sa.Column("kit_wrap", sa.LargeBinary(), nullable=True))
