"""Personal data and secrets: what is found, what is left alone, in every kind and many languages.

Everything here is invented: numbers of ranges kept free for fiction, published examples, keys drawn at random.
"""

from __future__ import annotations

import random
import string

import pytest

from dataforge.quality import privacy

_rng = random.Random(4)
ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def key(length: int, characters: str = ALNUM) -> str:
    """Drawn here, so that no key of a real form stands in a file."""
    drawn = "".join(_rng.choice(characters) for _ in range(length - 2))
    return drawn + ("7a" if characters == ALNUM else "".join(_rng.choice(characters) for _ in range(2)))


Example = tuple[str, str, str]
"""Kind, value, text that holds it."""


def example(kind: str, value: str, *texts: str) -> list[Example]:
    """texts: with @@ where the value stands."""
    return [(kind, value, text.replace("@@", value)) for text in texts]


PERSONAL: list[Example] = [
    *example(
        "email", "ottilie.brandt@post.example", "Please write to @@ before Friday.", "Kontakt:@@;", "邮箱是@@，谢谢"
    ),
    *example("email", "k.o_neil+home@sub.mail.example", "(@@)", '"email": "@@"', '<a href="mailto:@@">'),
    *example("email", "jana [at] privat [dot] example", "Reach me: @@", "her mail (@@) works", "mail=@@"),
    *example(
        "phone", "07700 900345", "Ring Bea on @@ after six.", "Mobile: @@", "| Name | Phone |\n|---|---|\n| Bea | @@ |"
    ),
    *example("phone", "+1 (212) 555-0187", "Call @@ at home.", "cell @@", "Her number is @@."),
    *example("phone", "(415) 555-0132", "Call me at @@", "phone: @@", "fax @@ (private)"),
    *example("phone", "0171 39200 12", "Sein Handy: @@", "unter @@ erreichbar", "Diensthandy @@"),
    *example("phone", "+49 30 23125 678", "Telefon @@", "Tel. @@", "Rückruf unter @@"),
    *example("phone", "01 99 00 47 12", "Téléphone : @@", "Vous pouvez le joindre au @@", "tél. @@"),
    *example("phone", "612 345 678", "Su móvil es el @@", "Teléfono: @@", "Llama al @@"),
    *example("phone", "+39 333 123 4567", "Cellulare: @@", "chiamalo al @@", "tel. @@"),
    *example("phone", "912 345 678", "Telemóvel: @@", "ligue para @@", "telefone @@"),
    *example("phone", "06 12345678", "Bel hem op @@", "mobiel: @@", "telefoonnummer @@"),
    *example("phone", "501 234 567", "Telefon: @@", "komórka @@", "zadzwoń pod @@"),
    *example("phone", "13912345678", "手机：@@", "请拨打@@联系他", "电话@@"),
    *example("phone", "090-1234-5678", "携帯：@@", "電話番号は@@です", "連絡先 @@"),
    *example("phone", "٠٥٠١٢٣٤٥٦٧", "هاتفه @@", "اتصل على @@", "جوال: @@"),
    *example("phone", "+91 98765 43210", "मोबाइल: @@", "फ़ोन @@", "कॉल करें @@"),
    *example("phone", "(11) 91234-5678", "Celular: @@", "WhatsApp @@", "ligue @@"),
    *example("iban", "FR14 2004 1010 0505 0001 3M02 606", "Virement sur @@.", "IBAN : @@", "compte @@ (privé)"),
    *example("iban", "nl91abna0417164300", "naar @@ over", "IBAN @@", "rekening: @@"),
    *example("iban", "PL61109010140000071219812874", "Przelew na @@", "konto @@", "(@@)"),
    *example("iban", "ES91-2100-0418-4502-0005-1332", "Cuenta @@", "IBAN:@@", "a @@, gracias"),
    *example("card", "5555 5555 5555 4444", "paid with @@.", "Karte @@", "card no. @@"),
    *example("card", "378282246310005", "Amex @@", "charged to @@", "tarjeta @@"),
    *example("card", "4012-8888-8888-1881", "Visa @@, exp 12/29", "卡号@@", "number: @@"),
    *example("us_ssn", "219-09-9999", "SSN @@", "Her social security number is @@.", "| SSN |\n|---|\n| @@ |"),
    *example("us_ssn", "987 65 4329", "SSN: @@", "social security no @@", "(social security @@)"),
    *example("uk_nino", "QQ 12 34 56 C", "National Insurance number @@", "NINO: @@", "NI number is @@"),
    *example("uk_nhs", "943 476 5919", "NHS number @@", "NHS no: @@", "his NHS record @@"),
    *example("de_tax_id", "86095742719", "Steuer-ID: @@", "Steueridentifikationsnummer @@", "IdNr. @@"),
    *example("de_identity_card", "L01X00T471", "Personalausweis-Nr. @@", "Ausweisnummer: @@", "Personalausweis @@"),
    *example("de_pension", "15 070649 C 103", "Rentenversicherungsnummer @@", "SV-Nummer: @@", "Nummer @@ laut Akte"),
    *example("fr_nir", "1 84 12 76 451 089 46", "sécurité sociale @@", "NIR : @@", "n° de sécu @@"),
    *example("es_dni", "99999999R", "DNI @@", "con NIF @@", "documento nacional @@"),
    *example("es_nie", "X1234567L", "NIE: @@", "su NIE es @@", "el residente @@ pidió"),
    *example("it_fiscal_code", "RSSMRA85T10A562S", "Codice fiscale: @@", "C.F. @@", "il signor Rossi (@@)"),
    *example("pl_pesel", "44051401359", "PESEL: @@", "numer PESEL @@", "PESEL pacjenta to @@"),
    *example("nl_bsn", "111222333", "BSN @@", "burgerservicenummer: @@", "haar BSN is @@"),
    *example("cn_resident_id", "440308199901101512", "身份证号@@", "身份证：@@", "持证人@@登记"),
    *example("in_aadhaar", "2345 6789 0124", "Aadhaar number @@", "Aadhaar: @@", "आधार संख्या @@"),
    *example("in_pan", "ABCPK1234D", "PAN @@", "PAN card: @@", "permanent account number @@"),
    *example("br_cpf", "529.982.247-25", "CPF @@", "CPF: @@", "portador do documento @@"),
    *example("br_cpf", "11144477735", "CPF: @@", "CPF nº @@", "com CPF @@"),
    *example("passport", "C01X00T47", "Passport No. @@", "passport number: @@", "Reisepass @@"),
    *example("ipv4", "81.169.145.72", "from @@", "IP: @@", "logged in from @@ at noon"),
    *example("ipv6", "2a02:8109:9c40:1f20:1c2d:5aff:fe11:77ab", "IP @@", "from @@.", "client [@@]"),
    *example("ipv4", "203.0.113.77", "Her IP address was @@", "client IP: @@", "logged in from @@"),
]

