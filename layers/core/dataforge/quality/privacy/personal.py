"""Personal data of any country but for the numbers of states: mail, accounts, cards, internet addresses, homes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dataforge.quality.privacy import checksums
from dataforge.quality.privacy.context import LETTER, Surroundings, words
from dataforge.quality.privacy.detections import Detection

_AT = r"(?:@|[ ]?[\[({][ ]?(?:at|AT|ät|arroba|chez)[ ]?[\])}][ ]?)"
_DOT = r"(?:\.|[ ]?[\[({][ ]?(?:dot|DOT|punkt|punto|point|ponto)[ ]?[\])}][ ]?)"
_LETTERS = r"A-Za-z0-9\u00c0-\u024f"
_MAIL = re.compile(
    rf"(?<![{_LETTERS}._%+-])[{_LETTERS}_%+'-]{{1,64}}(?:\.[{_LETTERS}_%+'-]{{1,64}}){{0,5}}{_AT}"
    rf"[{_LETTERS}-]{{1,63}}(?:{_DOT}[{_LETTERS}-]{{1,63}}){{1,6}}"
)
_ROLES = frozenset(
    " ".join((
        "abuse accounting accounts admin administration administrator alerts all anfrage anfragen app",
        "atencion atendimento ausbildung auskunft bewerbung biblioteca bibliothek bibliotheque billing biuro",
        "board booking bookings buchhaltung buchung care careers club comercial commercial communications",
        "community compliance comptabilite conference contabilidad contact contacto contato contatti customer",
        "customercare customerservice datenschutz delivery desarrollo dev digital direccion direction",
        "dispatch do donations donotreply dpo editor editorial email emploi enquiries events facturacion",
        "facturation feedback finance foundation frontdesk gdpr group hallo hello help helpdesk hilfe hola",
        "hostmaster hotline hr human info informacion informatie information informations infos inquiries",
        "intake international invoices it jobs kasa klant klantenservice kontakt kundendienst kundenservice",
        "legal library list mail mailbox mailer maintenance marketing media meldung membership no noreply not",
        "notifications office operations ordering orders partner partners payments payroll personal",
        "personalabteilung poczta post postmaster praxis prensa presidencia press presse privacy procurement",
        "projects purchasing recepcion reception rechnung recrutement redaction redaktion registration",
        "reklamacje reply reports reservas reservation reservations reservierung returns rh safety sales",
        "schule secretaria secretariat secretary security sekretariat service servicedesk services shipping",
        "shop soporte stadt staff stampa status store studio suggerimenti support sysadmin team tech technik",
        "tickets tourismus training treasurer unsubscribe us ventas vente verein vertrieb verwaltung visit",
        "volunteers warehouse web webmaster welcome werkstatt wholesale zakupy zentrale",
    )).split()
)  # fmt: skip
"""First words of addresses that belong to an office, not to a person."""

_IBAN_START = re.compile(rf"(?<![{LETTER}])([A-Za-z]{{2}})(\d{{2}})(?=[ -]?[A-Za-z0-9])")
_IBAN_COUNTRIES = {
    15: "NO",
    16: "BE",
    18: "DK FI FK FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HU LB NI PL",
    29: "BR EG PS QA UA",
    30: "JO KW MU YE",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
_IBAN_LENGTHS = {country: length for length, countries in _IBAN_COUNTRIES.items() for country in countries.split()}
_IBAN_NAMES = words("iban", "account", "konto", "compte", "cuenta", "conto ", "conta ", "rekening", "rachun", "账户",
                    "账号", "口座", "حساب", "खाता")  # fmt: skip

_CARD = re.compile(rf"(?<![{LETTER}+.-])[2-6](?:[ -]?\d){{12,18}}(?![{LETTER}]|[-.]\d)")
_CARD_NAMES = words("card", "visa", "mastercard", "amex", "american express", "kreditkarte", "karte", "carte ", "cb ",
                    "tarjeta", "carta ", "cartão", "cartao", "creditcard", "kaart", "kart", "信用卡", "银行卡", "卡号",
                    "カード", "بطاقة", "कार्ड")  # fmt: skip

_IPV4 = re.compile(r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?!\.?[\w]|-\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?=[0-9A-Fa-f:]{0,38}:[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{6,39}(?![\w:])")
_VERSION = re.compile(r"(?:\b|_)(?:v|ver|version|release|build|firmware|update|revision|rev|versión|versione|versão|"
                      r"wersja|versie|版本|バージョン|الإصدار|संस्करण|section|chapter|oid)"
                      r"(?:[ .:=]|\d)", re.IGNORECASE)  # fmt: skip
_RESOLVERS = frozenset(("8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "208.67.222.222", "208.67.220.220"))
_ADDRESS_NAMES = words("ip ", "ip-", "ip:", "ipv4", "ipv6", "logged in", "login", "signed in", "visitor",
                       "client", "adresse ip", "dirección ip", "indirizzo ip", "endereço ip", "adres ip",
                       "ip地址", "ipアドレス", "عنوان ip")  # fmt: skip

_NAME = r"[A-ZÀ-ÖØ-ÞŁŚŻŹĆ][\w'’.-]{1,30}"
_STREET = re.compile(
    "|".join(
        (
            rf"\b\d{{1,5}}[A-Za-z]?(?:,)? (?:{_NAME} ){{1,4}}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Court|Ct|"
            r"Close|Boulevard|Blvd|Way|Terrace|Place|Pl|Square|Crescent|Row|Mews|Gardens|Grove|Hill|Parkway|Quay)\b\.?",
            r"\b[A-ZÄÖÜ][\wäöüß-]{2,30}(?:straße|strasse|str\.|weg|platz|allee|gasse|ufer|damm|ring|steig) ?"
            r"\d{1,4} ?[a-z]?\b",
            r"\b(?:[A-ZÄÖÜ][\wäöüß-]{1,20} ){1,3}(?:Straße|Strasse|Str\.|Weg|Platz|Allee|Gasse|Ufer|Damm|Ring) "
            r"\d{1,4} ?[a-z]?\b",
            r"\b\d{1,4}(?: ?(?:bis|ter))?,? (?:rue|avenue|boulevard|place|chemin|impasse|allée|quai|cours|route|"
            r"square) "
            r"(?:[\w'’.-]{1,25} ?){1,5}",
            r"\b(?:[Cc]alle|[Cc]/|[Aa]venida|[Aa]vda\.?|[Pp]laza|[Pp]aseo|[Rr]ua|[Tt]ravessa|[Pp]raça|[Vv]ia|[Vv]iale|"
            r"[Pp]iazza|[Cc]orso|[Vv]icolo|ul\.|al\.|[Uu]lica|[Aa]leja) (?:[\w'’.-]{1,25} ){0,4}[\w'’.-]{1,25},? ?"
            r"(?:n\.?[ºo°] ?)?\d{1,4}(?: ?[A-Za-z]\b|/\d{1,4})?",
            r"\b[A-Z][\w-]{2,25}(?:straat|laan|weg|plein|gracht|kade|singel|dreef|steeg) \d{1,4} ?[a-z]?\b",
            r"[\u4e00-\u9fff]{2,12}(?:路|街|道|巷|弄)\d{1,5}号(?:\d{1,4}[\u4e00-\u9fff]{1,2}){0,3}",
            r"[\u4e00-\u9fff\u3040-\u30ff]{2,12}\d{1,3}(?:丁目|-)\d{1,3}(?:番地?|-)\d{0,3}号?",
            r"(?:شارع|طريق|حي) (?:[\u0600-\u06ff]{2,15} ?){1,4}(?:،? ?(?:رقم )?\d{1,4})?",
            r"\d{1,4},? (?:[\u0900-\u097f]{2,15} ){1,3}(?:मार्ग|रोड|गली|नगर|सड़क)",
        )
    )
)


def mails(around: Surroundings) -> Iterator[Detection]:
    """E-mail addresses but those of an office ("info@", "care.team@")."""
    for match in _MAIL.finditer(around.text):
        local = re.split(r"@|[\[({ ]", match.group(), maxsplit=1)[0].lower()
        if not all(word in _ROLES for word in re.split(r"[._+\d-]+", local)[:1]):
            yield Detection(match.start(), match.end(), "email", "personal", "EMAIL")


def ibans(around: Surroundings) -> Iterator[Detection]:
    text = around.text
    for match in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(match[1].upper())
        end = _reach(text, match.start(), length) if length else None
        if end is None:
            continue
        plain = re.sub("[ -]", "", text[match.start() : end])
        if checksums.mod97(plain) or around.say(_IBAN_NAMES, match.start(), end, before=25, after=0):
            yield Detection(match.start(), end, "iban", "personal", "IBAN")


def _reach(text: str, start: int, length: int) -> int | None:
    """The end of so many letters and digits, single blanks or dashes between them; None where they end otherwise."""
    place, seen, gap = start, 0, False
    while place < len(text) and seen < length:
        character = text[place]
        if character.isascii() and character.isalnum():
            seen, gap = seen + 1, False
        elif gap or character not in " -":
            return None
        else:
            gap = True
        place += 1
    ends = place == len(text) or not (text[place].isascii() and text[place].isalnum())
    return place if seen == length and ends else None


def cards(around: Surroundings) -> Iterator[Detection]:
    """Payment cards: a known brand's first digits and length, and Luhn or a word that says what it is."""
    for match in _CARD.finditer(around.text):
        digits = re.sub("[ -]", "", match.group())
        if not _brand(digits):
            continue
        grouped = len(digits) < len(match.group())
        if checksums.luhn(digits) or (grouped and around.say(_CARD_NAMES, *match.span(), before=40, after=15)):
            yield Detection(match.start(), match.end(), "card", "personal", "CARD")


