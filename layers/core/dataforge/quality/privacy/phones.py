"""Phone numbers: what the numbering plans know, and what words say of numbers that no plan gives out (fiction)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from dataforge.quality.privacy.context import LETTER, Surroundings, words
from dataforge.quality.privacy.detections import Detection

_CANDIDATE = re.compile(
    rf"(?<![{LETTER}#$€£¥+/-])(?<!\d[.,:])(?:\+|\(\+?)?\d(?:[ ().\-/]{{0,3}}\d){{6,14}}"
    rf"(?![{LETTER}]|[-./,:]\d|[ ]?[%€$£¥°])"
)
_DATE = re.compile(
    r"\d{1,2}[./-]\d{1,2}[./-](?:\d\d){1,2}|(?:19|20)\d\d[./-]\d{1,2}[./-]\d{1,2}|(?:19|20)\d\d ?[-/] ?(?:19|20)\d\d"
)
_SOCIAL_SECURITY = re.compile(r"\d{3}-\d{2}-\d{4}")
_NORTH_AMERICAN = re.compile(r"(?:1[ .-]?)?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}")
_CHINESE_MOBILE = re.compile(r"1[3-9]\d[ -]?\d{4}[ -]?\d{4}")
_FREE_CALL = re.compile(r"[+(]{0,2}(?:(?:\d{1,3}[ )-]{1,3})?\(?(?:0800|0808|0508|800|888|877|866|855|844|"
                        r"833|900|0900|0180[1-6]|1800|400)(?=[ ().\-/])"
                        r"|00800|1[ -]?800|0800|0808|0900|400\d{7}$)")  # fmt: skip
_WORDS = words(
    "phone", "tel", "call ", "calls ", "called ", "calling ", "mobile", "cell ", "cellphone", "cellular", "whatsapp",
    "signal ", "text ", "texted ", "sms", "fax", "reach", "dial", "ring ", "number is", "my number", "his number",
    "her number", "left the number", "their number", "contact", "hotline", "~telefon", "~handy", "~mobil", "rufnummer",
    "erreichbar", "anruf", "ruf ", "rufen ", "ruft ", "durchwahl", "festnetz", "téléphon", "portable", "joindre",
    "joignable", "appel", "numéro", "fixe ", "teléfono", "móvil", "movil", "celular", "llam", "número", "contact",
    "telefone", "telemóvel", "ligue", "ligar", "telefono", "cellulare", "chiama", "recapito", "telefoon", "~nummer",
    "mobiel", "bel ", "bellen ", "bereikbaar", "komórk", "zadzwo", "dzwoni", "numer", "电话", "手机", "拨打", "联系",
    "致电", "號碼", "号码", "電話", "携帯", "連絡", "番号", "هاتف", "جوال", "اتصل", "اتصال", "رقم", "موبايل", "फ़ोन",
    "फोन",
    "मोबाइल", "कॉल", "संपर्क", "नंबर",
)  # fmt: skip
_NO_PHONE = words("isbn", "issn", "order no", "order number", "invoice", "serial", "sku ", "part no", "ticket", "iban",
                  "vat ", "ust-id", "rechnung", "bestellnummer", "kundennummer", "auftrag", "facture",
                  "commande", "pedido",
                  "factura", "doi", "ean ", "reference", "订单", "发票", "注文", "請求")  # fmt: skip

_ZERO_REGIONS = ("GB", "DE", "FR", "IT", "NL", "CN", "JP", "SA", "AE", "EG", "IN", "BR", "AT", "CH", "BE", "AU", "SE",
                 "TR", "ZA", "KR", "MA", "PL", "IE", "TW")  # fmt: skip
_BARE_REGIONS = ("US", "ES", "IT", "PL", "PT", "IN", "BR", "CN", "MX", "AR", "NO", "DK", "CZ", "GR", "HK", "SG", "SA")
_SHORTEST = 9
"""Digits of a national number; with a + it may have eight."""


def find(around: Surroundings) -> Iterator[Detection]:
    for match in _CANDIDATE.finditer(around.text):
        start, end = _trimmed(match)
        number = around.text[start:end]
        if _counts(number, around, start, end):
            yield Detection(start, end, "phone", "personal", "PHONE")


def _trimmed(match: re.Match[str]) -> tuple[int, int]:
    """Without a bracket that is closed, or opened, outside of the number."""
    start, end = match.span()
    number = match.group()
    if number.startswith("(") and number.count("(") != number.count(")"):
        start += 1
    return start, end


def _counts(number: str, around: Surroundings, start: int, end: int) -> bool:
    digits = re.sub(r"\D", "", number)
    plus = number.lstrip("(").startswith("+")
    if len(digits) < (8 if plus else _SHORTEST) or len(set(digits)) == 1 or _DATE.match(number) or _listed(number):
        return False
    if (
        _SOCIAL_SECURITY.fullmatch(number)
        or _FREE_CALL.match(number)
        or around.say(_NO_PHONE, start, end, before=25, after=0)
    ):
        return False
    said = around.say(_WORDS, start, end)
    zero = digits[0] == "0"
    kind = _kind("+" if plus else "0" if zero else "", digits)
    if kind in _SHARED:
        return False
    if kind is not None:
        return plus or zero or said or bool(_NORTH_AMERICAN.fullmatch(number) and _known(digits, "US"))
    return said and (plus or zero or bool(_NORTH_AMERICAN.fullmatch(number) or _CHINESE_MOBILE.fullmatch(number)))


def _listed(number: str) -> bool:
    """Several small numbers in a row."""
    groups = re.findall(r"\d+", number)
    return len(groups) > 7 or sum(len(group) == 1 for group in groups) > 2


_TOLL_FREE, _PREMIUM, _SHARED_COST, _UAN = 3, 4, 5, 9
"""`phonenumbers.PhoneNumberType`."""
_SHARED = frozenset((_TOLL_FREE, _PREMIUM, _SHARED_COST, _UAN))


@lru_cache(maxsize=4096)
def _kind(lead: str, digits: str) -> int | None:
    """The type of a number that a numbering plan gives out, that of a person's or office's line if any plan has it so;
    None: none does."""
    import phonenumbers  # 70 ms, and most texts hold no number

    found: int | None = None
    regions = (None,) if lead == "+" else _ZERO_REGIONS if lead else _BARE_REGIONS
    for region in regions:
        try:
            number = phonenumbers.parse(f"+{digits}" if lead == "+" else digits, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            found = int(phonenumbers.number_type(number))
            if found not in _SHARED:
                break
    return found


def _known(digits: str, region: str) -> bool:
    import phonenumbers

    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(digits, region)))
    except phonenumbers.NumberParseException:
        return False
