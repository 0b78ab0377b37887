"""Words that a machine read in pictures (`tipline.attachments.reading`), for those who only read them: search, links, the linking desk."""

from __future__ import annotations

import json
from collections.abc import Iterable

from sqlalchemy import select

from tipline.actor import Keyring
from tipline.models.custody import Exhibit
from tipline.models.desk import ExhibitText
from tipline.work import Work

MAY_BE_WRONG = "read by character recognition, may be wrong"


def lettered_words(work: Work, keyring: Keyring, exhibit_ids: Iterable[str]) -> dict[str, str]:
    """Return the words of those of the exhibits in which some were read, by exhibit id. Who may see them is asked before."""
    query = (
        select(Exhibit.id, Exhibit.program_id, ExhibitText.body)
        .join(ExhibitText, ExhibitText.exhibit_id == Exhibit.id)
        .where(Exhibit.id.in_(list(exhibit_ids)), ExhibitText.state == "done")
    )
    found = {}
    for exhibit_id, program_id, body in work.session.execute(query):
        if body:
            found[exhibit_id] = str(json.loads(keyring.program(str(program_id)).unwrap(body))["words"]).strip()
    return {exhibit_id: words for exhibit_id, words in found.items() if words}
