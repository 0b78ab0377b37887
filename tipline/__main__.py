"""`python -m tipline`, the same as the command `tipline`."""

from __future__ import annotations

from tipline.cli import main

main()
