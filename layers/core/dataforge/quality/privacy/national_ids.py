"""Numbers by which a state knows a person: one row per kind.

A number counts where its own name stands near it (then its shape is enough: numbers in published examples seldom pass
their check), or, for shapes that hardly anything else has, where its check holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dataforge.quality.privacy import checksums
from dataforge.quality.privacy.context import LETTER, Surroundings, words
from dataforge.quality.privacy.detections import Detection

LABEL = "ID"


@dataclass(frozen=True, slots=True)
class NationalId:
    kind: str
    shape: re.Pattern[str]
    names: re.Pattern[str]
    """What the number is called in its country and elsewhere."""
    check: Callable[[str], bool] | None = None
    """Of the number without separators."""
    alone: bool = False
    """Found without its name, too, if `check` holds."""


def _id(kind: str, shape: str, names: tuple[str, ...], check: Callable[[str], bool] | None = None, *,
        alone: bool = False) -> NationalId:  # fmt: skip
    pattern = rf"(?<![{LETTER}+-])(?<!\d[.,])(?:{shape})(?![{LETTER}]|[-./]\d)"
    return NationalId(kind, re.compile(pattern, re.IGNORECASE), words(*names), check, alone)


_CAPITAL = "(?:[ -]?(?-i:[A-Z])|-?[A-Z])"
_D = r"(?:0[1-9]|[12]\d|3[01])"
_M = r"(?:0[1-9]|1[0-2])"

NATIONAL_IDS: tuple[NationalId, ...] = (
    _id("us_ssn", r"\d{3}-\d{2}-\d{4}|\d{3} \d{2} \d{4}", ("ssn", "social security", "social insurance", "itin "),
        checksums.us_ssn, alone=True),
    _id("us_ssn", r"\d{9}", ("ssn", "social security")),
    _id("uk_nino", r"(?![DFIQUV])[A-Z](?![DFIQUVO])[A-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]", ("nino ", "national insurance"),
        lambda n: n[:2].upper() not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ"), alone=True),
    _id("uk_nino", r"[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]", ("nino ", "ni number", "national insurance")),
    _id("uk_nhs", r"\d{3}[ -]?\d{3}[ -]?\d{4}", ("nhs",), checksums.nhs),
    _id("de_tax_id", r"[1-9]\d ?\d{3} ?\d{3} ?\d{3}", ("steuer-id", "steuerid", "steueridentifikation", "idnr",
        "steuerliche identifikation", "steuer-identifikation", "german tax"), checksums.iso7064_mod11_10),
    _id("de_identity_card", r"(?=(?:[A-Z]{0,9}\d){2})[CFGHJKLMNPRTVWXYZ][CFGHJKLMNPRTVWXYZ0-9]{8}\d?",
        ("personalausweis", "ausweisnummer",
        "ausweis-nr", "ausweisnr", "reisepass", "passnummer", "german identity card")),
    _id("de_pension", rf"\d{{2}} ?{_D}{_M}\d{{2}} ?[A-Z] ?\d{{3}}", ("sozialversicherung", "rentenversicherung",
        "versicherungsnummer", "svnr", "sv-nummer"), checksums.german_pension, alone=True),
    _id("fr_nir", r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3}(?: ?/? ?\d{2})?",
        ("sécurité sociale", "securite sociale", "nir ", "numéro de sécu", "numéro insee", "n° de sécu", "sécu ",
         "carte vitale", "french social security", "social security"), checksums.french_nir, alone=True),
    _id("es_dni", rf"\d{{2}}\.?\d{{3}}\.?\d{{3}}{_CAPITAL}", ("dni", "nif ", "documento nacional", "d.n.i"),
        checksums.spanish_letter, alone=True),
    _id("es_nie", rf"[XYZ][ -]?\d{{7}}{_CAPITAL}", ("nie ", "n.i.e", "extranjero"),
        checksums.spanish_letter, alone=True),
    _id("es_social_security", r"\d{2}[ /]?\d{8}[ /]?\d{2}", ("seguridad social", "afiliación")),
    _id("it_fiscal_code", r"[A-Z]{6} ?\d{2} ?[A-EHLMPRST] ?\d{2} ?[A-Z] ?\d{3} ?[A-Z]", ("codice fiscale", "c.f."),
        lambda n: 1 <= int(n[9:11]) % 40 <= 31, alone=True),
    _id("it_identity_card", r"C[A-Z]\d{5}[A-Z]{2}", ("carta d'identità", "carta di identità", "identity card")),
    _id("pl_pesel", r"\d{11}", ("pesel",), checksums.polish_pesel),
    _id("pl_identity_card", r"[A-Z]{3} ?\d{6}", ("dowód", "dowod", "dowodu", "polish identity card")),
    _id("nl_bsn", r"\d{3}[ .]?\d{3}[ .]?\d{3}|\d{4}[ .]\d{2}[ .]\d{3}", ("bsn", "burgerservice", "sofinummer",
        "sofi-nummer"), checksums.dutch_bsn),
    _id("cn_resident_id", rf"[1-8]\d{{5}} ?(?:18|19|20)\d{{2}}{_M}{_D} ?\d{{3}}[\dX]", ("身份证", "身分證", "公民身份",
        "证件号", "resident id", "chinese id", "id card", "id number"), checksums.chinese_id, alone=True),
    _id("in_aadhaar", r"[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}", ("aadhaar", "aadhar", "uidai", "आधार"), checksums.verhoeff),
    _id("in_pan", r"[A-Z]{5}\d{4}[A-Z]", ("pan ", "permanent account", "पैन", "income tax")),
    _id("br_cpf", r"\d{3}\.\d{3}\.\d{3}-\d{2}", ("cpf",), checksums.brazilian_cpf, alone=True),
    _id("br_cpf", r"\d{3}[. ]?\d{3}[. ]?\d{3}[- ]?\d{2}", ("cpf",)),
    _id("br_rg", r"\d{1,2}\.\d{3}\.\d{3}-[\dX]", ("rg ", "registro geral", "identidade")),
    _id("pt_nif", r"\d{3} ?\d{3} ?\d{3}", ("nif ", "contribuinte", "número fiscal"), checksums.portuguese_nif),
    _id("pt_citizen_card", r"\d{8} ?\d ?[A-Z]{2}\d", ("cartão de cidadão", "cartao de cidadao", "cc n")),
    _id("ca_sin", r"\d{3}[ -]\d{3}[ -]\d{3}|\d{9}", ("sin ", "social insurance"), checksums.luhn),
    _id("au_tfn", r"\d{3} ?\d{3} ?\d{3}", ("tfn", "tax file"), checksums.australian_tfn),
    _id("au_medicare", r"[2-6]\d{3} ?\d{5} ?\d", ("medicare",)),
    _id("ie_pps", r"\d{7}[A-W][A-IW]?", ("pps",), checksums.irish_pps),
    _id("be_register", rf"\d{{2}}\.{_M}\.{_D}-\d{{3}}\.\d{{2}}", ("rijksregister", "registre national", "niss"),
        checksums.belgian_register, alone=True),
    _id("ch_ahv", r"756\.\d{4}\.\d{4}\.\d{2}", ("ahv", "avs "), checksums.ean13, alone=True),
    _id("ch_ahv", r"756[. ]?\d{4}[. ]?\d{4}[. ]?\d{2}", ("ahv", "avs ", "sozialversicherung")),
    _id("at_social_insurance", rf"\d{{4}} ?{_D}{_M}\d{{2}}", ("sozialversicherung", "svnr", "sv-nummer")),
    _id("se_personal_number", rf"(?:19|20)?\d{{2}}{_M}{_D}[-+]\d{{4}}", ("personnummer", "personal number"),
        lambda n: checksums.swedish_number(n.replace("+", "")), alone=True),
    _id("fi_personal_code", rf"{_D}{_M}\d{{2}}[-+A]\d{{3}}[0-9A-Y]", ("henkilötunnus", "hetu",
        "personal identity code")),
    _id("dk_cpr", rf"{_D}{_M}\d{{2}}-?\d{{4}}", ("cpr", "personnummer")),
    _id("no_birth_number", rf"{_D}{_M}\d{{2}} ?\d{{5}}", ("fødselsnummer", "fodselsnummer", "personnummer")),
    _id("cz_birth_number", r"\d{6}/?\d{3,4}", ("rodné číslo", "rodné čísla", "rodne cislo")),
    _id("ro_cnp", r"[1-9]\d{12}", ("cnp", "cod numeric personal")),
    _id("gr_amka", rf"{_D}{_M}\d{{7}}", ("αμκα", "amka")),
    _id("tr_identity", r"[1-9]\d{10}", ("tc kimlik", "t.c. kimlik", "kimlik no", "tckn"), checksums.turkish_id),
    _id("ru_snils", r"\d{3}-\d{3}-\d{3}[ -]\d{2}", ("снилс", "snils")),
    _id("ru_passport", r"\d{2} ?\d{2} \d{6}|\d{10}", ("паспорт",)),
    _id("jp_my_number", r"\d{4}[ -]?\d{4}[ -]?\d{4}", ("マイナンバー", "個人番号", "my number"),
        checksums.japanese_number),
    _id("kr_resident", rf"\d{{2}}{_M}{_D}-[1-8]\d{{6}}", ("주민등록", "resident registration"),
        lambda n: checksums.korean_resident(n.replace("-", "")), alone=True),
    _id("tw_identity", r"[A-Z][12]\d{8}", ("身分證", "統一編號", "taiwan id")),
    _id("hk_identity", r"[A-Z]{1,2}\d{6}\([\dA]\)", ("香港身份證", "hkid", "hong kong id")),
    _id("sg_nric", r"[STFGM]\d{7}[A-Z]", ("nric", "fin ")),
    _id("mx_curp", rf"[A-Z]{{4}}\d{{2}}{_M}{_D}[HMX][A-Z]{{5}}[0-9A-Z]\d", ("curp",), lambda _n: True, alone=True),
    _id("mx_rfc", rf"[A-ZÑ&]{{4}} ?\d{{2}}{_M}{_D} ?[A-Z0-9]{{3}}", ("rfc ",)),
    _id("ar_dni", r"\d{1,2}\.?\d{3}\.?\d{3}", ("dni", "documento nacional")),
    _id("cl_rut", r"\d{1,2}\.\d{3}\.\d{3}-[\dK]|\d{7,8}-[\dK]", ("rut ", "run ", "rol único")),
    _id("co_cedula", r"\d{1,3}(?:\.?\d{3}){2,3}", ("cédula", "cedula")),
    _id("sa_identity", r"[12]\d{9}", ("هوية", "الهوية", "الإقامة", "iqama", "saudi id", "national id"), checksums.luhn),
    _id("eg_identity", rf"[23]\d{{2}}{_M}{_D}\d{{7}}", ("الرقم القومي", "رقم قومي", "بطاقة", "national id")),
    _id("ae_identity", r"784[ -]?\d{4}[ -]?\d{7}[ -]?\d", ("هوية", "الهوية", "emirates id"), checksums.luhn),
    _id("il_identity", r"\d{9}", ("תעודת זהות", "teudat")),
    _id("za_identity", rf"\d{{2}}{_M}{_D} ?\d{{4}} ?[01]\d{{2}}", ("south african id", "sa id", "id number", "rsa id"),
        checksums.luhn),
    _id("national_id", r"(?=[A-Z0-9]*\d)[A-Z0-9]{8,14}", ("national id number", "national identity number")),
    _id("passport", r"(?=(?:[A-Z]{0,9}\d){3})[A-Z0-9]{6,10}",
        ("passport no", "passport num", "passport:", "passport is", "passnummer", "reisepass", "passeport", "pasaporte",
         "passaporte", "passaporto", "paspoort", "paszport", "护照", "旅券", "パスポート番号", "جواز السفر", "जवाज़",
         "पासपोर्ट")),
    _id("driving_licence", r"[A-Z9]{5}\d{6}[A-Z9]{2}\d?[A-Z0-9]{2,3}|(?=[A-Z0-9]{0,8}\d{4})[A-Z0-9]{8,13}",
        ("driving licence n", "driver's license n", "driver license n", "driver’s license n", "driving license n",
         "führerscheinnummer", "permis de conduire n", "carnet de conducir n", "驾驶证号", "運転免許証番号")),
)  # fmt: skip

_NAME_BEFORE, _NAME_AFTER = 45, 20
_DIGITS = re.compile(r"\d(?:[^\d\n]{0,5}\d){3,60}")
"""Where a number may be: digits with little between them."""
_REACH = 24


def find(around: Surroundings) -> Iterator[Detection]:
    places = list(_places(around.text))
    for one in NATIONAL_IDS if places else ():
        for start, end in places:
            for match in one.shape.finditer(around.text, start, end):
                if _counts(one, match, around):
                    yield Detection(match.start(), match.end(), one.kind, "personal", LABEL)


def _places(text: str) -> Iterator[tuple[int, int]]:
    """The parts of the text that have digits, apart from each other."""
    begin = stop = -1
    for match in _DIGITS.finditer(text):
        start, end = max(0, match.start() - _REACH), min(len(text), match.end() + _REACH)
        if start > stop:
            if stop > 0:
                yield begin, stop
            begin = start
        stop = end
    if stop > 0:
        yield begin, stop


def _counts(one: NationalId, match: re.Match[str], around: Surroundings) -> bool:
    if one.alone and one.check is not None and _holds(one.check, re.sub(r"[ ./-]", "", match.group())):
        return True
    return around.say(one.names, *match.span(), before=_NAME_BEFORE, after=_NAME_AFTER)


def _holds(check: Callable[[str], bool], number: str) -> bool:
    try:
        return check(number)
    except (ValueError, IndexError):
        return False