SECRETS: list[Example] = [
    *example("anthropic", "sk-ant-api03-" + key(40), "key: @@", "export ANTHROPIC_API_KEY=@@", "use `@@` here"),
    *example("openai", "sk-proj-" + key(48), "OPENAI_API_KEY=@@", '"api_key": "@@"', "send @@ with it"),
    *example("openai", "sk-" + key(48), "token @@", "key=@@", "(@@)"),
    *example("google", "AIza" + key(35), "?key=@@", "maps key @@", "GOOGLE_API_KEY: @@"),
    *example(
        "aws_access",
        "AKIA" + key(16, string.ascii_uppercase + "234567"),
        "aws_access_key_id = @@",
        "Access key @@",
        "`@@`",
    ),
    *example(
        "aws_secret", key(40), "aws_secret_access_key = @@", 'AWS_SECRET_ACCESS_KEY="@@"', "Secret access key: @@"
    ),
    *example(
        "azure_storage",
        key(86) + "==",
        "AccountName=x;AccountKey=@@;",
        '"AccountKey=@@"',
        "conn: DefaultEndpointsProtocol=https;AccountKey=@@;EndpointSuffix=core",
    ),
    *example("azure_client", key(3) + "8Q~" + key(34), "client secret @@", "AZURE_CLIENT_SECRET=@@", "value: @@"),
    *example("github", "ghp_" + key(36), "token @@", "https://@@@github.com/x", "GITHUB_TOKEN=@@"),
    *example("github", "github_pat_" + key(22) + "_" + key(59), "use @@", '"@@"', "key: @@"),
    *example("gitlab", "glpat-" + key(20), "PRIVATE-TOKEN: @@", "@@", "git clone https://oauth2:@@@gitlab.example/x"),
    *example(
        "slack",
        "xoxb-" + key(12, string.digits) + "-" + key(12, string.digits) + "-" + key(24),
        "bot token @@",
        "SLACK=@@",
        "(@@)",
    ),
    *example("stripe", "sk_live_" + key(24), "Stripe key @@", "STRIPE=@@", "curl -u @@:"),
    *example("twilio", "SK" + key(32, HEX), "Twilio @@", "sid=@@", "key: @@"),
    *example("sendgrid", "SG." + key(22) + "." + key(43), "SENDGRID_API_KEY=@@", "sendgrid @@", '"@@"'),
    *example("npm", "npm_" + key(36), "//registry.npmjs.org/:_authToken=@@", "token @@", "NPM_TOKEN: @@"),
    *example("pypi", "pypi-AgEIcHlwaS5vcmc" + key(60), "password = @@", "twine -p @@", "token: @@"),
    *example("huggingface", "hf_" + key(34), "HF_TOKEN=@@", "login with @@", '"token": "@@"'),
    *example(
        "jwt",
        "eyJ" + key(30) + ".eyJ" + key(60) + "." + key(43),
        "Authorization: Bearer @@",
        "token=@@",
        "cookie: session=@@; path=/",
    ),
    *example(
        "private_key",
        "-----BEGIN RSA PRIVATE KEY-----\n" + key(64) + "\n" + key(64) + "\n-----END RSA PRIVATE KEY-----",
        "@@",
        "key:\n@@\nend",
        "```\n@@\n```",
    ),
    *example(
        "connection",
        "hunter2Xy",
        "postgres://app:@@@db.example:5432/x",
        "mongodb+srv://root:@@@cluster0.example/x",
        "Server=db;User Id=sa;Password=@@;",
    ),
    *example("password", "Sommer2026!", "password: @@", "Das Passwort lautet @@", "login with password is @@ please"),
    *example("password", "Tr0ub4dor", "pwd=@@", "Contraseña: @@", "mot de passe : @@"),
    *example("password", "Kaffee#77", "密码是@@", "パスワード：@@", "Hasło: @@"),
    *example(
        "password",
        "W1fi-Gast",
        'Wi-Fi password: "@@"',
        "| Network | Password |\n|---|---|\n| Guest | @@ |",
        "wachtwoord is @@",
    ),
    *example("keyed", key(32), "api_key = @@", "API key: @@", "the access token is @@"),
    *example("live", "acme_live_" + key(20), "key @@", "X-Key: @@", '"@@"'),
]

