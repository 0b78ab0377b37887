"""The investigators' desk: need-to-know, notes, tasks, views, bulk acts, subjects, decisions on links, second persons, the API."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # the keys of a draft's files stand in these rows from now on; whoever has a form open chooses its files again
    op.execute("DELETE FROM draft_part")
    op.create_table(
        "api_token",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.String(length=200), nullable=False),
        sa.Column("keys", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_on", sa.Date(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_api_token_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
    )
    op.create_index(op.f("ix_api_token_staff_id"), "api_token", ["staff_id"], unique=False)
    op.create_table(
        "presence",
        sa.Column("on_id", sa.String(length=32), nullable=False),
        sa.Column("staff_id", sa.String(length=32), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("writing", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_presence_staff_id")),
        sa.PrimaryKeyConstraint("on_id", "staff_id", name=op.f("pk_presence")),
    )
    op.create_index(op.f("ix_presence_seen_at"), "presence", ["seen_at"], unique=False)
    op.create_table(
        "webauthn_key",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("staff_id", sa.String(length=32), nullable=False),
        sa.Column("credential_id", sa.String(length=1400), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.Integer(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_webauthn_key_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webauthn_key")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_webauthn_key_credential_id")),
    )
    op.create_index(op.f("ix_webauthn_key_staff_id"), "webauthn_key", ["staff_id"], unique=False)
    op.create_table(
        "bulk_act",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("act", sa.String(length=24), nullable=False),
        sa.Column("about", sa.LargeBinary(), nullable=False),
        sa.Column("tips", sa.Integer(), nullable=False),
        sa.Column("done_by", sa.String(length=32), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_by", sa.String(length=32), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["done_by"], ["staff.id"], name=op.f("fk_bulk_act_done_by")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_bulk_act_program_id")),
        sa.ForeignKeyConstraint(["undone_by"], ["staff.id"], name=op.f("fk_bulk_act_undone_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_act")),
    )
    op.create_index(op.f("ix_bulk_act_program_id"), "bulk_act", ["program_id"], unique=False)
    op.create_table(
        "change",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("on_kind", sa.String(length=16), nullable=False),
        sa.Column("on_id", sa.String(length=32), nullable=False),
        sa.Column("field", sa.String(length=24), nullable=False),
        sa.Column("values", sa.LargeBinary(), nullable=False),
        sa.Column("changed_by", sa.String(length=32), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["changed_by"], ["staff.id"], name=op.f("fk_change_changed_by")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_change_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change")),
    )
    op.create_index("ix_change_on", "change", ["on_id", "changed_at"], unique=False)
    op.create_index(op.f("ix_change_program_id"), "change", ["program_id"], unique=False)
    op.create_table(
        "hash_list",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("about", sa.LargeBinary(), nullable=False),
        sa.Column("meaning", sa.String(length=8), nullable=False),
        sa.Column("digests", sa.Integer(), nullable=False),
        sa.Column("loaded_by", sa.String(length=32), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["loaded_by"], ["staff.id"], name=op.f("fk_hash_list_loaded_by")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_hash_list_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hash_list")),
    )
    op.create_index(op.f("ix_hash_list_program_id"), "hash_list", ["program_id"], unique=False)
    op.create_table(
        "label",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("made_by", sa.String(length=32), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["made_by"], ["staff.id"], name=op.f("fk_label_made_by")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_label_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label")),
    )
    op.create_index(op.f("ix_label_program_id"), "label", ["program_id"], unique=False)
    op.create_table(
        "note",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("on_kind", sa.String(length=16), nullable=False),
        sa.Column("on_id", sa.String(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("written_by", sa.String(length=32), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_note_program_id")),
        sa.ForeignKeyConstraint(["written_by"], ["staff.id"], name=op.f("fk_note_written_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_note")),
    )
    op.create_index("ix_note_on", "note", ["on_id", "written_at"], unique=False)
    op.create_index(op.f("ix_note_program_id"), "note", ["program_id"], unique=False)
    op.create_table(
        "saved_view",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("owner_id", sa.String(length=32), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["staff.id"], name=op.f("fk_saved_view_owner_id")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_saved_view_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
    )
    op.create_index(op.f("ix_saved_view_owner_id"), "saved_view", ["owner_id"], unique=False)
    op.create_index(op.f("ix_saved_view_program_id"), "saved_view", ["program_id"], unique=False)
    op.create_table(
        "search_build",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("cursor", sa.String(length=64), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leave", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["asked_by"], ["staff.id"], name=op.f("fk_search_build_asked_by")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_search_build_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_build")),
    )
    op.create_index(op.f("ix_search_build_program_id"), "search_build", ["program_id"], unique=False)
    op.create_table(
        "search_stale",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("thing_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_search_stale_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_stale")),
    )
    op.create_index(op.f("ix_search_stale_program_id"), "search_stale", ["program_id"], unique=False)
    op.create_table(
        "second_person",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("act", sa.String(length=24), nullable=False),
        sa.Column("subject_kind", sa.String(length=16), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lapses_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(length=32), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["asked_by"], ["staff.id"], name=op.f("fk_second_person_asked_by")),
        sa.ForeignKeyConstraint(["decided_by"], ["staff.id"], name=op.f("fk_second_person_decided_by")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_second_person_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_second_person")),
    )
    op.create_index(op.f("ix_second_person_program_id"), "second_person", ["program_id"], unique=False)
    op.create_index("ix_second_person_subject", "second_person", ["subject_id", "act"], unique=False)
    op.create_table(
        "task",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("on_kind", sa.String(length=16), nullable=False),
        sa.Column("on_id", sa.String(length=32), nullable=False),
        sa.Column("title", sa.LargeBinary(), nullable=False),
        sa.Column("assignee_id", sa.String(length=32), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("made_by", sa.String(length=32), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_by", sa.String(length=32), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["assignee_id"], ["staff.id"], name=op.f("fk_task_assignee_id")),
        sa.ForeignKeyConstraint(["closed_by"], ["staff.id"], name=op.f("fk_task_closed_by")),
        sa.ForeignKeyConstraint(["made_by"], ["staff.id"], name=op.f("fk_task_made_by")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_task_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
    )
    op.create_index("ix_task_assignee", "task", ["assignee_id", "state", "due_on"], unique=False)
    op.create_index("ix_task_on", "task", ["on_id", "state"], unique=False)
    op.create_index(op.f("ix_task_program_id"), "task", ["program_id"], unique=False)
    op.create_table(
        "case_member",
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("staff_id", sa.String(length=32), nullable=False),
        sa.Column("added_by", sa.String(length=32), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["added_by"], ["staff.id"], name=op.f("fk_case_member_added_by")),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_case_member_case_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_case_member_staff_id")),
        sa.PrimaryKeyConstraint("case_id", "staff_id", name=op.f("pk_case_member")),
    )
    op.create_index(op.f("ix_case_member_staff_id"), "case_member", ["staff_id"], unique=False)
    op.create_table(
        "case_move",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("from_case_id", sa.String(length=32), nullable=False),
        sa.Column("to_case_id", sa.String(length=32), nullable=False),
        sa.Column("about", sa.LargeBinary(), nullable=False),
        sa.Column("moved_by", sa.String(length=32), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["from_case_id"], ["case_file.id"], name=op.f("fk_case_move_from_case_id")),
        sa.ForeignKeyConstraint(["moved_by"], ["staff.id"], name=op.f("fk_case_move_moved_by")),
        sa.ForeignKeyConstraint(["to_case_id"], ["case_file.id"], name=op.f("fk_case_move_to_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_move")),
    )
    op.create_index(op.f("ix_case_move_from_case_id"), "case_move", ["from_case_id"], unique=False)
    op.create_index(op.f("ix_case_move_to_case_id"), "case_move", ["to_case_id"], unique=False)
    op.create_table(
        "graph_pin",
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("thing_id", sa.String(length=32), nullable=False),
        sa.Column("x", sa.Integer(), nullable=False),
        sa.Column("y", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_graph_pin_case_id")),
        sa.PrimaryKeyConstraint("case_id", "thing_id", name=op.f("pk_graph_pin")),
    )
    op.create_table(
        "link_decision",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("link_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("confidence", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("evidence", sa.String(length=71), nullable=True),
        sa.Column("decided_by", sa.String(length=32), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["decided_by"], ["staff.id"], name=op.f("fk_link_decision_decided_by")),
        sa.ForeignKeyConstraint(["link_id"], ["link.id"], name=op.f("fk_link_decision_link_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_decision")),
        sa.UniqueConstraint("link_id", "seq", name=op.f("uq_link_decision_link_id_seq")),
    )
    op.create_table(
        "note_mention",
        sa.Column("note_id", sa.String(length=32), nullable=False),
        sa.Column("staff_id", sa.String(length=32), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["note_id"], ["note.id"], name=op.f("fk_note_mention_note_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_note_mention_staff_id")),
        sa.PrimaryKeyConstraint("note_id", "staff_id", name=op.f("pk_note_mention")),
    )
    op.create_index(op.f("ix_note_mention_staff_id"), "note_mention", ["staff_id"], unique=False)
    op.create_table(
        "subject",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("program_id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("details", sa.LargeBinary(), nullable=False),
        sa.Column("made_by", sa.String(length=32), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_subject_case_id")),
        sa.ForeignKeyConstraint(["made_by"], ["staff.id"], name=op.f("fk_subject_made_by")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_subject_program_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subject")),
        sa.UniqueConstraint("number", name=op.f("uq_subject_number")),
    )
    op.create_index(op.f("ix_subject_case_id"), "subject", ["case_id"], unique=False)
    op.create_index(op.f("ix_subject_program_id"), "subject", ["program_id"], unique=False)
    op.create_table(
        "bulk_act_tip",
        sa.Column("act_id", sa.String(length=32), nullable=False),
        sa.Column("tip_id", sa.String(length=32), nullable=False),
        sa.Column("before", sa.String(length=64), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["act_id"], ["bulk_act.id"], name=op.f("fk_bulk_act_tip_act_id")),
        sa.ForeignKeyConstraint(["tip_id"], ["tip.id"], name=op.f("fk_bulk_act_tip_tip_id")),
        sa.PrimaryKeyConstraint("act_id", "tip_id", name=op.f("pk_bulk_act_tip")),
    )
    op.create_index(op.f("ix_bulk_act_tip_tip_id"), "bulk_act_tip", ["tip_id"], unique=False)
    op.create_table(
        "checkout",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("exhibit_id", sa.String(length=32), nullable=False),
        sa.Column("holder_id", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.LargeBinary(), nullable=False),
        sa.Column("out_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["exhibit_id"], ["exhibit.id"], name=op.f("fk_checkout_exhibit_id")),
        sa.ForeignKeyConstraint(["holder_id"], ["staff.id"], name=op.f("fk_checkout_holder_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkout")),
    )
    op.create_index(op.f("ix_checkout_exhibit_id"), "checkout", ["exhibit_id"], unique=False)
    op.create_index(op.f("ix_checkout_holder_id"), "checkout", ["holder_id"], unique=False)
    op.create_table(
        "exhibit_text",
        sa.Column("exhibit_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["asked_by"], ["staff.id"], name=op.f("fk_exhibit_text_asked_by")),
        sa.ForeignKeyConstraint(["exhibit_id"], ["exhibit.id"], name=op.f("fk_exhibit_text_exhibit_id")),
        sa.PrimaryKeyConstraint("exhibit_id", name=op.f("pk_exhibit_text")),
    )
    op.create_table(
        "tip_reader",
        sa.Column("tip_id", sa.String(length=32), nullable=False),
        sa.Column("staff_id", sa.String(length=32), nullable=False),
        sa.Column("added_by", sa.String(length=32), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["added_by"], ["staff.id"], name=op.f("fk_tip_reader_added_by")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_tip_reader_staff_id")),
        sa.ForeignKeyConstraint(["tip_id"], ["tip.id"], name=op.f("fk_tip_reader_tip_id")),
        sa.PrimaryKeyConstraint("tip_id", "staff_id", name=op.f("pk_tip_reader")),
    )
    op.add_column("case_file", sa.Column("access", sa.String(length=8), server_default="program", nullable=False))
    op.create_index("ix_case_file_access", "case_file", ["access"], unique=False)
    # one statement on both databases: SQLite takes a foreign key with a new column only
    reference = "CONSTRAINT fk_case_file_merged_into_id REFERENCES case_file (id)"
    op.execute(f"ALTER TABLE case_file ADD COLUMN merged_into_id VARCHAR(32) {reference}")
    op.add_column("case_file", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("link", sa.Column("evidence", sa.String(length=71), nullable=True))
    op.add_column("link", sa.Column("later_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("link", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("program", sa.Column("two_to_export", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("staff", sa.Column("preferences", sa.String(length=400), server_default="{}", nullable=False))
    op.add_column("staff", sa.Column("notify_address", sa.String(length=254), nullable=True))
    op.add_column("staff", sa.Column("notified_on", sa.Date(), nullable=True))
    op.add_column("staff_session", sa.Column("proved_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tip", sa.Column("priority", sa.Integer(), server_default="0", nullable=False))
    op.add_column("tip", sa.Column("due_on", sa.Date(), nullable=True))
    op.add_column("tip", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("tip", sa.Column("audience", sa.String(length=8), server_default="all", nullable=False))
    op.add_column("tip", sa.Column("redacted", sa.LargeBinary(), nullable=True))
    op.add_column("exhibit", sa.Column("named_only", sa.Boolean(), server_default=sa.false(), nullable=False))
    reference = "CONSTRAINT fk_tip_label_label_id REFERENCES label (id)"
    op.execute(f"ALTER TABLE tip_label ADD COLUMN label_id VARCHAR(32) {reference}")
    with op.batch_alter_table("tip_label") as table:  # it carries no trigger
        table.alter_column("label", existing_type=sa.LargeBinary(), nullable=True)
    op.create_index(op.f("ix_tip_label_label_id"), "tip_label", ["label_id"], unique=False)
    counted = ["state", "case_id", "assignee_id", "priority", "due_on", "channel", "id"]
    length, due = sa.text("length(number)"), sa.text("due_on IS NOT NULL")
    op.drop_index("ix_tip_inbox", table_name="tip")
    op.create_index("ix_tip_inbox", "tip", ["program_id", "received_on", length, "number", *counted], unique=False)
    op.create_index("ix_tip_priority", "tip", ["program_id", "priority", "received_on", length, "number"], unique=False)
    op.create_index("ix_tip_due", "tip", ["program_id", "due_on", "received_on"], unique=False, sqlite_where=due, postgresql_where=due)
    op.create_index("ix_tip_desk", "tip", ["program_id", *counted, "received_on"], unique=False)
    ours = sa.text("NOT by_source AND kind <> 'status'")
    op.create_index("ix_tip_message_ours", "tip_message", ["tip_id"], unique=False, sqlite_where=ours, postgresql_where=ours)
    queue = ["state", "program_id", "later_until", "tier", "made_at", "id", "from_id", "to_id", "kind"]
    op.create_index("ix_link_queue", "link", queue, unique=False)
    op.create_index("ix_audit_event_read", "audit_event", ["staff_id", "act", "subject_id", "detail"], unique=False)
    op.drop_index("ix_audit_event_staff_id", table_name="audit_event")
