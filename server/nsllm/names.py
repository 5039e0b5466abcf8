"""Which code names a workspace has, and what was found when a text was judged."""

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from nsllm.index.workspace import WorkspaceIndex
from nsllm.scoring.differences import Mention
from nsllm.scoring.identifiers import code_names
from nsllm.stopping import checkpoint

_CANDIDATES = 48
"""Chunks, nearest by words, in which a code name is looked for."""


class NameFound(msgspec.Struct, frozen=True, kw_only=True):
    """A code name that was looked for, and whether the workspace had it."""

    key: str
    is_identifier: bool
    known: bool


class KnownNames:
    """Looks for code names in the documents of a workspace; each name once."""

    def __init__(self, index: WorkspaceIndex) -> None:
        self._index = index
        self._found: dict[str, NameFound] = {}
        self._owners: dict[str, bool] = {}

    @property
    def found(self) -> tuple[NameFound, ...]:
        """What was looked for so far."""
        return tuple(self._found.values())

    def unknown(self, text: str, path: str | None = None) -> tuple[Mention, ...]:
        """Return the code names of a text that no document but its own has."""
        names = code_names(text)
        for name in names:
            checkpoint()
            if name.key not in self._found:
                is_identifier = name.kind == "identifier"
                self._found[name.key] = NameFound(
                    key=name.key,
                    is_identifier=is_identifier,
                    known=self._has(name.key, is_identifier, path),
                )
        return tuple(
            msgspec.structs.replace(
                name, is_foreign=name.owner is not None and not self._speaks_of(name.owner, path)
            )
            for name in names
            if not self._found[name.key].known
        )

    def still(self, found: Iterable[NameFound]) -> bool:
        """Tell whether the workspace has what it had, and lacks what it lacked, back then."""
        return all(self._has(one.key, one.is_identifier, None) == one.known for one in found)

    def _speaks_of(self, owner: str, path: str | None) -> bool:
        """Tell whether another document has this word; an object is often named by its class."""
        if owner not in self._owners:
            forms = (owner, owner.capitalize())
            self._owners[owner] = any(self._index.has_word(form, outside=path) for form in forms)
        return self._owners[owner]

    def _has(self, key: str, is_identifier: bool, path: str | None) -> bool:
        # What a package passes on has its dots nowhere: `attrs.fields` is a `def fields`.
        wanted = key.rpartition(".")[2] if is_identifier else key
        # Unlike `Path.exists`, this takes what is too long for a name for a name of nothing.
        if os.path.exists(Path(self._index.workspace, key)):  # noqa: PTH110
            return True
        # Most names are known, and those nearest by words tell that faster than a look at all.
        nearest = [chunk for chunk, _ in self._index.lexical_search(wanted, _CANDIDATES)]
        return any(
            chunk.path != path and (wanted in chunk.text or wanted in chunk.path)
            for chunk in self._index.chunks(nearest).values()
        ) or self._index.has_word(wanted, outside=path)
