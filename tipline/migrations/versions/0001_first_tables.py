"""The first tables, and the triggers that keep the custody record append only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tipline.migrations.triggers import append_only

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_event",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.String(length=32), nullable=True),
        sa.Column("act", sa.String(length=48), nullable=False),
        sa.Column("subject_kind", sa.String(length=24), nullable=True),
        sa.Column("subject_id", sa.String(length=32), nullable=True),
        sa.Column("detail", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_index(op.f("ix_audit_event_at"), "audit_event", ["at"], unique=False)
    op.create_index(op.f("ix_audit_event_staff_id"), "audit_event", ["staff_id"], unique=False)
    op.create_index(op.f("ix_audit_event_subject_id"), "audit_event", ["subject_id"], unique=False)
    op.create_table(
        "counter",
        sa.Column("series", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("series", name=op.f("pk_counter")),
    )
    op.create_table(
        "download_ticket",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_download_ticket")),
    )
    op.create_index(op.f("ix_download_ticket_expires_at"), "download_ticket", ["expires_at"], unique=False)
    op.create_table(
        "job_resumption",
        sa.Column("workflow_id", sa.String(length=128), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("workflow_id", name=op.f("pk_job_resumption")),
    )
    op.create_table(
        "log_checkpoint",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_checkpoint")),
    )
    op.create_table(
        "orphan_candidate",
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("first_seen", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name=op.f("pk_orphan_candidate")),
    )
    op.create_table(
        "reading",
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("exhibit_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "exhibit_id", name=op.f("pk_reading")),
    )
    op.create_table(
        "source_session",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("keys", sa.LargeBinary(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source_session")),
    )
    op.create_table(
        "staff",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("display_name", sa.String(length=128), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("invitation_hash", sa.String(length=64), nullable=True),
        sa.Column("invitation_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("passphrase_salt", sa.LargeBinary(), nullable=True),
        sa.Column("secrets", sa.LargeBinary(), nullable=True),
        sa.Column("recipient", sa.String(length=80), nullable=True),
        sa.Column("signing_public", sa.String(length=64), nullable=True),
        sa.Column("totp_last_step", sa.Integer(), nullable=False),
        sa.Column("failed_tries", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("invitation_hash", name=op.f("uq_staff_invitation_hash")),
        sa.UniqueConstraint("login", name=op.f("uq_staff_login")),
    )
    op.create_table(
        "worker_process",
        sa.Column("executor_id", sa.String(length=64), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("executor_id", name=op.f("pk_worker_process")),
    )
    op.create_table(
        "program",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("organisation", sa.String(length=128), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("incident", sa.Text(), nullable=False),
        sa.Column("helps_most", sa.Text(), nullable=False),
        sa.Column("reward", sa.String(length=64), nullable=False),
        sa.Column("reward_terms", sa.Text(), nullable=False),
        sa.Column("notice_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=32), nullable=False),
        sa.Column("recipient", sa.String(length=80), nullable=False),
        sa.Column("recovery_recipient", sa.String(length=80), nullable=True),
        sa.Column("program_keys", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["staff.id"], name=op.f("fk_program_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program")),
        sa.UniqueConstraint("slug", name=op.f("uq_program_slug")),
    )
    op.create_table(
        "staff_session",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.String(length=32), nullable=False),
        sa.Column("keys", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_session_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_session")),
    )
    op.create_index(op.f("ix_staff_session_staff_id"), "staff_session", ["staff_id"], unique=False)
    op.create_table(
        "case_file",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("title", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("lead_id", sa.String(length=32), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["staff.id"], name=op.f("fk_case_file_lead_id")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_case_file_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_file")),
        sa.UniqueConstraint("number", name=op.f("uq_case_file_number")),
    )
    op.create_index(op.f("ix_case_file_program_id"), "case_file", ["program_id"], unique=False)
    op.create_table(
        "link",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("from_kind", sa.String(length=16), nullable=False),
        sa.Column("from_id", sa.String(length=32), nullable=False),
        sa.Column("to_kind", sa.String(length=16), nullable=False),
        sa.Column("to_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("tier", sa.String(length=8), nullable=True),
        sa.Column("confidence", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("findings", sa.LargeBinary(), nullable=True),
        sa.Column("made_by", sa.String(length=32), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(length=32), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["decided_by"], ["staff.id"], name=op.f("fk_link_decided_by")),
        sa.ForeignKeyConstraint(["made_by"], ["staff.id"], name=op.f("fk_link_made_by")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_link_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link")),
        sa.UniqueConstraint("from_id", "to_id", "kind", name=op.f("uq_link_from_id_to_id_kind")),
    )
    op.create_index(op.f("ix_link_from_id"), "link", ["from_id"], unique=False)
    op.create_index(op.f("ix_link_program_id"), "link", ["program_id"], unique=False)
    op.create_index(op.f("ix_link_to_id"), "link", ["to_id"], unique=False)
    op.create_table(
        "program_wrap",
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("staff_id", sa.String(length=32), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("granted_by", sa.String(length=32), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["granted_by"], ["staff.id"], name=op.f("fk_program_wrap_granted_by")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_program_wrap_program_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_program_wrap_staff_id")),
        sa.PrimaryKeyConstraint("program_id", "staff_id", name=op.f("pk_program_wrap")),
    )
    op.create_table(
        "exhibit",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=True),
        sa.Column("case_id", sa.String(length=32), nullable=True),
        sa.Column("number", sa.String(length=32), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("object_name", sa.String(length=64), nullable=True),
        sa.Column("sealed_length", sa.BigInteger(), nullable=False),
        sa.Column("recipient", sa.String(length=80), nullable=False),
        sa.Column("facts", sa.LargeBinary(), nullable=True),
        sa.Column("title", sa.LargeBinary(), nullable=True),
        sa.Column("custodian_id", sa.String(length=32), nullable=True),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_exhibit_case_id")),
        sa.ForeignKeyConstraint(["custodian_id"], ["staff.id"], name=op.f("fk_exhibit_custodian_id")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_exhibit_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exhibit")),
        sa.UniqueConstraint("number", name=op.f("uq_exhibit_number")),
        sa.UniqueConstraint("object_name", name=op.f("uq_exhibit_object_name")),
    )
    op.create_index(op.f("ix_exhibit_case_id"), "exhibit", ["case_id"], unique=False)
    op.create_index(op.f("ix_exhibit_program_id"), "exhibit", ["program_id"], unique=False)
    op.create_table(
        "export",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("purpose", sa.LargeBinary(), nullable=False),
        sa.Column("requested_by", sa.String(length=32), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("act_id", sa.String(length=32), nullable=True),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("payload_digest", sa.String(length=71), nullable=True),
        sa.Column("failure", sa.LargeBinary(), nullable=True),
        sa.Column("bundle_name", sa.String(length=64), nullable=True),
        sa.Column("disclosures", sa.LargeBinary(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_export_case_id")),
        sa.ForeignKeyConstraint(["requested_by"], ["staff.id"], name=op.f("fk_export_requested_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export")),
    )
    op.create_index(op.f("ix_export_bundle_name"), "export", ["bundle_name"], unique=False)
    op.create_index(op.f("ix_export_case_id"), "export", ["case_id"], unique=False)
    op.create_table(
        "tip",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=True),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("assignee_id", sa.String(length=32), nullable=True),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("receipt_lookup", sa.String(length=64), nullable=False),
        sa.Column("source_recipient", sa.String(length=80), nullable=False),
        sa.Column("claim_key", sa.String(length=64), nullable=False),
        sa.Column("packet", sa.LargeBinary(), nullable=False),
        sa.Column("title", sa.LargeBinary(), nullable=True),
        sa.Column("read_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["assignee_id"], ["staff.id"], name=op.f("fk_tip_assignee_id")),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_tip_case_id")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_tip_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tip")),
        sa.UniqueConstraint("number", name=op.f("uq_tip_number")),
        sa.UniqueConstraint("receipt_lookup", name=op.f("uq_tip_receipt_lookup")),
    )
    op.create_index(op.f("ix_tip_case_id"), "tip", ["case_id"], unique=False)
    op.create_index("ix_tip_inbox", "tip", ["program_id", "received_on", "number"], unique=False)
    op.create_index("ix_tip_mine", "tip", ["assignee_id", "received_on"], unique=False)
    op.create_index(op.f("ix_tip_state"), "tip", ["state"], unique=False)
    op.create_table(
        "custody_event",
        sa.Column("event_id", sa.String(length=32), nullable=False),
        sa.Column("exhibit_id", sa.String(length=32), nullable=False),
        sa.Column("exhibit_seq", sa.Integer(), nullable=False),
        sa.Column("exhibit_prev", sa.String(length=64), nullable=False),
        sa.Column("entry", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["exhibit_id"], ["exhibit.id"], name=op.f("fk_custody_event_exhibit_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_custody_event")),
        sa.UniqueConstraint("entry", name=op.f("uq_custody_event_entry")),
        sa.UniqueConstraint("exhibit_id", "exhibit_prev", name=op.f("uq_custody_event_exhibit_id_exhibit_prev")),
        sa.UniqueConstraint("exhibit_id", "exhibit_seq", name=op.f("uq_custody_event_exhibit_id_exhibit_seq")),
    )
    op.create_index(op.f("ix_custody_event_exhibit_id"), "custody_event", ["exhibit_id"], unique=False)
    op.create_table(
        "draft",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("tip_id", sa.String(length=32), nullable=True),
        sa.Column("answers", sa.LargeBinary(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_draft_program_id")),
        sa.ForeignKeyConstraint(["tip_id"], ["tip.id"], name=op.f("fk_draft_tip_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft")),
    )
    op.create_table(
        "examination",
        sa.Column("exhibit_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("report", sa.LargeBinary(), nullable=False),
        sa.Column("preview_name", sa.String(length=64), nullable=True),
        sa.Column("indexed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["exhibit_id"], ["exhibit.id"], name=op.f("fk_examination_exhibit_id")),
        sa.PrimaryKeyConstraint("exhibit_id", name=op.f("pk_examination")),
    )
    op.create_index(op.f("ix_examination_preview_name"), "examination", ["preview_name"], unique=False)
    op.create_index(
        "ix_examination_waiting",
        "examination",
        ["exhibit_id"],
        unique=False,
        sqlite_where=sa.text("NOT indexed"),
        postgresql_where=sa.text("NOT indexed"),
    )
    op.create_table(
        "examiner_grant",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("exhibit_id", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("granted_by", sa.String(length=32), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["exhibit_id"], ["exhibit.id"], name=op.f("fk_examiner_grant_exhibit_id")),
        sa.ForeignKeyConstraint(["granted_by"], ["staff.id"], name=op.f("fk_examiner_grant_granted_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_examiner_grant")),
    )
    op.create_index(op.f("ix_examiner_grant_exhibit_id"), "examiner_grant", ["exhibit_id"], unique=False)
    op.create_index(op.f("ix_examiner_grant_subject_id"), "examiner_grant", ["subject_id"], unique=False)
    op.create_table(
        "export_exhibit",
        sa.Column("export_id", sa.String(length=32), nullable=False),
        sa.Column("exhibit_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["exhibit_id"], ["exhibit.id"], name=op.f("fk_export_exhibit_exhibit_id")),
        sa.ForeignKeyConstraint(["export_id"], ["export.id"], name=op.f("fk_export_exhibit_export_id")),
        sa.PrimaryKeyConstraint("export_id", "exhibit_id", name=op.f("pk_export_exhibit")),
    )
    op.create_table(
        "letter",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("exhibit_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("details", sa.LargeBinary(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("registered_by", sa.String(length=32), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_letter_case_id")),
        sa.ForeignKeyConstraint(["exhibit_id"], ["exhibit.id"], name=op.f("fk_letter_exhibit_id")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_letter_program_id")),
        sa.ForeignKeyConstraint(["registered_by"], ["staff.id"], name=op.f("fk_letter_registered_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter")),
        sa.UniqueConstraint("exhibit_id", name=op.f("uq_letter_exhibit_id")),
        sa.UniqueConstraint("number", name=op.f("uq_letter_number")),
    )
    op.create_index(op.f("ix_letter_case_id"), "letter", ["case_id"], unique=False)
    op.create_index(op.f("ix_letter_program_id"), "letter", ["program_id"], unique=False)
    op.create_table(
        "sample",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("exhibit_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("details", sa.LargeBinary(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("registered_by", sa.String(length=32), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_sample_case_id")),
        sa.ForeignKeyConstraint(["exhibit_id"], ["exhibit.id"], name=op.f("fk_sample_exhibit_id")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_sample_program_id")),
        sa.ForeignKeyConstraint(["registered_by"], ["staff.id"], name=op.f("fk_sample_registered_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sample")),
        sa.UniqueConstraint("exhibit_id", name=op.f("uq_sample_exhibit_id")),
        sa.UniqueConstraint("number", name=op.f("uq_sample_number")),
    )
    op.create_index(op.f("ix_sample_case_id"), "sample", ["case_id"], unique=False)
    op.create_index(op.f("ix_sample_program_id"), "sample", ["program_id"], unique=False)
    op.create_table(
        "send",
        sa.Column("draft_id", sa.String(length=64), nullable=False),
        sa.Column("tip_id", sa.String(length=32), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["tip_id"], ["tip.id"], name=op.f("fk_send_tip_id")),
        sa.PrimaryKeyConstraint("draft_id", name=op.f("pk_send")),
    )
    op.create_index(op.f("ix_send_tip_id"), "send", ["tip_id"], unique=False)
    op.create_table(
        "tip_label",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("tip_id", sa.String(length=32), nullable=False),
        sa.Column("label", sa.LargeBinary(), nullable=False),
        sa.Column("added_by", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["added_by"], ["staff.id"], name=op.f("fk_tip_label_added_by")),
        sa.ForeignKeyConstraint(["tip_id"], ["tip.id"], name=op.f("fk_tip_label_tip_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tip_label")),
    )
    op.create_index(op.f("ix_tip_label_tip_id"), "tip_label", ["tip_id"], unique=False)
    op.create_table(
        "tip_message",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("tip_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("by_source", sa.Boolean(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("staff_id", sa.String(length=32), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("to_source", sa.LargeBinary(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("read_by_source", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_tip_message_staff_id")),
        sa.ForeignKeyConstraint(["tip_id"], ["tip.id"], name=op.f("fk_tip_message_tip_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tip_message")),
        sa.UniqueConstraint("tip_id", "seq", name=op.f("uq_tip_message_tip_id_seq")),
    )
    op.create_index(op.f("ix_tip_message_tip_id"), "tip_message", ["tip_id"], unique=False)
    op.create_table(
        "transfer",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("exhibit_id", sa.String(length=32), nullable=False),
        sa.Column("released_by", sa.String(length=32), nullable=False),
        sa.Column("received_by", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.LargeBinary(), nullable=False),
        sa.Column("authority", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("release_signature", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["exhibit_id"], ["exhibit.id"], name=op.f("fk_transfer_exhibit_id")),
        sa.ForeignKeyConstraint(["received_by"], ["staff.id"], name=op.f("fk_transfer_received_by")),
        sa.ForeignKeyConstraint(["released_by"], ["staff.id"], name=op.f("fk_transfer_released_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer")),
    )
    op.create_index(op.f("ix_transfer_exhibit_id"), "transfer", ["exhibit_id"], unique=False)
    op.create_table(
        "custody_opening",
        sa.Column("event_id", sa.String(length=32), nullable=False),
        sa.Column("opening", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["custody_event.event_id"], name=op.f("fk_custody_opening_event_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_custody_opening")),
    )
    op.create_table(
        "draft_part",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("draft_id", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("object_name", sa.String(length=64), nullable=False),
        sa.Column("sealed_length", sa.Integer(), nullable=False),
        sa.Column("facts", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["draft_id"], ["draft.id"], name=op.f("fk_draft_part_draft_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft_part")),
        sa.UniqueConstraint("object_name", name=op.f("uq_draft_part_object_name")),
    )
    op.create_index(op.f("ix_draft_part_draft_id"), "draft_part", ["draft_id"], unique=False)
    op.create_table(
        "log_leaf",
        sa.Column("log_index", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.String(length=32), nullable=False),
        sa.Column("entry", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["custody_event.event_id"], name=op.f("fk_log_leaf_event_id")),
        sa.PrimaryKeyConstraint("log_index", name=op.f("pk_log_leaf")),
        sa.UniqueConstraint("event_id", name=op.f("uq_log_leaf_event_id")),
    )
    op.create_table(
        "log_pending",
        sa.Column("event_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["custody_event.event_id"], name=op.f("fk_log_pending_event_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_log_pending")),
    )
    op.create_table(
        "sample_person",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("sample_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("person", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["sample_id"], ["sample.id"], name=op.f("fk_sample_person_sample_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sample_person")),
        sa.UniqueConstraint("sample_id", "position", name=op.f("uq_sample_person_sample_id_position")),
    )
    op.create_index(op.f("ix_sample_person_sample_id"), "sample_person", ["sample_id"], unique=False)
    op.create_table(
        "tip_item",
        sa.Column("exhibit_id", sa.String(length=32), nullable=False),
        sa.Column("tip_id", sa.String(length=32), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["exhibit_id"], ["exhibit.id"], name=op.f("fk_tip_item_exhibit_id")),
        sa.ForeignKeyConstraint(["message_id"], ["tip_message.id"], name=op.f("fk_tip_item_message_id")),
        sa.ForeignKeyConstraint(["tip_id"], ["tip.id"], name=op.f("fk_tip_item_tip_id")),
        sa.PrimaryKeyConstraint("exhibit_id", name=op.f("pk_tip_item")),
    )
    op.create_index(op.f("ix_tip_item_message_id"), "tip_item", ["message_id"], unique=False)
    op.create_index(op.f("ix_tip_item_tip_id"), "tip_item", ["tip_id"], unique=False)
    for statement in append_only(op.get_bind().dialect.name):
        op.execute(statement)
