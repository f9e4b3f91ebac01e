"""Secrets: keys of providers and clouds by their forms, passwords by the words before them.

A rule's `anchor` is a text that its pattern cannot match without: looking for it first costs next to nothing.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dataforge.quality.privacy.detections import Detection

LABEL = "SECRET"


@dataclass(frozen=True, slots=True)
class SecretRule:
    kind: str
    pattern: re.Pattern[str]
    """Its first group is the secret where it has one, else the whole match is."""
    anchor: tuple[str, ...]
    """Lower case; any of them is enough."""
    counts: Callable[[str], bool] = bool
    """Whether the secret looks like one: of a form that words have as well."""


def _rule(kind: str, pattern: str, *anchor: str, counts: Callable[[str], bool] = bool, flags: int = 0) -> SecretRule:
    return SecretRule(kind, re.compile(pattern, flags), anchor, counts)


def entropy(text: str) -> float:
    """Bits a character, by Shannon, of the text's own characters."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())


def _mixed(value: str) -> bool:
    """Digits and letters of a key, not a name or a path."""
    return any(c.isdigit() for c in value) and any(c.isalpha() for c in value) and entropy(value) >= 3.0


_FILLERS = re.compile(
    r"(?:x{3,}|\*{3,}|\.{3,}|•+|<|\{\{|\$\{|\$\(|%\(|\[)|(?:your|my|the|insert|enter|put|change|replace|example|sample|dummy|"
    r"placeholder|redacted|secret|password|passwort|none|null|undefined|true|false|todo|string|env|process|os\.|config|"
    r"settings|getenv|vault)(?:[_\-. ()\[\]/:]|me\b|this\b|here\b|$)",
    re.IGNORECASE,
)


def _chosen(value: str) -> bool:
    """A password that somebody chose, not the name of one or the place for one, and no word of prose."""
    return not _FILLERS.match(value) and (not value.isalpha() or not (value.islower() or value.istitle()))


def _assigned(value: str) -> bool:
    """After `=` or within quotes even a word is a password."""
    return not _FILLERS.match(value) and value.strip("*x.•") != ""


def _random(value: str) -> bool:
    """Looks drawn, not written: mixed characters of high entropy."""
    return _mixed(value) and entropy(value) >= 3.3 and not _FILLERS.match(value) and not re.match(r"https?:", value)


_B = r"(?<![A-Za-z0-9_-])"
_E = r"(?![A-Za-z0-9_-])"
_WORD = r"[A-Za-z0-9_-]"
_ANCHORS = ("pass", "pwd", "psk", "pin", "wort", "woord", "code", "mdp", "contrase", "clave", "senha",
                     "parola", "hasł", "haslo")  # fmt: skip
_BEHIND = ".,;:)"
"""What ends a sentence around a secret rather than the secret."""
_PEM = r"(?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?"
_KEY_NAMES = (
    r"(?:api|app|application|access|auth|authorization|secret|private|client|consumer|signing|encryption|master|service|"
    r"account|session|refresh|bearer|bot|deploy|webhook|storage|subscription|license|licence|api[ _-]?access)?"
    r"[ _.-]{0,2}(?:key|token|secret|credential|signature|apikey|authtoken)"
)
_WORDS_FOR_IT = (
    r"(?:pass(?:word|wort|code|phrase|wd)?|pwd|passwd|psk|pin(?:[ -]?code)?|kennwort|zugangscode|mot de passe|mdp|"
    r"contraseña|contrasena|clave|senha|parola d'ordine|wachtwoord|hasło|haslo|密码|口令|パスワード|暗証番号|"
    r"كلمة (?:المرور|السر)|पासवर्ड)"
)

