"""Check digits of published example numbers, and of the same numbers with one digit changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.quality.privacy import checksums

EXAMPLES: list[tuple[Callable[[str], bool], str]] = [
    (checksums.luhn, "4111111111111111"),
    (checksums.mod97, "GB29NWBK60161331926819"),
    (checksums.mod97, "gb29nwbk60161331926819"),
    (checksums.verhoeff, "2363"),
    (checksums.iso7064_mod11_10, "86095742719"),
    (checksums.german_card, "T220001293"),
    (checksums.german_pension, "15070649C103"),
    (checksums.french_nir, "255081416802538"),
    (checksums.spanish_letter, "12345678Z"),
    (checksums.spanish_letter, "X1234567L"),
    (checksums.italian_code, "RSSMRA85T10A562S"),
    (checksums.polish_pesel, "44051401359"),
    (checksums.dutch_bsn, "111222333"),
    (checksums.chinese_id, "11010519491231002X"),
    (checksums.brazilian_cpf, "52998224725"),
    (checksums.nhs, "9434765919"),
    (checksums.portuguese_nif, "501964843"),
    (checksums.belgian_register, "85073003328"),
    (checksums.belgian_register, "17073003384"),
    (checksums.ean13, "7569217076985"),
    (checksums.korean_resident, "9710139019902"),
    (checksums.turkish_id, "10000000146"),
    (checksums.japanese_number, "123456789018"),
    (checksums.finnish_code, "131052-308T"),
    (checksums.swedish_number, "198112289874"),
    (checksums.australian_tfn, "123456782"),
    (checksums.irish_pps, "6433435F"),
    (checksums.us_ssn, "219099999"),
]


@pytest.mark.parametrize(("check", "number"), EXAMPLES)
def test_a_published_number_passes(check: Callable[[str], bool], number: str) -> None:
    assert check(number)


@pytest.mark.parametrize(("check", "number"), [e for e in EXAMPLES if e[0] is not checksums.us_ssn])
def test_a_number_with_one_digit_changed_does_not(check: Callable[[str], bool], number: str) -> None:
    place = next(n for n in range(3, len(number)) if number[n].isdigit())
    changed = number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]

    assert not check(changed)


@given(st.integers(0, 10**15 - 1))
def test_exactly_one_last_digit_passes_luhn(number: int) -> None:
    passing = [digit for digit in range(10) if checksums.luhn(f"{number:015d}{digit}")]

    assert len(passing) == 1


@given(st.integers(0, 10**11 - 1))
def test_exactly_one_last_digit_passes_verhoeff_and_it_sees_swaps(number: int) -> None:
    body = f"{number:011d}"
    passing = [f"{body}{digit}" for digit in range(10) if checksums.verhoeff(f"{body}{digit}")]

    assert len(passing) == 1
    whole = passing[0]
    for n in range(len(whole) - 1):
        swapped = whole[:n] + whole[n + 1] + whole[n] + whole[n + 2 :]
        assert swapped == whole or not checksums.verhoeff(swapped)


@pytest.mark.parametrize("number", ["000121234", "666121234", "912121234", "219009999", "219090000"])
def test_social_security_numbers_that_are_never_issued(number: str) -> None:
    assert not checksums.us_ssn(number)
