"""The sliding window: never more than the limit, and Retry-After is neither too short nor longer than it must be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dataforge.quotas import MINUTE, Window

limits = st.integers(1, 1000)
windows = st.builds(Window, st.integers(0, 1200), st.integers(0, 1200), st.integers(0, MINUTE - 1))


def later(window: Window, milliseconds: int) -> Window:
    """The same window when nobody called in between."""
    minutes, elapsed = divmod(window.elapsed + milliseconds, MINUTE)
    counts = {0: (window.last, window.this), 1: (window.this, 0)}.get(minutes, (0, 0))
    return Window(*counts, elapsed)


@given(windows, limits)
def test_after_the_wait_one_more_call_fits_and_not_a_millisecond_earlier(window: Window, limit: int) -> None:
    wait = window.wait(limit)

    assert later(window, wait).free(limit) >= 1
    assert wait == 0 or later(window, wait - 1).free(limit) < 1
    assert wait <= 2 * MINUTE


@given(windows, limits, st.integers(0, 3 * MINUTE))
def test_what_is_free_only_grows_while_nobody_calls(window: Window, limit: int, pause: int) -> None:
    assert later(window, pause).free(limit) >= window.free(limit)


@given(windows, limits)
def test_all_is_free_when_the_window_has_drained(window: Window, limit: int) -> None:
    drained = window.drained()

    assert later(window, drained).free(limit) == limit
    assert drained >= window.wait(limit) or limit == 1


@given(limits, st.lists(st.integers(0, 5000), max_size=300))
def test_no_minute_on_the_clock_holds_more_than_the_limit(limit: int, pauses: list[int]) -> None:
    now, let_in = 0, []
    for pause in pauses:
        now += pause
        minute, elapsed = divmod(now, MINUTE)
        counts = [sum(t // MINUTE == m for t in let_in) for m in (minute - 1, minute)]
        if Window(counts[0], counts[1], elapsed).free(limit) >= 1:
            let_in.append(now)

    for minute in {t // MINUTE for t in let_in}:
        assert sum(t // MINUTE == minute for t in let_in) <= limit
