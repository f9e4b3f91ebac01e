"""The two bounds of a rate schedule under a simulated clock: no real time, no network, no luck."""

from __future__ import annotations

import random
from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.teachers.rate_schedule import HORIZON, ConcurrencyWindow, RateSchedule, StartTimes, reserve, spacing


def play(window: ConcurrencyWindow, *, turned_away: float, answers: int, rng: random.Random) -> list[float]:
    """Full use of the window against a provider that turns away a share of the calls; the limit after each answer."""
    limits, flying = [], list[int]()
    for _ in range(answers):
        while window.has_capacity:
            flying.append(window.sent())
        era = flying.pop(0)
        if rng.random() < turned_away:
            window.rejected(era)
        else:
            window.answered(era)
        limits.append(window.limit)
    return limits


@pytest.mark.parametrize("seed", range(20))
def test_ten_percent_of_random_refusals_slow_nobody_down(seed: int) -> None:
    window = ConcurrencyWindow(32)

    limits = play(window, turned_away=0.1, answers=2000, rng=random.Random(seed))

    assert sum(limits) / len(limits) > 31


def test_systematic_refusals_bring_the_limit_down_and_answers_bring_it_back() -> None:
    window, rng = ConcurrencyWindow(32), random.Random(1)

    play(window, turned_away=0.9, answers=1000, rng=rng)
    low = window.limit
    play(window, turned_away=0.0, answers=2000, rng=rng)

    assert low <= 5
    assert window.limit == 32


def test_it_settles_where_a_provider_can_follow() -> None:
    """A provider that takes 8 calls at a time and turns away every other one."""
    window, limits, flying = ConcurrencyWindow(64), list[float](), list[tuple[int, bool]]()
    for _ in range(20_000):
        while window.has_capacity:
            flying.append((window.sent(), sum(ok for _, ok in flying) < 8))
        era, ok = flying.pop(0)
        window.answered(era) if ok else window.rejected(era)
        limits.append(window.limit)

    settled = limits[5000:]
    assert 6 <= sum(settled) / len(settled) <= 14


@pytest.mark.parametrize(("slots", "settles"), [(1, 3), (4, 14)])
def test_time_outs_narrow_the_window_to_what_the_server_can_work_on(slots: int, settles: int) -> None:
    """A server that works on so many calls at a time, a second each, asked by a client that waits four seconds."""
    window, waiting, now, lost = ConcurrencyWindow(32), list[tuple[int, float]](), 0.0, 0
    limits = list[int]()
    for _ in range(400):
        while window.has_capacity:
            waiting.append((window.sent(), now))
        now += 1.0
        done, waiting = waiting[:slots], waiting[slots:]
        for era, _ in done:
            window.answered(era)
        late = [call for call in waiting if now - call[1] >= 4.0]
        waiting = [call for call in waiting if now - call[1] < 4.0]
        for era, _ in late:
            window.timed_out(era)
        lost += len(late)
        limits.append(int(window.limit))

    assert set(limits[-100:]) <= set(range(max(1, settles - 2), 4 * slots + 2))
    assert lost < 60 + 16 * slots, "the whole window once, then single calls"


def test_a_time_out_now_and_then_narrows_nothing() -> None:
    window = ConcurrencyWindow(16)

    for n in range(600):
        era = window.sent()
        window.timed_out(era) if n % 20 == 0 else window.answered(era)

    assert window.limit == 16


@given(st.lists(st.sampled_from(["sent", "answered", "rejected", "lost", "timed_out"])), st.integers(1, 50))
def test_the_books_of_a_window_balance_whatever_happens(events: list[str], ceiling: int) -> None:
    window, flying = ConcurrencyWindow(ceiling), list[int]()

    for event in events:
        if event == "sent":
            if window.has_capacity:
                flying.append(window.sent())
        elif flying:
            era = flying.pop()
            window.lost() if event == "lost" else getattr(window, event)(era)

        assert window.in_flight == len(flying)
        assert 1 <= window.limit <= ceiling
    assert window.in_flight < ceiling or not window.has_capacity


