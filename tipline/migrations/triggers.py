"""Triggers that refuse to change the custody record. `batch_alter_table` drops them silently: call this again after one.

UPDATE and DELETE are refused on both databases, TRUNCATE on PostgreSQL; an INSERT must continue the chain, which also
stops INSERT OR REPLACE on SQLite (it deletes without firing the delete trigger) and gaps.
"""

from __future__ import annotations

FROZEN = ("custody_event", "log_leaf", "log_checkpoint")
SEQ_BROKEN = "NEW.exhibit_seq <> (SELECT COALESCE(MAX(exhibit_seq), 0) + 1 FROM custody_event WHERE exhibit_id = NEW.exhibit_id)"
INDEX_BROKEN = "NEW.log_index <> (SELECT COALESCE(MAX(log_index), -1) + 1 FROM log_leaf)"
CONTINUED = {"custody_event": SEQ_BROKEN, "log_leaf": INDEX_BROKEN}


def append_only(dialect: str) -> list[str]:
    """Return the statements that create all triggers, for "sqlite" or "postgresql"."""
    return _sqlite() if dialect == "sqlite" else _postgresql()


def lift(dialect: str) -> list[str]:
    """Return the statements that drop all of them, for `tipline recover`, which creates them again in the same transaction."""
    if dialect == "sqlite":
        names = [f"{table}_no_{act}" for table in FROZEN for act in ("update", "delete")] + [f"{table}_continues" for table in CONTINUED]
        return [f"DROP TRIGGER {name}" for name in names]
    pairs = [(table, f"{table}_{what}") for table in FROZEN for what in ("frozen", "whole")]
    pairs += [(table, f"{table}_continues") for table in CONTINUED]
    functions = ["tipline_append_only", *(f"{table}_continues" for table in CONTINUED)]
    return [f"DROP TRIGGER {name} ON {table}" for table, name in pairs] + [f"DROP FUNCTION {name}()" for name in functions]


def _sqlite() -> list[str]:
    statements = [
        f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append only'); END"
        for table in FROZEN
        for act in ("UPDATE", "DELETE")
    ]
    return statements + [
        f"CREATE TRIGGER {table}_continues BEFORE INSERT ON {table} WHEN {broken} BEGIN SELECT RAISE(ABORT, '{table} has no gap'); END"
        for table, broken in CONTINUED.items()
    ]


def _postgresql() -> list[str]:
    statements = [
        "CREATE FUNCTION tipline_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append only', TG_TABLE_NAME; END $$"
    ]
    for table in FROZEN:
        statements += [
            f"CREATE TRIGGER {table}_frozen BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION tipline_append_only()",
            f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION tipline_append_only()",
        ]
    for table, broken in CONTINUED.items():
        statements += [
            f"CREATE FUNCTION {table}_continues() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN IF {broken} THEN RAISE EXCEPTION '{table} has no gap'; END IF; RETURN NEW; END $$",
            f"CREATE TRIGGER {table}_continues BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_continues()",
        ]
    return statements
