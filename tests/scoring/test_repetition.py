"""Loops are found where a text says at once again what it has just said, and nowhere else."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsllm.scoring.repetition import find_loop, repeated_share

BACKUP = "Backups are kept for ninety days."
ALARM = "An alarm reaches the engineer on call."


@pytest.mark.parametrize(
    ("texts", "where"),
    [
        ([ALARM, BACKUP, BACKUP], (2, 2)),
        ([BACKUP, ALARM, BACKUP, ALARM], (2, 3)),
        (["It stops, it stops, it stops, it stops."], (0, 0)),
        ([ALARM, "Press the red button the red button the red button."], (1, 1)),
    ],
)
def test_what_is_said_at_once_again_is_a_loop(texts: Sequence[str], where: tuple[int, int]) -> None:
    assert find_loop(texts) == where
    assert find_loop(texts[: where[0]]) is None


@pytest.mark.parametrize(
    "texts",
    [
        [],
        ["One."],
        [BACKUP, ALARM, BACKUP],
        ["The relay sends a reading, and the relay sends a reading to the archive."],
        ["It had had to do so again and again."],
        ["0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"],
    ],
)
def test_what_comes_back_later_is_none(texts: Sequence[str]) -> None:
    assert find_loop(texts) is None


words = st.lists(st.sampled_from([f"word{chr(97 + i)}" for i in range(26)]), unique=True)


@given(words.filter(lambda some: len(some) >= 5), st.integers(0, 20))
def test_any_run_of_five_words_said_twice_is_found(run: list[str], cut: int) -> None:
    """Wherever the sentences end."""
    said = [*run, *run]
    at = min(cut, len(said))
    assert find_loop([" ".join(said[:at]), " ".join(said[at:])]) is not None
    assert find_loop([" ".join(run)]) is None


def test_the_share_of_repeats_grows_with_a_loop() -> None:
    shares = [repeated_share([ALARM, *[BACKUP] * count]) for count in (1, 2, 6)]
    assert shares[0] == 0
    assert shares[0] < shares[1] < shares[2]
