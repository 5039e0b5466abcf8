"""Questions and generated tokens are limited, for each client and for all together."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsllm.errors import MachineError, RateLimitedError
from nsllm.governance.ratelimit import ProcessStore, RateLimiter, SharedStore
from nsllm.settings import Limits


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["process", "shared"])
def store(request: pytest.FixtureRequest, tmp_path: Path):
    return ProcessStore() if request.param == "process" else SharedStore(tmp_path / "limits.db")


def wait_of(limiter: RateLimiter, client: str = "a") -> float:
    try:
        limiter.admit(client)
    except RateLimitedError as error:
        return error.retry_after_s
    return 0.0


def test_without_limits_nothing_is_counted(tmp_path: Path) -> None:
    limiter = RateLimiter(Limits(), SharedStore(tmp_path / "limits.db"))
    for _ in range(100):
        limiter.admit("a")
    assert not (tmp_path / "limits.db").exists()


def test_a_minutes_share_may_be_used_at_once_and_then_fills_evenly(store, clock: Clock) -> None:
    limiter = RateLimiter(Limits(requests_per_minute=6), store, clock)
    assert [wait_of(limiter) for _ in range(6)] == [0.0] * 6
    assert wait_of(limiter) == pytest.approx(10.0)
    clock.now += 4
    assert wait_of(limiter) == pytest.approx(6.0)
    clock.now += 6
    assert wait_of(limiter) == 0.0
    assert wait_of(limiter) == pytest.approx(10.0)


def test_who_waits_as_long_as_told_is_let_in(store, clock: Clock) -> None:
    limiter = RateLimiter(Limits(requests_per_minute=7), store, clock)
    refused = 0
    for _ in range(30):
        if wait := wait_of(limiter):
            refused += 1
            clock.now += wait
            assert wait_of(limiter) == 0.0
    assert refused == 23


def test_clients_do_not_use_up_each_others_share(store, clock: Clock) -> None:
    limiter = RateLimiter(Limits(requests_per_minute=1), store, clock)
    assert wait_of(limiter, "a") == 0.0
    assert wait_of(limiter, "a") > 0
    assert wait_of(limiter, "b") == 0.0


def test_the_total_holds_for_all_clients_together(store, clock: Clock) -> None:
    limiter = RateLimiter(Limits(total_requests_per_minute=2), store, clock)
    assert [wait_of(limiter, name) for name in "abc"] == [0.0, 0.0, pytest.approx(30.0)]


def test_a_refused_question_is_counted_nowhere(store, clock: Clock) -> None:
    limits = Limits(requests_per_minute=1, total_requests_per_minute=2)
    limiter = RateLimiter(limits, store, clock)
    assert wait_of(limiter, "a") == 0.0
    for _ in range(5):
        assert wait_of(limiter, "a") > 0
    assert wait_of(limiter, "b") == 0.0


def test_tokens_are_paid_for_before_the_next_question(store, clock: Clock) -> None:
    limiter = RateLimiter(Limits(tokens_per_minute=60), store, clock)
    limiter.admit("a")
    limiter.charge("a", 100)
    assert wait_of(limiter) == pytest.approx(41.0)
    assert wait_of(limiter, "b") == 0.0
    clock.now += 41
    assert wait_of(limiter) == 0.0


def test_all_tokens_together_are_limited_too(store, clock: Clock) -> None:
    limiter = RateLimiter(Limits(total_tokens_per_minute=60), store, clock)
    limiter.charge("a", 60)
    assert wait_of(limiter, "b") == pytest.approx(1.0)


def test_a_clock_that_is_put_back_lets_nobody_wait_longer_than_a_minute(
    store, clock: Clock
) -> None:
    limiter = RateLimiter(Limits(requests_per_minute=1), store, clock)
    limiter.admit("a")
    clock.now -= 86_400
    assert wait_of(limiter) == pytest.approx(60.0)


def test_the_error_says_what_is_used_up_and_how_long_to_wait(clock: Clock) -> None:
    limiter = RateLimiter(Limits(requests_per_minute=2), ProcessStore(), clock)
    limiter.admit("a")
    limiter.admit("a")
    with pytest.raises(RateLimitedError) as caught:
        limiter.admit("a")
    error = caught.value
    assert error.message == "The limit of 2 requests a minute for one client is used up."
    assert error.hint == "Ask again in 30 s, or raise `limits.requests_per_minute`."
    assert error.details == {"retry_after_s": 30.0}


def test_processes_share_what_is_left(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "limits.db"
    limits = Limits(requests_per_minute=10)
    with ThreadPoolExecutor(4) as pool:
        waits = pool.map(
            lambda _: wait_of(RateLimiter(limits, SharedStore(path), clock)), range(24)
        )
    assert sum(wait == 0.0 for wait in waits) == 10


def test_a_database_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "limits.db").write_bytes(b"no database" * 100)
    limiter = RateLimiter(Limits(requests_per_minute=1), SharedStore(tmp_path / "limits.db"))
    with pytest.raises(MachineError, match=r"limits\.db"):
        limiter.admit("a")


@settings(deadline=None)
@given(
    per_minute=st.integers(1, 100),
    gaps=st.lists(st.floats(0, 100, allow_nan=False), max_size=60),
)
def test_no_window_of_a_minute_lets_more_than_two_shares_pass(
    per_minute: int, gaps: list[float]
) -> None:
    """A full bucket and what fills meanwhile: twice the share, and never more."""
    clock = Clock()
    limiter = RateLimiter(Limits(requests_per_minute=per_minute), ProcessStore(), clock)
    passed: list[float] = []
    for gap in gaps:
        clock.now += gap
        passed += [clock.now for _ in range(per_minute // 2 + 1) if wait_of(limiter) == 0.0]
    for start in passed:
        within = [at for at in passed if start <= at < start + 60]
        assert len(within) <= 2 * per_minute + 1