RULES: tuple[SecretRule, ...] = (
    _rule("private_key",
          rf"-----BEGIN {_PEM}-----(?:[A-Za-z0-9+/=\s:,.\\]|-(?!-)){{16,8000}}(?:-----END {_PEM}-----|\Z)",
          "private key"),
    # A passage that begins in the middle of one.
    _rule("private_key", rf"\A[A-Za-z0-9+/=\s]{{40,8000}}-----END {_PEM}-----", "private key"),
    _rule("putty_key", r"PuTTY-User-Key-File-\d[^\n]{0,80}\n(?:[^\n]{0,200}\n){1,80}?Private-MAC: ?[0-9a-f]{16,128}",
          "putty-user-key"),
    _rule("anthropic_key", rf"{_B}sk-ant-(?:api|admin|sid|oat)?\d{{0,2}}-?[A-Za-z0-9_-]{{16,200}}", "sk-ant-"),
    _rule("openrouter_key", rf"{_B}sk-or-(?:v\d-)?[A-Za-z0-9]{{16,128}}{_E}", "sk-or-"),
    _rule("openai_key", rf"{_B}sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{{16,250}}", "sk-proj", "sk-svc", "sk-admin",
          "sk-none"),
    _rule("openai_key", rf"{_B}sk-[A-Za-z0-9]{{20,100}}{_E}", "sk-", counts=_mixed),
    _rule("google_api_key", rf"{_B}AIza{_WORD}{{30,45}}{_E}", "aiza"),
    _rule("google_oauth_token", rf"{_B}ya29\.[A-Za-z0-9_.-]{{20,400}}", "ya29."),
    _rule("google_client_secret", rf"{_B}GOCSPX-{_WORD}{{20,60}}", "gocspx-"),
    _rule("aws_access_key", rf"{_B}(?:AKIA|ASIA|AGPA|AIDA|AROA|ABIA|ACCA)[A-Z0-9]{{16}}{_E}", "akia", "asia", "agpa",
          "aida", "aroa", "abia", "acca"),
    _rule("aws_secret_key",
          r"(?:aws.{0,20})?(?:secret|SECRET).{0,20}?[\s:=\"']{1,5}([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
          "secret", counts=_mixed),
    _rule("aws_bedrock_key", rf"{_B}(?:ABSK|bedrock-api-key-)[A-Za-z0-9+/=]{{30,300}}", "absk", "bedrock-api-key"),
    _rule("azure_storage_key", r"AccountKey=([A-Za-z0-9+/]{40,100}={0,2})", "accountkey="),
    _rule("azure_sas", r"[?&;]sig=([A-Za-z0-9%+/=_-]{30,150})", "sig="),
    _rule("azure_shared_access", r"SharedAccessKey=([A-Za-z0-9+/]{30,100}={0,2})", "sharedaccesskey="),
    _rule("azure_client_secret", rf"{_B}([A-Za-z0-9_~.]{{3}}[78]Q~[A-Za-z0-9_~.-]{{31,34}}){_E}", "8q~", "7q~"),
    _rule("azure_devops_token", rf"{_B}[a-z0-9A-Z]{{70,80}}AZDO[A-Za-z0-9]{{4}}{_E}", "azdo"),
    _rule("github_token", rf"{_B}gh[pousr]_[A-Za-z0-9]{{20,255}}", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    _rule("github_token", rf"{_B}github_pat_[A-Za-z0-9_]{{20,255}}", "github_pat_"),
    _rule("gitlab_token", rf"{_B}gl(?:pat|dt|rt|ptt|cbt|soat|ft|agent|imt|oas)-[A-Za-z0-9_.=-]{{16,300}}", "glpat-",
          "gldt-", "glrt-", "glptt-", "glcbt-", "glsoat-", "glft-", "glagent-", "glimt-", "gloas-"),
    _rule("bitbucket_token", rf"{_B}ATBB[A-Za-z0-9]{{28,60}}{_E}", "atbb"),
    _rule("atlassian_token", rf"{_B}ATATT3[A-Za-z0-9_=-]{{40,250}}", "atatt3"),
    _rule("slack_token", rf"{_B}xox[abeoprs]-(?:[A-Za-z0-9]{{1,64}}-){{0,5}}[A-Za-z0-9]{{8,150}}", "xox"),
    _rule("slack_app_token", rf"{_B}xapp-\d-[A-Za-z0-9-]{{16,150}}", "xapp-"),
    _rule("slack_webhook", r"https://hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,150}",
          "hooks.slack.com"),
    _rule("teams_webhook", r"https://[\w-]{2,60}\.webhook\.office\.com/webhookb2/[\w@/-]{30,300}",
          "webhook.office.com"),
    _rule("discord_webhook", r"https://(?:ptb\.|canary\.)?discord(?:app)?\.com/api/webhooks/\d{10,22}/[\w-]{30,100}",
          "/api/webhooks/"),
    _rule("discord_token", rf"{_B}[MNO][A-Za-z\d_-]{{23,27}}\.[\w-]{{6}}\.[\w-]{{27,40}}{_E}", "."),
    _rule("telegram_token", rf"{_B}\d{{8,10}}:A[A-Za-z0-9_-]{{33,35}}{_E}", ":aa", ":a"),
    _rule("stripe_key", rf"{_B}(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{{12,200}}", "_live_", "_test_"),
    _rule("stripe_webhook_secret", rf"{_B}whsec_[A-Za-z0-9+/=]{{20,100}}", "whsec_"),
    _rule("square_token", rf"{_B}(?:sq0[a-z]{{3}}-[A-Za-z0-9_-]{{20,60}}|EAAA[A-Za-z0-9_-]{{56,64}})", "sq0", "eaaa"),
    _rule("paypal_token", r"access_token\$(?:production|sandbox)\$[a-z0-9]{12,20}\$[a-f0-9]{24,40}", "access_token$"),
    _rule("twilio_key", rf"{_B}(?:SK|AC)[0-9a-fA-F]{{32}}{_E}", "sk", "ac"),
    _rule("sendgrid_key", rf"{_B}SG\.[A-Za-z0-9_-]{{16,32}}\.[A-Za-z0-9_-]{{16,64}}", "sg."),
    _rule("mailgun_key", rf"{_B}(?:key-[0-9a-f]{{32}}|[0-9a-f]{{32}}-[0-9a-f]{{8}}-[0-9a-f]{{8}}){_E}", "key-", "-"),
    _rule("mailchimp_key", rf"{_B}[0-9a-f]{{32}}-us\d{{1,2}}{_E}", "-us"),
    _rule("postman_key", rf"{_B}PMAK-[0-9a-f]{{24}}-[0-9a-f]{{34}}", "pmak-"),
    _rule("npm_token", rf"{_B}npm_[A-Za-z0-9]{{30,50}}{_E}", "npm_"),
    _rule("npm_token", r"_authToken=([A-Za-z0-9_+/=-]{16,200})", "_authtoken="),
    _rule("pypi_token", rf"{_B}pypi-[A-Za-z0-9_-]{{20,300}}", "pypi-", counts=_mixed),
    _rule("rubygems_key", rf"{_B}rubygems_[0-9a-f]{{40,60}}", "rubygems_"),
    _rule("huggingface_token", rf"{_B}(?:hf|api_org)_[A-Za-z0-9]{{25,60}}{_E}", "hf_", "api_org_"),
    _rule("replicate_token", rf"{_B}r8_[A-Za-z0-9]{{30,50}}{_E}", "r8_"),
    _rule("groq_key", rf"{_B}gsk_[A-Za-z0-9]{{30,80}}{_E}", "gsk_"),
    _rule("xai_key", rf"{_B}xai-[A-Za-z0-9]{{30,120}}{_E}", "xai-"),
    _rule("perplexity_key", rf"{_B}pplx-[A-Za-z0-9]{{30,80}}{_E}", "pplx-"),
    _rule("nvidia_key", rf"{_B}nvapi-{_WORD}{{30,100}}", "nvapi-"),
    _rule("databricks_token", rf"{_B}dapi[0-9a-f]{{32}}(?:-\d)?{_E}", "dapi"),
    _rule("langsmith_key", rf"{_B}ls(?:v2_(?:pt|sk)|__)_?[A-Za-z0-9_]{{24,100}}", "lsv2_", "ls__"),
    _rule("pinecone_key", rf"{_B}pcsk_[A-Za-z0-9_]{{30,120}}", "pcsk_"),
    _rule("digitalocean_token", rf"{_B}do[oprt]_v1_[0-9a-f]{{40,80}}", "_v1_"),
    _rule("heroku_key", rf"{_B}HRKU-[A-Za-z0-9_-]{{30,80}}", "hrku-"),
    _rule("vault_token", rf"{_B}hv[sbr]\.[A-Za-z0-9_-]{{20,200}}", "hvs.", "hvb.", "hvr."),
    _rule("terraform_token", rf"{_B}[A-Za-z0-9]{{14}}\.atlasv1\.[A-Za-z0-9_-]{{50,80}}", ".atlasv1."),
    _rule("shopify_token", rf"{_B}shp(?:at|ca|pa|ss)_[0-9a-fA-F]{{28,40}}", "shpat_", "shpca_", "shppa_", "shpss_"),
    _rule("notion_token", rf"{_B}(?:secret_[A-Za-z0-9]{{40,50}}|ntn_[A-Za-z0-9]{{30,60}}){_E}", "secret_", "ntn_"),
    _rule("linear_key", rf"{_B}lin_(?:api|oauth)_[A-Za-z0-9]{{30,80}}", "lin_"),
    _rule("airtable_token", rf"{_B}pat[A-Za-z0-9]{{14}}\.[0-9a-f]{{40,80}}", "pat"),
    _rule("figma_token", rf"{_B}fig[dou]_[A-Za-z0-9_-]{{30,80}}", "figd_", "figo_", "figu_"),
    _rule("newrelic_key", rf"{_B}NRAK-[A-Z0-9]{{20,40}}{_E}", "nrak-"),
    _rule("grafana_token", rf"{_B}gl(?:sa|c)_[A-Za-z0-9+/=_-]{{28,300}}", "glsa_", "glc_"),
    _rule("sentry_token", rf"{_B}sntry[su]_[A-Za-z0-9+/=_-]{{30,300}}", "sntry"),
    _rule("doppler_token", rf"{_B}dp\.(?:pt|st|ct|sa|scim)\.[A-Za-z0-9_.-]{{30,80}}", "dp."),
    _rule("docker_token", rf"{_B}dckr_(?:pat|oat)_{_WORD}{{20,60}}", "dckr_"),
    _rule("age_key", r"AGE-SECRET-KEY-1[0-9A-Z]{50,62}", "age-secret-key"),
    _rule("own_key", rf"{_B}sk_{_WORD}{{20,120}}{_E}", "sk_", counts=_mixed),
    _rule("live_key",
          rf"{_B}[a-z][a-z0-9]{{1,15}}_(?:live|prod|test|sandbox|secret|key|token)_[A-Za-z0-9]{{16,120}}{_E}",
          "_", counts=_mixed),
    _rule("jwt", rf"{_B}eyJ{_WORD}{{8,2000}}\.(?:eyJ)?{_WORD}{{8,4000}}(?:\.{_WORD}{{0,1000}})?", "eyj"),
    _rule("connection_string", r"\b[a-z][a-z0-9+]{1,20}://[^\s:@/\"'<>]{0,100}:([^\s@/\"'<>]{2,200})@[\w.-]", "://",
          counts=_assigned, flags=re.IGNORECASE),
    _rule("connection_string", r"(?:server|host|data source|user id|uid|database)=[^;\n]{1,200};[^\n]{0,300}?"
          r"(?:password|pwd)=([^;\s\"']{2,200})", "pwd=", "password=", counts=_assigned, flags=re.IGNORECASE),
    _rule("authorization_header", r"(?:bearer|basic|token)[ ]{1,3}([A-Za-z0-9._~+/=-]{16,2000})", "bearer", "basic",
          "token", counts=_mixed, flags=re.IGNORECASE),
    _rule("curl_password", r"curl\b[^\n]{0,200}?\s-(?:u|-user)[ =][\"']?[^\s:\"']{1,80}:([^\s\"']{3,200})", "curl",
          counts=_assigned),
    _rule("password",
          rf"(?<![A-Za-z]){_WORDS_FOR_IT}[\"'`*_]{{0,3}}[ ]?(?:=>|:=|=)[ ]?[\"'`]?([^\s\"'`,;<>]{{4,200}})",
          *_ANCHORS, counts=_assigned, flags=re.IGNORECASE),
    _rule("password",
          rf"(?<![A-Za-z]){_WORDS_FOR_IT}\b[^\n:=]{{0,40}}?"
          r"(?:[ ]?[:：]|[ ]is(?: now| still)?:?|[ ]ist|[ ]lautet|"
          r"[ ]est|[ ]es|[ ]é|[ ]è|[ ]to)[ ]{1,3}[\"'`„“«*]{0,3}([^\s\"'`“”»*<>]{4,200})",
          *_ANCHORS, counts=_chosen, flags=re.IGNORECASE),
    _rule("password", rf"{_WORDS_FOR_IT}[^\n:：=]{{0,12}}?(?:[:：是为為は]|هي|है)[ ]{{0,2}}[\"'「『“]?"
          r"([\x21-\x7e]{4,100})", "密码", "口令", "パスワード", "暗証番号", "كلمة", "पासवर्ड", counts=_chosen),
    _rule("keyed_value", rf"{_KEY_NAMES}[\"'`*_]{{0,3}}(?:[ ]?(?:=>|:=|[:=])[ ]?|[ ]is:?[ ]|[ ])[\"'`]?"
          r"([A-Za-z0-9_+/=.~-]{16,200})", "key", "token", "secret", "credential", "signature", counts=_random,
          flags=re.IGNORECASE),
    _rule("keyed_value",
          r"(?:[Ss]chlüssel|[Zz]ugangstoken|clé(?: d'API)?|jeton|clave(?: de API)?|chave|chiave|sleutel|klucz|"
          r"密钥|令牌|トークン|キー|مفتاح|رمز|कुंजी|टोकन)[^\nA-Za-z0-9]{0,12}(?:[A-Za-z]{1,10}[ :=]{1,3}){0,3}"
          r"([A-Za-z0-9_+/=.~-]{16,200})", "chlüssel", "zugangstoken", "clé", "jeton", "clave", "chave", "chiave",
          "sleutel", "klucz", "密钥", "令牌", "トークン", "キー", "مفتاح", "رمز", "कुंजी", "टोकन", counts=_random),
)  # fmt: skip


_COLUMNS = re.compile(rf"^[\s*_`]*(?:{_WORDS_FOR_IT}|{_KEY_NAMES})[\s*_`]*$", re.IGNORECASE)


def _cells(text: str) -> Iterator[Detection]:
    """In tables of rows with pipes: what stands under "Password" or "API key"."""
    secret: list[int] = []
    header = ""
    place = 0
    for line in text.splitlines(keepends=True) if "|" in text else ():
        cells = line[:5000].split("|", 64)
        if len(cells) == 1:
            header = ""
        elif not header:
            header = line
            secret = [n for n, cell in enumerate(cells) if len(cell) < 60 and _COLUMNS.match(cell)]
        elif secret:
            starts = [0]
            for cell in cells:
                starts.append(starts[-1] + len(cell) + 1)
            for n in secret:
                value = cells[n].strip(" \t\n`*") if n < len(cells) else ""
                if 4 <= len(value) <= 200 and len(value.split()) == 1 and value.strip(":-") and _assigned(value):
                    at = place + starts[n] + cells[n].index(value)
                    yield Detection(at, at + len(value), "password", "secret", LABEL)
        place += len(line)


def find(text: str) -> Iterator[Detection]:
    yield from _cells(text)
    lowered = text.lower()
    for rule in RULES:
        if not any(anchor in lowered for anchor in rule.anchor):
            continue
        for match in rule.pattern.finditer(text):
            group = 1 if rule.pattern.groups else 0
            start, end = match.span(group)
            end -= len(match[group]) - len(match[group].rstrip(_BEHIND))
            if end - start >= 4 and rule.counts(text[start:end]):
                yield Detection(start, end, rule.kind, "secret", LABEL)
