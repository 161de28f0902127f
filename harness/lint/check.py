"""The checks put together: all templates for the versions they are made for, and the scripts of playbooks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness import resources
from harness.exchange.versions import VERSIONS
from harness.lab.powershell import ScriptSyntaxError, parse
from harness.lint import samples
from harness.lint.commands import Commands, Surroundings, functions
from harness.lint.constructs import constructs
from harness.lint.finding import Finding, merged
from harness.lint.table import table
from harness.lint.text import Places, syntax_finding, template_findings
from harness.remote.powershell import Script
from harness.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from harness.exchange.versions import Version
    from harness.lint.playbooks import PlaybookScript
    from harness.lint.table import Platform

_FOLDER = "templates/powershell"
_BOOTSTRAP = "bootstrap.ps1"
# What runs a batch calls the scripts that came to it, and the clean-up that they left.
# The one function that starts programs is checked where it is called.
_CALLS_BLOCKS = {
    f"{_FOLDER}/{_BOOTSTRAP}": frozenset({"harnessscript", "harnessstep"}),
    f"{_FOLDER}/prelude.ps1": frozenset({"program"}),
}
# Cmdlets that a script calls to bring others up aren't among those it declares.
_BRINGS_UP = ("exchange_", "webadministration")
_WHATEVER_THE_VERSION = frozenset({"syntax", "undeclared"})


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked, and what was found.

    Args:
        findings: In the order of files and lines.
        versions: The versions of Exchange that were checked.
        templates: How many templates.
        scripts: How many scripts they were rendered to, or playbooks hold.
    """

    findings: tuple[Finding, ...]
    versions: tuple[str, ...]
    templates: int
    scripts: int


@dataclass(frozen=True, slots=True)
class Needs:
    """What a script is said to need, and so is brought up for it.

    Args:
        cmdlets: The Exchange cmdlets.
        web: Whether it gets those of IIS.
        who: Who says so.
        hint: Where to say more.
    """

    cmdlets: frozenset[str]
    web: bool
    who: str
    hint: str


