"""What the console is made of."""

from __future__ import annotations

from tipline.accounts import kitpages, preferencepages, sessionpages, tokenpages
from tipline.accounts import views as accounts
from tipline.admin import (
    auditpages,
    colleaguepages,
    examinerpages,
    recoverypages,
    restorationpages,
    rotationpages,
    signaturepages,
    translationpages,
)
from tipline.admin import views as admin
from tipline.api import views as api
from tipline.approvals import views as approvals
from tipline.attachments import views as attachments
from tipline.cases import entrypages, memberpages, subjectpages
from tipline.cases import views as cases
from tipline.exhibits import act_views as exhibit_acts
from tipline.exhibits import views as exhibits
from tipline.exports import views as exports
from tipline.inbox import bulkpages, deskpages, redactpages, sweeppages, viewpages, workloadpages
from tipline.inbox import views as inbox
from tipline.intake import phonepages
from tipline.letters import views as letters
from tipline.linking import indicatorpages
from tipline.linking import views as linking
from tipline.mapping import movingpages
from tipline.mapping import views as mapping
from tipline.notes import views as notes
from tipline.notices import views as notices
from tipline.palette import views as palette
from tipline.retention import views as retention
from tipline.rewards import views as rewards
from tipline.samples import revealpages
from tipline.samples import views as samples
from tipline.search import views as search
from tipline.similar import views as similar

ADMIN = (
    admin.bp,
    translationpages.bp,
    rotationpages.bp,
    recoverypages.bp,
    restorationpages.bp,
    examinerpages.bp,
    signaturepages.bp,
    colleaguepages.bp,
)
PEOPLE = (sessionpages.bp, approvals.bp, memberpages.bp, revealpages.bp, auditpages.bp)
STAFF = (*PEOPLE, accounts.bp, tokenpages.bp, kitpages.bp, preferencepages.bp, palette.bp, *ADMIN)
OTHERS = (letters.bp, samples.bp, search.bp, linking.bp, similar.bp, indicatorpages.bp, exports.bp, retention.bp, rewards.bp, notices.bp)
INBOX = (notes.bp, deskpages.bp, inbox.bp, redactpages.bp, bulkpages.bp, viewpages.bp, workloadpages.bp, sweeppages.bp)
CASES = (cases.bp, entrypages.bp, subjectpages.bp, mapping.bp, movingpages.bp)
FILES = (exhibits.bp, exhibit_acts.bp, attachments.bp)
BLUEPRINTS = (*STAFF, phonepages.bp, *INBOX, *CASES, *FILES, *OTHERS, api.bp)
