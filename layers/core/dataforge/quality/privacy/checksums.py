"""Check digits of numbers that people and accounts have. All take digits (and letters where a number has some) without
separators, and say whether the check holds; none raises on other text of the right length."""

from __future__ import annotations

from collections.abc import Sequence

_VERHOEFF_PRODUCT = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_VERHOEFF_PERMUTED = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def mod97(text: str) -> bool:
    """ISO 13616 (IBAN): country and check digits moved to the end, letters as 10-35."""
    turned = (text[4:] + text[:4]).upper()
    if not turned.isalnum() or not turned.isascii():
        return False
    return int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


def verhoeff(digits: str) -> bool:
    check = 0
    for place, digit in enumerate(reversed(digits)):
        permuted = _VERHOEFF_PERMUTED[place % 8][int(digit)]
        check = int(_VERHOEFF_PRODUCT[check][int(permuted)])
    return check == 0


def weighted(digits: str, weights: Sequence[int]) -> int:
    return sum(int(d) * w for d, w in zip(digits, weights, strict=False))


def iso7064_mod11_10(digits: str) -> bool:
    product = 10
    for digit in digits[:-1]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def german_card(text: str) -> bool:
    """Nine characters, weights 7 3 1, then the check digit."""
    values = [int(c, 36) for c in text]
    return sum(v * (7, 3, 1)[n % 3] for n, v in enumerate(values[:9])) % 10 == values[9]


def german_pension(text: str) -> bool:
    """Two digits, birth date, initial, serial number, check digit; the letter counts as two digits."""
    expanded = text[:8] + f"{ord(text[8].upper()) - 64:02d}" + text[9:]
    weights = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)
    sums = (sum(divmod(int(d) * w, 10)) for d, w in zip(expanded, weights, strict=False))
    return sum(sums) % 10 == int(text[-1])


def french_nir(text: str) -> bool:
    body = text[:13].upper().replace("2A", "19").replace("2B", "18")
    return body.isdigit() and 97 - int(body) % 97 == int(text[13:])


def spanish_letter(text: str) -> bool:
    """DNI and NIE."""
    number = text[:-1].upper().translate(str.maketrans("XYZ", "012"))
    return number.isdigit() and "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == text[-1].upper()


def italian_code(text: str) -> bool:
    """Codice fiscale: the last letter follows from the others."""
    odd = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
    values = [int(c) if c.isdigit() else ord(c) - 65 for c in text.upper()]
    total = sum(v if n % 2 else odd[v] for n, v in enumerate(values[:15]))
    return total % 26 == values[15]


def polish_pesel(digits: str) -> bool:
    return weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0 and 1 <= int(digits[2:4]) % 20 <= 12


def dutch_bsn(digits: str) -> bool:
    return weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def chinese_id(text: str) -> bool:
    """GB 11643: the last place is a digit or X."""
    total = weighted(text[:17], (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2))
    return text[17].upper() == "10X98765432"[total % 11]


def brazilian_cpf(digits: str) -> bool:
    if len(set(digits)) == 1:
        return False
    first = weighted(digits[:9], range(10, 1, -1)) * 10 % 11 % 10
    second = weighted(digits[:10], range(11, 1, -1)) * 10 % 11 % 10
    return digits[9:] == f"{first}{second}"


def nhs(digits: str) -> bool:
    return (11 - weighted(digits[:9], range(10, 1, -1)) % 11) % 11 == int(digits[9])


def portuguese_nif(digits: str) -> bool:
    rest = weighted(digits[:8], range(9, 1, -1)) % 11
    return int(digits[8]) == (0 if rest < 2 else 11 - rest)


def belgian_register(digits: str) -> bool:
    """Born before 2000 or since, which the number itself does not say."""
    return any(97 - int(century + digits[:9]) % 97 == int(digits[9:]) for century in ("", "2"))


def ean13(digits: str) -> bool:
    return weighted(digits, (1, 3) * 6 + (1,)) % 10 == 0


def korean_resident(digits: str) -> bool:
    return (11 - weighted(digits[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10 == int(digits[12])


def turkish_id(digits: str) -> bool:
    d = [int(c) for c in digits]
    tenth = (sum(d[0:9:2]) * 7 - sum(d[1:8:2])) % 10
    return d[9] == tenth and d[10] == sum(d[:10]) % 10


def japanese_number(digits: str) -> bool:
    rest = weighted(digits[:11], (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return int(digits[11]) == (0 if rest <= 1 else 11 - rest)


def finnish_code(text: str) -> bool:
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(text[:6] + text[7:10]) % 31] == text[10].upper()


def swedish_number(digits: str) -> bool:
    return luhn(digits[-10:])


def australian_tfn(digits: str) -> bool:
    return weighted(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def irish_pps(text: str) -> bool:
    total = weighted(text[:7], range(8, 1, -1))
    if len(text) > 8:
        total += 9 * (ord(text[8].upper()) - 64)
    return "WABCDEFGHIJKLMNOPQRSTUV"[total % 23] == text[7].upper()


def us_ssn(digits: str) -> bool:
    """No check digit: areas, groups and serial numbers that are never issued."""
    return digits[:3] not in ("000", "666") and digits[0] != "9" and digits[3:5] != "00" and digits[5:] != "0000"
