"""Results are kept: each key is computed once while it is among the last used."""

from collections.abc import Sequence

from nsllm.models.remembered import Remembered


def counting(asked: list[str]) -> Remembered[str, int]:
    def lengths(keys: Sequence[str]) -> list[int]:
        asked.extend(keys)
        return [len(key) for key in keys]

    return Remembered(lengths, most=2)


def test_a_key_is_computed_once_however_often_it_is_asked_for() -> None:
    asked: list[str] = []
    remembered = counting(asked)
    assert remembered(["a", "bcd", "a"]) == [1, 3, 1]
    assert remembered(["bcd", "a"]) == [3, 1]
    assert asked == ["a", "bcd"]


def test_what_was_used_longest_ago_is_forgotten() -> None:
    asked: list[str] = []
    remembered = counting(asked)
    remembered(["a", "b"])
    remembered(["a"])
    remembered(["c"])
    assert remembered(["a", "b"]) == [1, 1]
    assert asked == ["a", "b", "c", "b"]


def test_a_batch_larger_than_what_is_kept_is_answered_whole() -> None:
    assert counting([])(["a", "bc", "def"]) == [1, 2, 3]
    assert counting([])([]) == []
