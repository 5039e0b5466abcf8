"""Where a rule is described: its heading in docs/RULES.md, which comes with the package."""

import re
from functools import cache
from pathlib import Path

import nsllm
from nsllm.frontends.lsp.uris import uri_of

_FILE = "RULES.md"
_HEADING = re.compile(r"#+\s+`?([a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)*)`?\s*(?:[:–—(].*)?")


def page_of(rule: str) -> str | None:
    """Return a URI that opens where a rule is described, None where it is nowhere.

    A file of this machine, so that it can be read without a network; `#L12` is the line, which
    editors understand of files where they know no headings.
    """
    path = rules_file()
    line = headings(path).get(rule)
    return f"{uri_of(path)}#L{line}" if line else _plugin_pages().get(rule)


def rules_file() -> Path:
    """Return RULES.md: in the package where that is installed, under docs/ in a checkout."""
    package = Path(nsllm.__file__).parent
    inside = package / _FILE
    return inside if inside.is_file() else package.parents[1] / "docs" / _FILE


@cache
def headings(path: Path) -> dict[str, int]:
    """Return the line of each heading that is a rule's id; none where there is no such file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    found = ((_HEADING.fullmatch(line.strip()), number) for number, line in enumerate(lines, 1))
    return {match[1]: number for match, number in found if match}


@cache
def _plugin_pages() -> dict[str, str]:
    from nsllm.governance import plugins

    return {rule.id: rule.help_uri for rule in plugins.load().rules if rule.help_uri}
