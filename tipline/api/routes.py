"""One table of what the API can do: the blueprint's routes and the document are both made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tipline.accounts.tokens import Bearer
from tipline.actor import Actor
from tipline.api.schema import Schema
from tipline.errorpages import API
from tipline.work import Work

PREFIX = API


@dataclass(frozen=True)
class Asked:
    """One checked request: its unit of work, who asks, and what stood in address, query and body."""

    work: Work
    bearer: Bearer
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def actor(self) -> Actor:
        return self.bearer.actor

    def said(self, name: str, otherwise: str = "") -> str:
        """A text of the body."""
        return str(self.body.get(name, otherwise))


@dataclass(frozen=True)
class Route:
    """One thing to ask.

    Args:
        path: with parts in braces, below PREFIX.
        scope: what a token needs; empty where any token will do.
        needed: names of the query that have to be there.
        writes: whether its unit of work writes, where that is not what its method says: a GET that enters something into a record; a
            POST only because its words may stand in no address.
        media: of the answer; only JSON is described further.
    """

    method: str
    path: str
    name: str
    scope: str
    summary: str
    handler: Callable[[Asked], Any]
    answer: Schema
    query: Mapping[str, Schema] = field(default_factory=dict)
    needed: tuple[str, ...] = ()
    body: Schema | None = None
    status: int = 200
    writes: bool | None = None
    media: str = "application/json"
