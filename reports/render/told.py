"""What does every report receive? A decided run with the story of each hero, and where its files wait for signature."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from gates.attestation import Artefact, EvidenceFile
from gates.release import Release
from reports.attestation.document import attest_heroes, describe_artefacts, describe_evidence
from reports.attestation.statements import Seal
from reports.model.story import Story


@dataclass(frozen=True, kw_only=True)
class Told:
    """A decision and what is told of it. A report of the run goes into `staged`, one of a hero into `home`."""

    release: Release
    stories: tuple[Story, ...]  # worst first
    seal: Seal

    @property
    def staged(self) -> Path:
        """Where what says the decision waits until it is signed."""
        return self.release.run_folder / "unsigned"

    def home(self, story: Story) -> Path:
        """The folder of a hero's evidence; what lies there is named in its attestation by digest."""
        return self.release.artifacts / story.hero

    @property
    def unread(self) -> Release:
        """The release whose artifacts are those that wait."""
        return replace(self.release, artifacts=self.staged)

    @cached_property
    def evidence(self) -> Mapping[str, Sequence[EvidenceFile]]:
        """The files of evidence, by hero."""
        return {story.hero: describe_evidence(self.home(story)) for story in self.stories}

    @cached_property
    def attested(self) -> Mapping[str, bytes]:
        """Each hero's attestation, over what lies in its folder when it is first asked for."""
        artefacts: dict[str, Sequence[Artefact]] = {s.hero: describe_artefacts(self.home(s)) for s in self.stories}
        return attest_heroes(self.release, self.stories, self.evidence, artefacts, self.seal.decisions)
