"""What lint finds: one sentence at a place, for some versions of Exchange or for all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.source import Source

RULES = {
    "syntax": "It parses.",
    "subset": "It uses only what lint's parser reads.",
    "template": "A template holds `{{ expression }}` and nothing else of the template language.",
    "value": "A value stands by itself, never within a string, a word or a comment.",
    "typographic": "Quotes, dashes and blanks are ASCII.",
    "construct": "It uses only constructs of that version's PowerShell.",
    "cmdlet": "Every command exists in that version.",
    "parameter": "Every parameter exists in that version, is written in full and is given its value.",
    "positional": "No command is given more arguments without a name than it takes.",
    "dynamic-name": "Which command is called, and with which parameters, can be told from the script.",
    "alias": "No command is called by an alias.",
    "forbidden": "`Invoke-Expression`, `Write-Host` and `Read-Host` aren't used.",
    "confirm": "An Exchange cmdlet that changes something is called with `-Confirm:$false`.",
    "identity-pipe": "What an Exchange cmdlet reads never goes straight into one that writes.",
    "undeclared": "A module names every Exchange cmdlet of its scripts, and says when they need those of IIS.",
    "sample": "Every template is rendered by a module's sample.",
    "platform": "The table says what each version of Exchange runs on.",
}
"""Every rule, and what must hold."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong in a script.

    Args:
        source: Where, in the template or playbook as it is written.
        rule: A name of `RULES`.
        message: What, in one sentence without a full stop.
        hint: What to write instead; empty where nothing helps.
        versions: The versions of Exchange that it is wrong for; none where it has nothing to do with versions.
    """

    source: Source
    rule: str
    message: str
    hint: str = ""
    versions: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line: ``file:line:column: message (hint) [rule; Exchange 2007, 2010]``."""
        words = f"{self.source}: {self.message}" + (f" ({self.hint})" if self.hint else "")
        known = [self.rule, *(["Exchange " + ", ".join(self.versions)] if self.versions else [])]
        return f"{words} [{'; '.join(known)}]"


def merged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Bring together what is wrong for several versions, in the order of the text."""
    versions: dict[Finding, dict[str, None]] = {}
    for finding in findings:
        versions.setdefault(replace(finding, versions=()), {}).update(dict.fromkeys(finding.versions))
    found = [replace(finding, versions=tuple(those)) for finding, those in versions.items()]
    return tuple(sorted(found, key=lambda each: (each.source, each.rule, each.message)))
