"""Write the editor's settings and docs/SETTINGS.md from the one schema in nsllm.settings.

python scripts/generate_settings.py [--check]

With --check nothing is written, and the status is 1 if a file is stale.
"""

import ast
import json
import sys
from pathlib import Path
from typing import Any, get_args

import msgspec

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "server"))

from nsllm import settings  # noqa: E402 - from the tree that this script belongs to

MANIFEST = Path("package.json")
WORDS = Path("package.nls.json")
TABLE = Path("docs/SETTINGS.md")
_PREFIX = "settings."
_RANGES = {
    "minimum": "from {}",
    "exclusiveMinimum": "above {}",
    "maximum": "to {}",
    "exclusiveMaximum": "below {}",
}


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One key of one section, as JSON Schema describes it."""

    section: str
    name: str
    kind: dict[str, Any]
    default: Any
    description: str

    @property
    def key(self) -> str:
        """The key as nsllm.toml and the editor name it."""
        return f"{self.section}.{self.name}"


def sections() -> dict[str, tuple[str, list[Setting]]]:
    """Return each section's description and settings, in the schema's order."""
    described = _descriptions()
    found: dict[str, tuple[str, list[Setting]]] = {}
    for section in msgspec.structs.fields(settings.Settings):
        own = [
            Setting(
                section=section.name,
                name=field.name,
                kind=_kind(field.type),
                default=_value_of(field),
                description=described[section.type.__name__][field.name],
            )
            for field in msgspec.structs.fields(section.type)
        ]
        found[section.name] = ((section.type.__doc__ or "").strip().splitlines()[0], own)
    return found


def _value_of(field: msgspec.structs.FieldInfo) -> Any:
    if field.default is msgspec.NODEFAULT:
        return msgspec.to_builtins(field.default_factory())
    return msgspec.to_builtins(field.default)


def _descriptions() -> dict[str, dict[str, str]]:
    """Read the text below each field: Python itself does not keep it."""
    source = Path(settings.__file__).read_text(encoding="utf-8")
    described: dict[str, dict[str, str]] = {}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ClassDef):
            continue
        fields = described.setdefault(node.name, {})
        for field, text in zip(node.body, node.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
            ):
                fields[field.target.id] = " ".join(str(text.value.value).split())
    return described


def _kind(kind: Any) -> dict[str, Any]:
    given = [part for part in get_args(kind) if part is not type(None)]
    if type(None) in get_args(kind) and len(given) == 1:
        # What may be left unset is null to the editor.
        found = _kind(given[0])
        unset = {"enum": [*found["enum"], None]} if "enum" in found else {}
        return {**found, "type": [found["type"], "null"], **unset}
    schema = msgspec.json.schema(kind)
    if "enum" in schema:
        # The schema sorts its values; the annotation's order is the one that was meant.
        order = list(getattr(kind, "__args__", schema["enum"]))
        schema = {"type": "string", "enum": order}
    return schema


def manifest(text: str) -> str:
    """Return package.json with the settings' sections and the restricted ones replaced."""
    package = json.loads(text)
    contributed = package["contributes"]["configuration"]
    by_hand = [block for block in contributed if not block["title"].startswith(f"%{_PREFIX}")]
    generated = [
        {
            "title": f"%{_PREFIX}{name}%",
            "properties": {
                f"nsllm.{one.key}": _property(one)
                for one in own
                if one.key not in settings.FILE_ONLY
            },
        }
        for name, (_, own) in sections().items()
        if name not in settings.NOT_IN_EDITORS
    ]
    package["contributes"]["configuration"] = by_hand + generated
    restricted = [
        f"nsllm.{one.key}"
        for name, (_, own) in sections().items()
        if name in settings.RESTRICTED - settings.NOT_IN_EDITORS
        for one in own
    ]
    trust = package["capabilities"]["untrustedWorkspaces"]
    server = [key for key in trust["restrictedConfigurations"] if key.startswith("nsllm.server.")]
    trust["restrictedConfigurations"] = server + restricted
    return _dump(package)


def _property(one: Setting) -> dict[str, Any]:
    scope = "machine-overridable" if one.section in settings.RESTRICTED else "resource"
    if one.section in settings.OWN_ONLY:
        scope = "machine"
    text = f"%{_PREFIX}{one.key}%"
    return {**one.kind, "default": one.default, "scope": scope, "markdownDescription": text}


def words(text: str) -> str:
    """Return package.nls.json with the settings' descriptions replaced."""
    table = {key: value for key, value in json.loads(text).items() if not key.startswith(_PREFIX)}
    for name, (_, own) in sections().items():
        if name in settings.NOT_IN_EDITORS:
            continue
        table[f"{_PREFIX}{name}"] = name.capitalize()
        table |= {
            f"{_PREFIX}{one.key}": one.description
            for one in own
            if one.key not in settings.FILE_ONLY
        }
    return _dump(table)


def table(_text: str) -> str:
    """Return docs/SETTINGS.md."""
    lines = [
        "# Settings",
        "",
        "One schema, in every layer: each later one wins.",
        "",
        "1. the defaults below",
        "2. the user's own `nsllm.toml`, in the platform's configuration folder",
        "3. `nsllm.toml` in the workspace",
        "4. variables: `retrieval.top_k` is `NSLLM_RETRIEVAL_TOP_K`; lists as in `PATH`, those of",
        "   `server` with spaces or commas between",
        "5. the command line, or the editor's settings: VS Code's `nsllm.retrieval.top_k`",
        "",
        f"In a workspace that is not trusted its {_listed(sorted(settings.RESTRICTED))} settings",
        f"are not read; {_listed(sorted(settings.OWN_ONLY))} never is from a workspace's file.",
        "",
        "This page is written by `scripts/generate_settings.py` from `server/nsllm/settings.py`.",
    ]
    for name, (description, own) in sections().items():
        lines += ["", f"## {name}", "", description, "", "| Key | Values | Default | |"]
        lines += ["|---|---|---|---|"]
        lines += [
            f"| `{one.name}` | {_values(one.kind)} | {_default(one)} | {one.description} |"
            for one in own
        ]
    return "\n".join([*lines, ""])


def _listed(names: list[str]) -> str:
    return " and ".join(f"`{name}`" for name in names)


def _values(kind: dict[str, Any]) -> str:
    if "enum" in kind:
        return ", ".join(f"`{value}`" for value in kind["enum"] if value is not None)
    if kind.get("items", {}).get("$ref"):
        return "list of tables"
    single: str = kind["type"][0] if isinstance(kind["type"], list) else kind["type"]
    name = {"array": "list of strings", "object": "table"}.get(single, single)
    limits = [text.format(kind[limit]) for limit, text in _RANGES.items() if limit in kind]
    return " ".join([name, *limits])


def _default(one: Setting) -> str:
    return "the profile's" if one.default is None else f"`{json.dumps(one.default)}`"


def _dump(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def stale() -> dict[Path, str]:
    """Return the files that differ from what they should hold, with what they should hold."""
    found: dict[Path, str] = {}
    for path, write in ((MANIFEST, manifest), (WORDS, words), (TABLE, table)):
        file = ROOT / path
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        wanted = write(text)
        if wanted != text:
            found[path] = wanted
    return found


def main() -> int:
    """Write what is stale, or with --check only name it."""
    found = stale()
    check = "--check" in sys.argv[1:]
    for path, text in found.items():
        print(f"{'Stale' if check else 'Written'}: {path}")
        if not check:
            (ROOT / path).write_text(text, encoding="utf-8", newline="\n")
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main())
