"""The invariants of docs/ARCHITECTURE.md that no linter knows."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "server" / "nsllm"
MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(["nsllm", *path.relative_to(PACKAGE).with_suffix("").parts])


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def within(name: str, *packages: str) -> bool:
    return any(name == p or name.startswith(f"{p}.") for p in packages)


def test_the_core_imports_no_front_end() -> None:
    core = [
        p
        for p in MODULES
        if not within(name_of(p), "nsllm.frontends", "nsllm.cli", "nsllm.__main__")
    ]
    assert len(core) > 20
    broken = {
        name_of(path): bad
        for path in core
        if (
            bad := [
                i
                for i in imports(path)
                if within(i, "nsllm.frontends", "nsllm.cli", "typer", "rich")
            ]
        )
    }
    assert broken == {}


@pytest.mark.parametrize(
    "area", ["scoring", "governance/rules.py", "governance/checks", "documents/chunker.py"]
)
def test_pure_stages_do_no_io(area: str) -> None:
    target = PACKAGE / area
    paths = sorted(target.rglob("*.py")) if target.is_dir() else [target]
    assert paths
    forbidden = (
        "os",
        "io",
        "socket",
        "sqlite3",
        "subprocess",
        "pathlib.Path",
        "asyncio",
        "shutil",
        "urllib",
    )
    for path in paths:
        assert [i for i in imports(path) if within(i, *forbidden)] == [], path


def test_only_the_downloader_reaches_the_network() -> None:
    network = (
        "socket",
        "urllib.request",
        "http",
        "requests",
        "httpx",
        "ssl",
        "pip",
        "huggingface_hub",
    )
    users = {name_of(p) for p in MODULES if [i for i in imports(p) if within(i, *network)]}
    # The second is for the one server that the user names in `remote.url`.
    assert users <= {
        "nsllm.models.download",
        "nsllm.generation.remote",
        "nsllm.generation.remote_errors",
    }


def test_files_stay_readable() -> None:
    long = {name_of(p): n for p in MODULES if (n := len(p.read_text("utf-8").splitlines())) > 400}
    assert long == {}
