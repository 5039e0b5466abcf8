"""Write the reference of the rules in docs/RULES.md from the rules themselves.

python scripts/generate_rules.py [--check]

What stands above the mark in the file is written by hand. With --check nothing is written, and
the status is 1 if the reference is stale.
"""

import ast
import inspect
import itertools
import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "server"))

from nsllm.governance.checks import BUILT_IN  # noqa: E402 - from this script's tree
from nsllm.governance.rules import Options, Rule  # noqa: E402

PAGE = ROOT / "docs" / "RULES.md"
MARK = "<!-- Below this line: written by scripts/generate_rules.py. -->\n"
_COMMON = {field.name for field in msgspec.structs.fields(Options)}


def reference() -> str:
    """Return the section of every rule."""
    return "\n".join(line for rule in BUILT_IN for line in _section(rule))


def page(text: str) -> str:
    """Return the page with its reference replaced."""
    by_hand, mark, _ = text.partition(MARK)
    if not mark:
        raise SystemExit(f"{PAGE} lacks the mark: {MARK}")
    return f"{by_hand}{MARK}\n{reference()}"


def _section(rule: Rule[Any]) -> Iterator[str]:
    yield from (f"### {rule.id}", "", rule.summary)
    if rule.advice:
        yield from ("", f"What to do: {rule.advice}")
    yield from ("", "| Option | `standard` | `strict` | `permissive` | |", "|---|---|---|---|---|")
    described = _descriptions(type(rule.options))
    for field in msgspec.structs.fields(rule.options):
        value = getattr(rule.options, field.name)
        changed = any(field.name in profile for profile in (rule.strict, rule.permissive))
        if field.name in _COMMON and not changed and not _is_telling(field.name, value):
            continue
        strict, permissive = (
            _value(profile.get(field.name, value)) for profile in (rule.strict, rule.permissive)
        )
        cells = (f"`{field.name}`", _value(value), strict, permissive, described[field.name])
        yield f"| {' | '.join(cells)} |"
    yield ""


def _is_telling(name: str, value: Any) -> bool:
    """Tell whether an option that every rule has is worth a row of its own."""
    return name == "severity" or (name == "applies_to" and len(value) == 1)


def _value(value: Any) -> str:
    return f"`{json.dumps(msgspec.to_builtins(value), ensure_ascii=False)}`"


def _descriptions(kind: type[Options]) -> dict[str, str]:
    """Read the text below each field, of the class and those it is made from."""
    found: dict[str, str] = {}
    for owner in reversed(kind.__mro__):
        if not (isinstance(owner, type) and issubclass(owner, Options)):
            continue
        [node] = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
        body = node.body if isinstance(node, ast.ClassDef) else []
        for field, text in itertools.pairwise(body):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
            ):
                found[field.target.id] = " ".join(str(text.value.value).split())
    return found


def main() -> int:
    """Write the page if it is stale, or with --check only say so."""
    text = PAGE.read_text(encoding="utf-8")
    wanted = page(text)
    if wanted == text:
        return 0
    check = "--check" in sys.argv[1:]
    print(f"{'Stale' if check else 'Written'}: {PAGE.relative_to(ROOT)}")
    if not check:
        PAGE.write_text(wanted, encoding="utf-8", newline="\n")
    return 1 if check else 0


if __name__ == "__main__":
    sys.exit(main())
