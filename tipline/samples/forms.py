"""What is typed to register a sample."""

from __future__ import annotations

from tipline.cases.uploads import HandoverForm
from tipline.samples.services import RegisterSample


class SampleForm(HandoverForm):
    """A file of leaked records."""

    def command(self) -> RegisterSample:
        return RegisterSample(self.handover())
