"""Which code names a workspace has, and what was found when a text was judged."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from nsllm.documents.reader import same_file
from nsllm.index.workspace import WorkspaceIndex
from nsllm.scoring.differences import Mention
from nsllm.scoring.identifiers import code_names
from nsllm.stopping import checkpoint

_CANDIDATES = 48
"""Chunks, nearest by words, in which a code name is looked for."""

IsOwn = Callable[[str], bool]


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
        is_own = same_file(self._index.workspace, path)
        for name in names:
            checkpoint()
            if name.key not in self._found:
                is_identifier = name.kind == "identifier"
                self._found[name.key] = NameFound(
                    key=name.key,
                    is_identifier=is_identifier,
                    known=self._has(name.key, is_identifier, is_own),
                )
        return tuple(
            msgspec.structs.replace(
                name, is_foreign=name.owner is not None and not self._speaks_of(name.owner, is_own)
            )
            for name in names
            if not self._found[name.key].known
        )

    def still(self, found: Iterable[NameFound]) -> bool:
        """Tell whether the workspace has what it had, and lacks what it lacked, back then."""
        is_own = same_file(self._index.workspace, None)
        return all(self._has(one.key, one.is_identifier, is_own) == one.known for one in found)

    def _speaks_of(self, owner: str, is_own: IsOwn) -> bool:
        """Tell whether another document has this word."""
        if owner not in self._owners:
            self._owners[owner] = any(self._stands(form, is_own) for form in _forms(owner))
        return self._owners[owner]

    def _has(self, key: str, is_identifier: bool, is_own: IsOwn) -> bool:
        wanted = _wanted(key, is_identifier=is_identifier)
        # Unlike `Path.exists`, this takes what is too long for a name for a name of nothing.
        if os.path.exists(Path(self._index.workspace, key)):  # noqa: PTH110
            return True
        # Most names are known, and those nearest by words tell that faster than a look at all.
        nearest = [chunk for chunk, _ in self._index.lexical_search(wanted, _CANDIDATES)]
        return any(
            not is_own(chunk.path) and (wanted in chunk.text or wanted in chunk.path)
            for chunk in self._index.chunks(nearest).values()
        ) or self._stands(wanted, is_own)

    def _stands(self, word: str, is_own: IsOwn) -> bool:
        """Tell whether a word, flag or path stands anywhere but in the own document."""
        whole = _whole(word)
        with self._index.view() as view:
            return any(
                not is_own(chunk.path) and whole.search(chunk.text) for chunk in view.holding(word)
            )


def unknown_in(text: str, passages: Sequence[str]) -> tuple[Mention, ...]:
    """Return the code names of a text that the passages have nowhere; none where there are none."""

    def has(word: str) -> bool:
        whole = _whole(word)
        return any(whole.search(passage) for passage in passages)

    return tuple(
        msgspec.structs.replace(
            name, is_foreign=name.owner is not None and not any(map(has, _forms(name.owner)))
        )
        for name in (code_names(text) if passages else ())
        if not has(_wanted(name.key, is_identifier=name.kind == "identifier"))
    )


def _wanted(key: str, *, is_identifier: bool) -> str:
    # What a package passes on has its dots nowhere: `attrs.fields` is a `def fields`.
    return key.rpartition(".")[2] if is_identifier else key


def _forms(owner: str) -> tuple[str, ...]:
    # An object is often named by its class.
    return (owner, owner.capitalize())


def _whole(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
