"""Whatever decides an answer is part of its key: a change of any of it misses."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsllm.cache import answers
from nsllm.cache.answers import AnswerKey
from nsllm.governance.rulebook import Rulebook
from nsllm.settings import Governance, Settings
from nsllm.types import Chunk, Passage, Question, Turn

SETTINGS = msgspec.convert(
    {
        "governance": {
            "rules": {"length": {"long": {"warn": 50}}},
            "overrides": [{"paths": ["docs/**"], "profile": "strict"}],
            "examples": [{"rule": "length.long", "text": "Short.", "expect": "pass"}],
        },
        "documents": {"exclude": ["build/"]},
    },
    Settings,
)
_POOL = (
    "x",
    "strict",
    "generate",
    "extract",
    "live",
    "cpu",
    "warn",
    0,
    1,
    2,
    0.25,
    True,
    False,
    None,
    [],
    {},
)
Path = tuple[str | int, ...]


def passage(number: int) -> Passage:
    chunk = Chunk(
        path=f"docs/{number}.md",
        start=0,
        end=9,
        start_line=1,
        end_line=2,
        text=f"Text {number}.",
        heading="Guide > Set-up",
    )
    return Passage(chunk=chunk, score=0.5, similarity=0.25)


KEY = AnswerKey(
    question=Question(
        text="And on Windows?",
        history=(Turn(question="How is it installed?", answer="By pip. [1]"),),
        model="tiny",
    ),
    completed="How is it installed on Windows?",
    found=(passage(1), passage(2)),
    modes=("generate", "generate", "extract"),
    models={"embedder": "aa", "reader": "bb", "grounding": "", "generator": "cc"},
    settings=(answers.decisive(SETTINGS), answers.decisive(Settings())),
    rules={name: one.options for name, one in Rulebook(Governance()).configured().items()},
    build="abc",
)


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of everything in a tree of lists and tables, the containers included."""
    yield path
    if isinstance(value, dict):
        for name, member in value.items():
            yield from places(member, (*path, name))
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from places(member, (*path, number))


def replaced(value: Any, path: Path, new: Any) -> Any:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def variants(value: Any) -> list[Any]:
    """Return other values in the place of one."""
    found: list[Any] = list(_POOL)
    if isinstance(value, str):
        found += [value + " ", value.upper(), ""]
    elif isinstance(value, bool):
        found.append(not value)
    elif isinstance(value, int | float):
        found += [value + 1, value / 2]
    elif isinstance(value, list):
        found += [value[:-1], value[::-1], value * 2]
    elif isinstance(value, dict) and value:
        found.append(dict(list(value.items())[1:]))
    return found


def at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


TREE = msgspec.to_builtins(KEY)


@given(data=st.data())
def test_a_change_of_any_part_is_another_key(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from([place for place in places(TREE) if place]))
    new = data.draw(st.sampled_from(variants(at(TREE, path))))
    try:
        changed = msgspec.convert(replaced(TREE, path, new), AnswerKey)
    except msgspec.ValidationError:
        return
    same = msgspec.json.encode(msgspec.to_builtins(changed), order="deterministic")
    original = msgspec.json.encode(TREE, order="deterministic")
    assert (changed.digest() == msgspec.convert(TREE, AnswerKey).digest()) == (same == original)


def test_each_part_has_a_change_that_is_another_key() -> None:
    """None is left to chance: every single value in the key counts."""
    original = msgspec.convert(TREE, AnswerKey).digest()
    for path in places(TREE):
        if isinstance(at(TREE, path), dict):
            continue
        digests = set()
        for new in variants(at(TREE, path)):
            try:
                digests.add(msgspec.convert(replaced(TREE, path, new), AnswerKey).digest())
            except msgspec.ValidationError:
                continue
        assert digests - {original}, path


def test_the_same_parts_are_the_same_key_in_whatever_order_tables_come() -> None:
    turned = msgspec.structs.replace(KEY, models=dict(reversed(KEY.models.items())))
    assert turned.digest() == KEY.digest()


IGNORED = {
    "documents",
    "retrieval",
    "check",
    "audit",
    "cache",
    "limits",
    "server",
    "models.idle_unload_s",
    "models.download",
}


@pytest.mark.parametrize(
    "name",
    [
        f"{section.name}.{field.name}"
        for section in msgspec.structs.fields(Settings)
        for field in msgspec.structs.fields(section.type)
    ],
)
def test_every_setting_counts_but_those_that_decide_nothing(name: str) -> None:
    section, key = name.split(".")
    tree = msgspec.to_builtins(Settings())
    changed = []
    for new in [*variants(tree[section][key]), {"a": 1}, ["a"], [{"paths": ["a"]}]]:
        try:
            changed.append(msgspec.convert(replaced(tree, (section, key), new), Settings))
        except msgspec.ValidationError:
            continue
    changed = [one for one in changed if one != Settings()]
    if name == "governance.examples":
        assert changed == []  # takes more than a place of its own; the key above has one
        return
    assert changed
    same = {answers.decisive(one) == answers.decisive(Settings()) for one in changed}
    assert same == {section in IGNORED or name in IGNORED}


def test_a_text_that_is_no_unicode_is_not_kept() -> None:
    question = Question(text="What is \ud800?")
    assert msgspec.structs.replace(KEY, question=question).digest() is None


def test_the_program_is_named_by_its_files() -> None:
    assert answers.build() == answers.build.__wrapped__()
    assert len(answers.build()) == 64