CLEAN = [
    "The meeting is on 2024-05-12 from 09:00-17:00 in room 301.",
    "Version 2.14.0.1 replaces 1.9.33.2; firmware 10.4.2.17 follows.",
    "The server at 192.168.1.20 and 10.0.0.5 is internal; localhost is 127.0.0.1.",
    "Order no. 0345-223-1998-7 was shipped.",
    "ISBN 978-3-16-148410-0 was published in 1998.",
    "Write to info@shop.example or support.team@firma.example or hotline@stadt.example.",
    "Call our free line 0800 123 4567 or 1-800-555-0199.",
    "The budget is 1 234 567 890 euros, up 12.5 %.",
    "Invoice 2024001234567 of 01.02.2024.",
    "Passwords must have at least 12 characters and one digit.",
    "The password is required for every login.",
    "Your password expires after 90 days: choose a new one.",
    "API keys are created under Settings > Keys. Set API_KEY=<your key>.",
    "password: your_password",
    "The key to success is perseverance and collaboration.",
    "The token is valid for 30 minutes.",
    "Das Passwort ist mindestens 12 Zeichen lang. Das Passwort ist geheim.",
    "Article 12345678 costs 19.99. Part number 4006381333931.",
    "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "Commit 3b78d69e1f02a4b6c8d0e2f4a6b8c0d2e4f6a8b0 fixed it.",
    "UUID 550e8400-e29b-41d4-a716-446655440000 is the request id.",
    "https://example.com/path/to/page?session=12&lang=en",
    "The coordinates are 52.520008, 13.404954.",
    "Population: 1,411,778,724 (2020).",
    "Das Rathaus liegt in der Hauptstraße 12.",
    "The museum is at 12 High Street.",
    "密码至少八位，包含数字和字母。",
    "La contraseña es obligatoria y debe tener ocho caracteres.",
    "Le mot de passe est personnel et doit être changé.",
    "DNS servers: 8.8.8.8 and 1.1.1.1.",
    "Use postgres://user:password@localhost/db as an example.",
    "The serial number 356938035643809 is on the label.",
    "Row 10 20 30 40 50 60 70 80 90 100 110 120.",
    "1990 1991 1992 1993 1994 1995 1996",
    "Temperatures of 020 to 045 degrees 0.5 0.7 0.9 0.11 0.13",
    "0 1 2 3 4 5 6 7 8 9 10 11 12",
]


