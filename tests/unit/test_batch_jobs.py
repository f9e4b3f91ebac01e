"""How questions are dealt out to batch jobs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dataforge.teachers.bedrock_batch import record_id, reply_key
from dataforge.teachers.ports import JobLimits
from dataforge.teachers.prices import Price
from dataforge.workflows.engine.provider_batch.submitting import _Sized, split_into_jobs


def sized(*sizes: int) -> list[_Sized]:
    return [_Sized(f"{n:06d}#00", 0, 1, 0.01, size) for n, size in enumerate(sizes)]


@given(
    st.lists(st.integers(1, 500), min_size=1, max_size=200),
    st.integers(1, 40),
    st.integers(500, 5000),
    st.integers(1, 5),
)
def test_every_job_is_within_the_limits_and_no_question_is_in_two(
    sizes: list[int], most: int, room: int, least: int
) -> None:
    limits = JobLimits(min(least, most), most, room)

    groups = split_into_jobs(sized(*sizes), limits)

    keys = [s.key for g in groups for s in g]
    assert len(keys) == len(set(keys))
    assert all(limits.least <= len(g) <= most and sum(s.size for s in g) <= room for g in groups)


def test_jobs_are_of_about_equal_size_so_that_no_rest_is_too_small_for_one() -> None:
    groups = split_into_jobs(sized(*[10] * 1010), JobLimits(100, 500, 10**6))

    assert [len(g) for g in groups] == [337, 337, 336]


def test_a_price_in_a_batch_job_is_a_share_of_every_part() -> None:
    price = Price(2.0, 8.0, cached=0.5, cache_write=2.5, batch=0.5)

    assert price.batched == Price(1.0, 4.0, cached=0.25, cache_write=1.25)
    assert price.batched.batched == price.batched


def test_a_record_of_bedrock_is_eleven_letters_and_digits_and_leads_back() -> None:
    assert record_id("000012#03") == "SL000012T03"
    assert reply_key(record_id("000012#03")) == "000012#03"
