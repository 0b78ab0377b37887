"""Pages of the administrator: colleagues, programs, keys."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tipline.accounts.fresh import fresh
from tipline.admin import keys, programs, recovery, rotations, services, translations
from tipline.admin.forms import AccessForm, ColleagueForm, NoticeForm, ProgramForm, RecoveryForm, show_faults
from tipline.admin.listing import is_waiting
from tipline.admin.rules import STATE_WORDS, mark_of_notice
from tipline.admin.shares import columns
from tipline.errors import BadInput, Conflict
from tipline.policy import may, require
from tipline.web import actor, work

bp = Blueprint("admin", __name__)

Form = NoticeForm | RecoveryForm | AccessForm
FIRST_PAGES = (("tip.read", "/inbox"), ("staff.manage", "/staff"), ("payout.redeem", "/payouts"))


@bp.get("/")
def index() -> ResponseReturnValue:
    """Lead each role to the page where its work begins."""
    return redirect(next((path for action, path in FIRST_PAGES if may(actor(), action)), "/keys"))


@bp.get("/staff")
def staff() -> ResponseReturnValue:
    """Colleagues and the form to invite one."""
    return _page_staff(ColleagueForm(formdata=None))


@bp.post("/staff/add")
def staff_add() -> ResponseReturnValue:
    """Invite a colleague; the link stands on this answer and nowhere else."""
    form = ColleagueForm()
    try:
        link = services.add_colleague(work(), actor(), form.command())
    except BadInput as wrong:
        show_faults(form, wrong.fields)
        return _page_staff(form), 422
    except Conflict as taken:
        show_faults(form, {"login": f"{taken.message} {taken.next_step}"})
        return _page_staff(form), 422
    return render_template("admin/link_show.html", name=form.command().name, login=form.command().login, link=link)


@bp.post("/staff/<staff_id>/link")
def staff_link(staff_id: str) -> ResponseReturnValue:
    """Make a new link for a colleague without a working account."""
    colleague, link = services.renew_colleague_link(work(), actor(), staff_id)
    return render_template("admin/link_show.html", name=colleague.name, login=colleague.login, link=link)


@bp.get("/staff/<staff_id>/disable")
def staff_disable_page(staff_id: str) -> ResponseReturnValue:
    """What disabling means, before it is done."""
    return render_template("admin/staff_disable.html", person=services.get_colleague(work(), actor(), staff_id))


@bp.post("/staff/<staff_id>/disable")
@fresh
def staff_disable(staff_id: str) -> ResponseReturnValue:
    """End a colleague's account."""
    services.disable_colleague(work(), actor(), staff_id)
    flash("The account is disabled. Its sessions have ended.")
    after = "rotation.left" if rotations.held_by(work(), actor(), staff_id) else "admin.staff"
    return redirect(url_for(after, staff_id=staff_id if after != "admin.staff" else None), 303)


@bp.get("/programs")
def program_list() -> ResponseReturnValue:
    """All programs."""
    return render_template(
        "admin/program_list.html", programs=programs.list_programs(work(), actor()), words=STATE_WORDS, waits=is_waiting(work())
    )


@bp.get("/programs/new")
def program_new() -> ResponseReturnValue:
    """The form of a new program."""
    require(actor(), "program.manage")
    return render_template("admin/program_new.html", form=ProgramForm(formdata=None, notice_on=work().today()))


@bp.post("/programs/new")
def program_create() -> ResponseReturnValue:
    """Make a program; its recovery shares stand on this answer and nowhere else."""
    require(actor(), "program.manage")
    form = ProgramForm()
    if not form.validate():
        return render_template("admin/program_new.html", form=form), 422
    try:
        made = programs.create_program(work(), actor(), form.command())
    except BadInput as wrong:
        show_faults(form, wrong.fields)
        return render_template("admin/program_new.html", form=form), 422
    return _page_recovery(made)


@bp.get("/programs/<program_id>")
def program(program_id: str) -> ResponseReturnValue:
    """One program: notice, access, state."""
    return _page_program(program_id, {})