def _brand(digits: str) -> bool:
    head, length = int(digits[:4]), len(digits)
    if digits[0] == "4":
        return length in (13, 16, 19)
    if digits[:2] in ("34", "37"):
        return length == 15
    if digits[:2] in ("36", "38") or 3000 <= head <= 3059:
        return length == 14
    if 2221 <= head <= 2720 or digits[:2] in ("51", "52", "53", "54", "55", "35"):
        return length == 16
    return (digits[:2] in ("62", "65") or head == 6011 or 6440 <= head <= 6499) and 16 <= length <= 19


def addresses(around: Surroundings) -> Iterator[Detection]:
    """Internet addresses that the whole world can reach, well-known servers left out. Those kept free for documents
    count where words say that somebody uses them."""
    import ipaddress  # 15 ms, and few texts hold one

    for pattern, kind in ((_IPV4, "ipv4"), (_IPV6, "ipv6")):
        for match in pattern.finditer(around.text):
            try:
                address = ipaddress.ip_address(match.group())
            except ValueError:
                continue
            called = around.say(_ADDRESS_NAMES, *match.span(), after=0)
            if match.group() in _RESOLVERS or (not called and around.say(_VERSION, *match.span(), after=0)):
                continue
            example = any(address in network for network in map(ipaddress.ip_network, _EXAMPLES))
            if address.is_global or (example and called):
                yield Detection(match.start(), match.end(), kind, "personal", "IP")


_EXAMPLES = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")


def streets(around: Surroundings) -> Iterator[Detection]:
    """A street with a number: of a shop as often as of a person, so only to be used beside another detection."""
    for match in _STREET.finditer(around.text):
        yield Detection(match.start(), match.end(), "street_address", "personal", "ADDRESS")
