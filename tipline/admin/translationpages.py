"""The form of a program's texts in another language, beside its own."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from tipline.admin import translations
from tipline.admin.forms import TranslationForm, show_faults
from tipline.admin.programs import ChangedMeanwhile, notice_of
from tipline.admin.rules import mark_of_notice, missing_of
from tipline.errors import BadInput
from tipline.policy import require
from tipline.web import actor, work

bp = Blueprint("translation", __name__)


@bp.get("/programs/<program_id>/texts/<language>")
def texts(program_id: str, language: str) -> ResponseReturnValue:
    """The texts side by side."""
    return _page(program_id, language)


@bp.post("/programs/<program_id>/texts/<language>")
def change(program_id: str, language: str) -> ResponseReturnValue:
    """Keep the texts of a language."""
    require(actor(), "program.notice")
    form = TranslationForm()
    if not form.validate():
        return _page(program_id, language, form), 422
    try:
        translations.edit_translation(work(), actor(), form.edit(program_id, language))
    except ChangedMeanwhile as changed:
        return _page(program_id, language, form, changed), 409
    except BadInput as wrong:
        show_faults(form, wrong.fields)
        return _page(program_id, language, form), 422
    flash("The texts are changed. The public page shows them now.")
    return redirect(url_for("admin.program", program_id=program_id), 303)


def _page(program_id: str, language: str, given: TranslationForm | None = None, changed: ChangedMeanwhile | None = None) -> str:
    program, saved = translations.get_translation(work(), actor(), program_id, language)
    form = given or TranslationForm(formdata=None, obj=saved)
    if given is None or changed is not None:
        form.seen.data = mark_of_notice(saved)
    values = {"name": translations.OTHERS[language], "language": language, "missing": missing_of(notice_of(program), saved)}
    return render_template("admin/program_texts.html", program=program, form=form, saved=saved, changed=changed, **values)
