"""Which files of a workspace are left out.

Four layers, of which the last that says anything about a path decides: the .gitignore files,
the defaults below, the .nsllmignore files, and the setting `documents.exclude`. Within a layer
of files the deepest folder decides, as in git. A folder that is left out is not entered.
"""

from functools import lru_cache
from pathlib import Path, PurePosixPath

from pathspec import GitIgnoreSpec

from nsllm import home, patterns
from nsllm.settings import Documents

GIT_FILE = ".gitignore"
OWN_FILE = ".nsllmignore"
RULE_FILES = frozenset({GIT_FILE, OWN_FILE})

# Never entered, whatever any pattern says.
ALWAYS = frozenset({".git", ".hg", ".svn", "node_modules", ".venv", "__pycache__"})

# Hidden files, what tools write rather than people, and private keys. A pattern with `!` in
# .nsllmignore or documents.exclude brings any of it back.
DEFAULTS = (
    ".*",
    "!.github",
    "!.gitlab-ci.yml",
    "*.min.js",
    "*.min.css",
    "*.map",
    "*.svg",
    "*.lock",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "pnpm-lock.yaml",
    "go.sum",
    "*.pem",
    "*.key",
    "id_rsa*",
    "id_ed25519*",
)


class IgnoreRules:
    """The rules of one workspace as they are when asked first; make a new one to read anew."""

    def __init__(self, workspace: Path, settings: Documents) -> None:
        self._workspace = workspace
        self._settings = settings
        self._defaults = GitIgnoreSpec.from_lines(DEFAULTS)
        self._exclude = GitIgnoreSpec.from_lines(settings.exclude)
        self._own_data = _relative(home.data_folder(), workspace)
        self._read = lru_cache(maxsize=None)(_read_patterns)
        self._above = self._outer_specs() if settings.gitignore else []

    def ignores(self, path: str, *, directory: bool = False) -> bool:
        """Tell whether the rules leave out `path`, or a folder above it."""
        parts = PurePosixPath(path).parts
        return any(
            self._ignores_entry(parts[: depth + 1], directory=directory or depth + 1 < len(parts))
            for depth in range(len(parts))
        )

    def ignores_entry(self, path: str, *, directory: bool) -> bool:
        """Tell the same of a path whose folders are known to be kept."""
        return self._ignores_entry(PurePosixPath(path).parts, directory=directory)

    def _ignores_entry(self, parts: tuple[str, ...], *, directory: bool) -> bool:
        path = "/".join(parts)
        if directory and (parts[-1] in ALWAYS or path == self._own_data):
            return True
        tail = "/" if directory else ""
        decision = False
        layers = [
            *(self._git_layer(parts) if self._settings.gitignore else ()),
            (self._defaults, path),
            *((self._read(folder / OWN_FILE), rest) for folder, rest in self._folders(parts)),
            (self._exclude, path),
        ]
        for spec, relative in layers:
            said = spec.check_file(relative + tail).include if spec else None
            decision = decision if said is None else said
        return decision

    def _git_layer(self, parts: tuple[str, ...]) -> list[tuple[GitIgnoreSpec | None, str]]:
        path = "/".join(parts)
        above = [(spec, f"{prefix}/{path}") for spec, prefix in self._above]
        info = [(self._read(self._workspace / ".git" / "info" / "exclude"), path)]
        below = [(self._read(folder / GIT_FILE), rest) for folder, rest in self._folders(parts)]
        return [*above, *info, *below]

    def _folders(self, parts: tuple[str, ...]) -> list[tuple[Path, str]]:
        """Return the folders from the workspace down to the entry's, and the path from each."""
        return [
            (self._workspace.joinpath(*parts[:depth]), "/".join(parts[depth:]))
            for depth in range(len(parts))
        ]

    def _outer_specs(self) -> list[tuple[GitIgnoreSpec, str]]:
        """Return the .gitignore files above a workspace that is a folder within a repository.

        A workspace that they leave out as a whole was opened on purpose, so they do not count.
        """
        outer: list[tuple[GitIgnoreSpec, str]] = []
        if (self._workspace / ".git").exists():
            return outer
        for folder in self._workspace.parents:
            spec = self._read(folder / GIT_FILE)
            if spec:
                outer.append((spec, self._workspace.relative_to(folder).as_posix()))
            if (folder / ".git").exists():
                left_out = any(spec.match_file(f"{prefix}/") for spec, prefix in outer)
                return [] if left_out else outer[::-1]
        return []


def _read_patterns(path: Path) -> GitIgnoreSpec | None:
    try:
        # Some editors begin a file with a byte order mark, which git skips.
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError:
        return None
    return patterns.compiled(lines)


def _relative(path: Path, folder: Path) -> str | None:
    try:
        return path.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        return None