@given(st.floats(1, 100_000), st.floats(1, 10_000_000), st.floats(1, 50_000))
def test_spacing_keeps_both_limits(requests: float, tokens: float, per_call: float) -> None:
    gap = spacing(requests, tokens, per_call)

    assert gap is not None
    assert 60 / gap <= requests * 1.000001
    assert 60 / gap * per_call <= tokens * 1.000001
    assert spacing(None, None, per_call) is None


class Worker:
    """Takes blocks as it needs them and starts its calls at their times; wants `demand` calls a second."""

    def __init__(self, org: str, demand: float = 1e9) -> None:
        self.org, self.demand = org, demand
        self.times: list[float] = []
        self.started: list[float] = []
        self.ready = 0.0

    def step(self, line: RateSchedule, now: float, gap: float) -> tuple[RateSchedule, float]:
        """The line, and when this worker acts next."""
        if self.times:
            start = max(self.times.pop(0), now)
            self.started.append(start)
            self.ready = max(self.ready + 1 / self.demand, start)
            return line, max(self.ready, self.times[0] if self.times else start)
        line, got = reserve(line, self.org, now=now, spacing=gap, most=64)
        if isinstance(got, StartTimes):
            self.times = got.times()
            return line, max(now, self.times[0])
        return line, now + got


def simulate(workers: list[Worker], gap: float, seconds: float, *, seed: int = 0, dies: Worker | None = None) -> None:
    """Event by event; each worker sees the line as the one before it left it, a little late."""
    rng, line, start = random.Random(seed), RateSchedule(), 1_000_000.0
    due = {n: start + rng.random() * 0.1 for n in range(len(workers))}
    while due:
        n = min(due, key=due.__getitem__)
        now = due[n]
        if now > start + seconds or (workers[n] is dies and now > start + seconds / 4):
            del due[n]
            continue
        line, due[n] = workers[n].step(line, now, gap)
        due[n] += rng.random() * 0.005


def most_in_a_second(starts: list[float]) -> int:
    starts = sorted(starts)
    return max(bisect_left(starts, t + 1.0) - i for i, t in enumerate(starts))


@given(st.integers(1, 12), st.sampled_from([1, 3, 10, 166]), st.integers(0, 5))
def test_all_workers_together_never_exceed_the_rate_and_use_it(count: int, rate: int, seed: int) -> None:
    workers = [Worker(f"org{n % 3}") for n in range(count)]

    simulate(workers, 1 / rate, 30, seed=seed)

    starts = [t for w in workers for t in w.started]
    assert most_in_a_second(starts) <= max(rate + 1, rate * 1.1)
    assert len(starts) >= 0.85 * 30 * rate


def test_ten_workers_of_one_organisation_do_not_crowd_out_the_one_of_another() -> None:
    crowd, single = [Worker("many") for _ in range(10)], Worker("one")

    simulate([*crowd, single], 0.1, 120)

    theirs = sum(len(w.started) for w in crowd)
    assert 0.4 <= len(single.started) / (theirs + len(single.started)) <= 0.6


def test_what_one_organisation_does_not_want_another_gets() -> None:
    modest, greedy = Worker("modest", demand=1), Worker("greedy")

    simulate([modest, greedy], 0.1, 120)

    assert len(modest.started) >= 100
    assert len(modest.started) + len(greedy.started) >= 0.75 * 1200


def test_a_worker_that_dies_with_a_block_holds_nobody_up() -> None:
    dead, alive = Worker("a"), Worker("b")

    simulate([dead, alive], 0.1, 60, dies=dead)

    assert len(alive.started) >= 0.85 * 45 * 10


def test_a_newcomer_is_served_soon_however_long_the_others_have_been_waiting() -> None:
    line, now = RateSchedule(), 1000.0
    for _ in range(50):
        line, _ = reserve(line, "old", now=now, spacing=0.1, most=5)

    _, got = reserve(line, "new", now=now, spacing=0.1, most=5)

    assert (got if isinstance(got, float) else got.first - now) <= HORIZON + 0.6