def found(text: str) -> list[str]:
    return [text[one.start : one.end] for one in privacy.find(text)]


@pytest.mark.parametrize(("kind", "value", "text"), PERSONAL)
def test_personal_data_is_found_with_its_place(kind: str, value: str, text: str) -> None:
    assert value in found(text)
    assert {one.category for one in privacy.find(text)} == {"personal"}


@pytest.mark.parametrize(("kind", "value", "text"), SECRETS)
def test_a_secret_is_found_whole(kind: str, value: str, text: str) -> None:
    assert any(value in one for one in found(text))
    assert "secret" in {one.category for one in privacy.find(text)}


@pytest.mark.parametrize("text", CLEAN)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_a_home_counts_beside_another_finding_only() -> None:
    alone = "The museum is at 12 Harbour Street."
    beside = "Bea Lindqvist, 12 Harbour Street, bea.lindqvist@post.example"

    assert found(alone) == []
    assert found(beside) == ["12 Harbour Street", "bea.lindqvist@post.example"]


@pytest.mark.parametrize(
    "mail",
    [
        "info@firma.example",
        "Support@Shop.example",
        "care.team@ferries.example",
        "no-reply@x.example",
        "sales+eu@x.example",
    ],
)
def test_the_mailbox_of_an_office_is_nobodys(mail: str) -> None:
    assert found(f"Write to {mail}.") == []


def test_full_width_and_hidden_characters_do_not_hide_a_value() -> None:
    """Spans are those of the text as it was given."""
    text = (
        "连络 ｂｅａ．ｌｉｎｄ＠ｐｏｓｔ．ｅｘａｍｐｌｅ，卡号４１１１ １１１１ １１１１ １１１１，"
        "be\u200ba.lind@post.example"
    )

    assert found(text) == [
        "ｂｅａ．ｌｉｎｄ＠ｐｏｓｔ．ｅｘａｍｐｌｅ",
        "４１１１ １１１１ １１１１ １１１１",
        "be\u200ba.lind@post.example",
    ]


def test_there_are_rules_for_many_providers() -> None:
    from dataforge.quality.privacy.secrets import RULES

    assert len({rule.kind for rule in RULES}) >= 30