def check_templates(versions: Sequence[Version] = tuple(VERSIONS.values())) -> Report:
    """Check every template, as it is and as it is rendered for each version.

    Args:
        versions: The versions to render for.
    """
    folder = resources.folder("templates") / "powershell"
    texts = {f"{_FOLDER}/{path.name}": path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.ps1*"))}
    findings = [finding for file, text in texts.items() for finding in template_findings(file, text)]
    broken = {finding.source.file for finding in findings if finding.rule in {"syntax", "subset", "template"}}
    seen: set[str] = set()
    count = 0
    for version in versions:
        platform = table().platforms.get(version.name)
        if platform is None:
            source = Source("harness/lint/added.toml")
            findings.append(Finding(source, "platform", f"the table doesn't say what Exchange {version.name} runs on"))
            continue
        scripts = _scripts(version, texts)
        count += len(scripts)
        seen |= {script.source.file for script in scripts}
        whole = [script for script in scripts if script.source.file not in broken]
        findings += _for_platform(whole, texts, platform)
    # Some templates are for some versions only.
    if {version.name for version in versions} >= VERSIONS.keys():
        findings += _unproven(texts, seen)
    return Report(merged(findings), tuple(version.name for version in versions), len(texts), count)


def _scripts(version: Version, texts: Mapping[str, str]) -> list[Script]:
    bootstrap = f"{_FOLDER}/{_BOOTSTRAP}"
    scripts = [Script(texts[bootstrap], Source(bootstrap, 1)), *samples.scripts(version)]
    return list({(script.source, script.text): script for script in scripts}.values())


def _unproven(texts: Mapping[str, str], seen: set[str]) -> Iterator[Finding]:
    for file in sorted(set(texts) - seen):
        message = "no sample renders this template, so nothing is proven of it"
        yield Finding(Source(file), "sample", message, "give its module a sample in harness/lint/samples.py")
    for name in samples.unsampled():
        message = f"the module {name} has no sample, so its scripts aren't checked"
        yield Finding(Source("harness/lint/samples.py"), "sample", message)


def _for_platform(scripts: Sequence[Script], texts: Mapping[str, str], platform: Platform) -> Iterator[Finding]:
    loaded = functions(parse(samples.loaded().text))
    for script in scripts:
        file = script.source.file
        places = Places(texts.get(file, script.text), script.text)

        def at(line: int, column: int, file: str = file, places: Places = places) -> Source:
            return Source(file, line, places.column(line, column))

        blocks = _CALLS_BLOCKS.get(file, frozenset())
        around = Surroundings(table(), platform, loaded, blocks=blocks)
        needs = Needs(script.cmdlets, script.web, "the module", "name it in powershell.script(cmdlets=…)")
        brings_up = file.rpartition("/")[2].startswith(_BRINGS_UP)
        yield from script_findings(script.text, around, at, None if brings_up else needs)


def script_findings(
    text: str, around: Surroundings, at: Callable[[int, int], Source], needs: Needs | None = None
) -> Iterator[Finding]:
    """Check one script for one platform.

    Args:
        text: The script.
        around: What it finds where it runs.
        at: Gives the place in the user's or the template's text for a line and a column of the script.
        needs: What is brought up for it; None where that isn't checked.
    """
    try:
        tree = parse(text)
    except ScriptSyntaxError as error:
        source = at(error.line, error.column)
        yield syntax_finding(error, source.file, source.line, source.column)
        return
    versions = (around.platform.exchange,)
    for each in constructs(tree):
        if not around.platform.has_powershell(each.since):
            message = f"{each.name} came with Windows PowerShell {each.since}"
            hint = f"write {each.instead}" if each.instead else ""
            yield Finding(at(each.node.line, each.node.column), "construct", message, hint, versions)
    commands = Commands(tree, around)
    for remark in commands.remarks():
        where = at(remark.node.line, remark.node.column)
        bound = versions if remark.rule in {"cmdlet", "parameter", "positional"} else ()
        yield Finding(where, remark.rule, remark.message, remark.hint, bound)
    if needs is not None:
        yield from _undeclared(commands, needs, at)


def _undeclared(commands: Commands, needs: Needs, at: Callable[[int, int], Source]) -> Iterator[Finding]:
    named = {name.lower() for name in needs.cmdlets}
    for cmdlet, node in commands.exchange.items():
        if cmdlet.lower() not in named:
            message = f"{cmdlet} isn't among the cmdlets that {needs.who} names, so no session brings it up"
            yield Finding(at(node.line, node.column), "undeclared", message, needs.hint)
    if commands.web is not None and not needs.web:
        message = "the module doesn't say that this script needs the cmdlets of IIS"
        source = at(commands.web.line, commands.web.column)
        yield Finding(source, "undeclared", message, "say so in powershell.script(web=True)")


def check_scripts(scripts: Iterable[PlaybookScript], versions: Sequence[str]) -> Report:
    """Check scripts of the user's own: that they parse and, for the versions named, that what they use exists there.

    Args:
        scripts: The scripts.
        versions: The versions to check for; none for what holds whatever the version.
    """
    known = table()
    findings: list[Finding] = []
    count = 0
    newest = list(known.platforms.values())[-1]
    for script in scripts:
        count += 1
        # Modules that a script imports by itself are its own affair, those of IIS among them.
        needs = None
        if script.cmdlets is not None:
            needs = Needs(script.cmdlets, web=True, who="the task", hint="name it under exchange")
        for platform in [known.platforms[name] for name in versions] or [newest]:
            found = script_findings(script.text, Surroundings(known, platform, own=False), script.at, needs)
            if not versions:
                found = (each for each in found if each.rule in _WHATEVER_THE_VERSION)
            findings += found
    # What is valid but outside the parser's subset is the lab's limit, not a mistake of the user's.
    wrong = [finding for finding in findings if finding.rule != "subset"]
    return Report(merged(wrong), tuple(versions), 0, count)