@bp.post("/programs/<program_id>/notice")
def program_notice(program_id: str) -> ResponseReturnValue:
    """Change what the public reads."""
    require(actor(), "program.notice")
    form = NoticeForm()
    if not form.validate():
        return _page_program(program_id, {"notice": form}), 422
    try:
        programs.edit_notice(work(), actor(), form.edit(program_id))
    except programs.ChangedMeanwhile as changed:
        return _page_program(program_id, {"notice": form}, changed), 409
    except BadInput as wrong:
        show_faults(form, wrong.fields)
        return _page_program(program_id, {"notice": form}), 422
    flash("The notice is changed. The public page shows it now.")
    return redirect(url_for("admin.program", program_id=program_id), 303)


@bp.post("/programs/<program_id>/recovery")
def program_recovery(program_id: str) -> ResponseReturnValue:
    """Take two of the printed recovery shares, typed back, and open the program."""
    require(actor(), "program.manage")
    form = RecoveryForm()
    if not form.validate():
        return _page_program(program_id, {"recovery": form}), 422
    try:
        recovery.confirm_recovery(work(), actor(), program_id, form.command())
    except BadInput as wrong:
        show_faults(form, wrong.fields)
        return _page_program(program_id, {"recovery": form}), 422
    flash("The recovery shares work. The program is open for tips.")
    return redirect(url_for("admin.program", program_id=program_id), 303)


@bp.post("/programs/<program_id>/recovery/new")
def program_recovery_new(program_id: str) -> ResponseReturnValue:
    """Make other recovery shares in place of some that were lost before they were confirmed."""
    return _page_recovery(recovery.renew_recovery(work(), actor(), program_id))


@bp.post("/programs/<program_id>/access")
@fresh
def program_access(program_id: str) -> ResponseReturnValue:
    """Give a colleague the program's key, after their fingerprint was compared."""
    require(actor(), "program.grant")
    form = AccessForm()
    if not form.validate():
        return _page_program(program_id, {"access": form}), 422
    programs.grant_access(work(), actor(), form.command(program_id))
    flash("Your colleague can read this program now.")
    return redirect(url_for("admin.program", program_id=program_id), 303)


@bp.post("/programs/<program_id>/state")
def program_state(program_id: str) -> ResponseReturnValue:
    """Open or close a program for tips."""
    programs.set_program_state(work(), actor(), program_id, request.form.get("state", ""))
    return redirect(url_for("admin.program", program_id=program_id), 303)


@bp.post("/programs/<program_id>/exports")
@fresh
def program_exports(program_id: str) -> ResponseReturnValue:
    """Ask for a second person before each export of a program, or for none any more."""
    programs.set_two_to_export(work(), actor(), program_id, request.form.get("two") == "yes")
    return redirect(url_for("admin.program", program_id=program_id), 303)


@bp.get("/keys")
def key_list() -> ResponseReturnValue:
    """The fingerprints that people compare: the log key's first."""
    return render_template("admin/key_list.html", shown=keys.list_keys(work(), actor()))


def _page_staff(form: ColleagueForm) -> str:
    colleagues = services.list_colleagues(work(), actor())
    return render_template("admin/staff_list.html", form=form, colleagues=colleagues)


def _page_program(program_id: str, given: dict[str, Form], changed: programs.ChangedMeanwhile | None = None) -> str:
    """Return a program's page; `given` holds the form that has something to put right."""
    shown = programs.get_program(work(), actor(), program_id)
    mark = mark_of_notice(programs.notice_of(shown))
    notice = given.get("notice") or NoticeForm(formdata=None, obj=shown, seen=mark)
    if changed is not None and isinstance(notice, NoticeForm):
        notice.seen.data = mark
    return render_template(
        "admin/program_show.html",
        program=shown,
        words=STATE_WORDS,
        public_address=f"{work().settings.public_origin.rstrip('/')}/p/{shown.slug}",
        readers=programs.list_readers(work(), actor(), program_id),
        notice=notice,
        changed=changed,
        untranslated=translations.missing(work(), actor(), shown),
        language_names=translations.OTHERS,
        recovery=given.get("recovery") or RecoveryForm(formdata=None),
        access=given.get("access") or AccessForm(formdata=None),
        holds=program_id in actor().keyring.program_ids(),
        left=rotations.who_left(work(), program_id),
        rotating=rotations.is_under_way(work(), program_id),
        waits=is_waiting(work()),
    )


def _page_recovery(made: programs.CreatedProgram) -> str:
    sheets = [columns(share) for share in made.shares]
    return render_template(
        "admin/recovery_show.html",
        program=made.program,
        recovery=made.recovery_recipient,
        sheets=sheets,
        form=RecoveryForm(formdata=None),
        waits=made.waits,
    )
