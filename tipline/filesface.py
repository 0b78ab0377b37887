"""What the origin of downloads is made of."""

from __future__ import annotations

from tipline.exhibits import files
from tipline.notices import mailing

BLUEPRINTS = (files.bp, mailing.bp)
