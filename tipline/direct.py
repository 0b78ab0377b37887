"""Statements of the busiest paths: compiled once for each kind of database, run on its driver's own cursor.

    row = direct.first(session, IS_SENT, {"id": "..."})

SQLAlchemy writes the SQL and converts values as everywhere else, but only at first use: its share of a short statement is
many times the database's. Transactions, pool and errors stay SQLAlchemy's. Only for statements that a module keeps: each
is remembered for as long as the process lives.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

Convert = Callable[[Any], Any]
Values = Mapping[str, Any]


@dataclass(frozen=True)
class _Compiled:
    """A statement as one dialect's driver takes it."""

    sql: str
    positions: tuple[str, ...] | None  # names in the order of their places; None where the driver takes names
    before: tuple[tuple[str, Convert], ...]
    fixed: Values  # defaults that no row gives
    row: Callable[[Sequence[Any]], Any]

    def values(self, given: Values) -> Any:
        values = {**self.fixed, **given}
        for name, convert in self.before:
            values[name] = convert(values[name])
        return values if self.positions is None else [values[name] for name in self.positions]


_ASKED = "direct"  # in the session's own notes: its transaction, and that one's connection
_COMPILED: dict[tuple[object, ...], _Compiled] = {}  # by statement, dialect and names of the values


def first(session: Session, statement: Any, values: Values) -> Any:
    """The first row as a named tuple of its columns, or None. Raises: as `Session.execute`."""
    found = rows(session, statement, values)
    return found[0] if found else None


def rows(session: Session, statement: Any, values: Values) -> list[Any]:
    """All rows. Raises: as `Session.execute`."""
    compiled, cursor = _run(session, statement, [values])
    try:
        return [compiled.row(found) for found in cursor.fetchall()]
    finally:
        cursor.close()


def write(session: Session, statement: Any, *given: Values) -> None:
    """Run a statement for each of these, which all name the same columns. Raises: as `Session.execute`."""
    if given:
        _run(session, statement, given)[1].close()


def _run(session: Session, statement: Any, given: Sequence[Values]) -> tuple[_Compiled, Any]:
    through = connection(session)
    dialect = through.dialect
    key = (statement, dialect.name, *given[0])
    compiled = _COMPILED.get(key)
    if compiled is None:
        compiled = _COMPILED[key] = _compile(statement, dialect, list(given[0]))
    cursor = through.connection.cursor()
    try:
        if len(given) == 1:
            cursor.execute(compiled.sql, compiled.values(given[0]))
        else:
            cursor.executemany(compiled.sql, [compiled.values(one) for one in given])
    except dialect.loaded_dbapi.Error as error:
        cursor.close()
        raise DBAPIError.instance(compiled.sql, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect) from error
    return compiled, cursor


def connection(session: Session) -> Connection:
    """The connection of the session's transaction, asked for once in each: the question costs more than a short statement."""
    transaction = session.get_transaction()
    begun, known = session.info.get(_ASKED, (None, None))
    if transaction is not None and transaction is begun and transaction.is_active:
        return cast(Connection, known)
    found = session.connection()
    session.info[_ASKED] = (session.get_transaction(), found)
    return found


def _compile(statement: Any, dialect: Dialect, names: list[str]) -> _Compiled:
    compiled: SQLCompiler = statement.compile(dialect=dialect, column_keys=names if statement.is_insert else None)
    fixed = {column.key: _constant(column.default) for column in compiled.insert_prefetch} if statement.is_insert else {}
    fixed |= {name: bind.value for name, bind in compiled.binds.items() if name not in {*names, *fixed}}
    before = [(name, _converter(bind.type, dialect)) for name, bind in compiled.binds.items()]
    positions = None if compiled.positiontup is None else tuple(compiled.positiontup)
    return _Compiled(compiled.string, positions, tuple((name, one) for name, one in before if one), fixed, _row_maker(statement, dialect))


def _constant(default: Any) -> Any:
    if not getattr(default, "is_scalar", False):
        raise TypeError("a statement run directly needs a value for each column whose default is computed")
    return default.arg


def _converter(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _row_maker(statement: Any, dialect: Dialect) -> Callable[[Sequence[Any]], Any]:
    columns = list(getattr(statement, "exported_columns", ()))
    if not columns:
        return tuple
    row: Any = namedtuple("Row", [column.key for column in columns])  # type: ignore[misc]  # its names come from the statement
    make: Callable[[Sequence[Any]], Any] = row._make
    found = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
    after = [(place, convert) for place, convert in enumerate(found) if convert]
    if not after:
        return make

    def converted(row: Sequence[Any]) -> Any:
        values = list(row)
        for place, convert in after:
            values[place] = convert(values[place])
        return make(values)

    return converted
