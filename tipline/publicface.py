"""What the public face is made of: no staff route, and nothing that opens what was stored."""

from __future__ import annotations

from tipline.intake import pages, phonepages, proofpages, talkpages
from tipline.intake import views as intake
from tipline.notices import publicpages as letters_public
from tipline.rewards import publicpages as claims

BLUEPRINTS = (pages.bp, intake.bp, talkpages.bp, phonepages.source_bp, proofpages.bp, claims.bp, letters_public.bp)
