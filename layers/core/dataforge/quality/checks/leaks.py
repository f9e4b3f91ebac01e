"""What should never come out of a teacher: its prompt, the form of its reply, marks of a chat, slots left unfilled."""

from __future__ import annotations

import re
from functools import lru_cache

from dataforge.quality.checks.check import Check, Signal
from dataforge.quality.checks.record import CheckedRecord
from dataforge.quality.checks.wording import asks_nothing, first_match
from dataforge.text import control_tokens
from dataforge.text.normal_forms import flattened, normalise

_LEAK_WORDS = 12
_ROLE = re.compile(
    r"^[^\S\n]*+#{2,}\s*(?:instruction|response|input|assistant|system)s?\s*:|"
    r"^[^\S\n]*+(?:user|assistant|system|human)\s*:\s|\[/?INST\]|<<SYS>>",
    re.IGNORECASE | re.MULTILINE,
)
_FORM = re.compile(
    r"</?passage(?:-\d+)?>|\[Text \d+\]|\"(?:question_type|evidence|difficulty)\"\s*:|\bquestion_type\b|"
    r"\bdifficulty\s*:\s*(?:easy|medium|hard)\b|\[(?:easy|medium|hard)\b[^\]\n]{0,80}\]|"
    r"\bsystem prompt\b\s*(?:is\b|:)|\breply with json\b|\(?\btype\s*:\s*(?:factual|numeric|list|comparison|definition|"
    r"procedural|reasoning|yes-no|why)\b",
    re.IGNORECASE,
)
_FIELDS = re.compile(r"\"(?:question|answer|questions|answers)\"\s*+:", re.IGNORECASE)
_JSON_WANTED = re.compile(r"\bjson\b|\bfaq\b", re.IGNORECASE)
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)

_SLOT_NAMES = (
    r"(?:your|the|customer|company|client|user|employee|recipient|sender|contact|project|product|team|manager|"
    r"full|first|last|"
    r"insert|enter|add|order|invoice)?[ _-]?(?:name|names|date|time|company|address|e-?mail|phone|number|place|"
    r"location|title|"
    r"amount|city|signature|department|website|url|link|team|position|organi[sz]ation|price|year|month|value|answer|"
    r"question|text|here|id|nom|prénom|société|adresse|entreprise|nombre|empresa|fecha|dirección|firma|"
    r"firmenname|datum|"
    r"vorname|nachname|betrag|ort|unterschrift|nome|azienda|indirizzo|naam|bedrijf|imię|nazwisko|nazwa|kwota|"
    r"lieu|montant|"
    r"cantidad|importe|lugar|hora|data|minutes|hours|reason|details?|姓名|公司|日期|地址|名称|时间|金额|電話|电话|数量|名前|会社名|"
    r"日付|住所|اسم|التاريخ|الشركة|العنوان|الاسم|नाम|तारीख|कंपनी|दिनांक)(?: (?:name|here|of [\w ]{2,20}))?"
)
_FILL = (
    r"insert|fill in|enter your|enter the|add your|einfügen|eintragen|ausfüllen|ergänzen|insérer|à compléter|"
    r"compléter|renseigner|"
    r"insertar|rellenar|completar|introducir|inserir|preencher|inserire|compilare|inserisci|invullen|invoegen|vul in|"
    r"uzupełni[jć]|wstaw|wpisz|填写|填入|插入|請填|填寫|待填|待补充|入力|記入|挿入|أدخل|إدراج|يُملأ|ضع هنا|दर्ज करें|भरें|डालें"
)
_HERE = r"here|hier|ici|aquí|aqui|qui|tutaj|此处|此處|在此|ここ|هنا|यहाँ|यहां"
_SLOT = re.compile(
    rf"(?<![\w\])!])\[(?:[A-Z][A-Z0-9]+(?:[ _/-][A-Z0-9]{{2,}}){{0,5}}|(?i:{_SLOT_NAMES}))\](?![(:\[])|"
    rf"[\[{{<【]{{1,2}}(?i:[^\]\[{{}}<>【】\n]{{0,40}}(?:{_FILL})[^\]\[{{}}<>【】\n]{{0,40}})[\]}}>】]|"
    rf"[(（](?i:[^()（）\n]{{0,40}}(?:{_FILL})[^()（）\n]{{0,20}}\b(?:{_HERE})|[^()（）\n]{{0,20}}(?:{_FILL})[^()（）\n]{{0,20}}"
    r"(?:هنا|此处|此處|ここ))[^()（）\n]{0,20}[)）]|"
    rf"(?<![\w$\\])\{{{{?(?i:[a-z][a-z_]{{1,30}})\}}?\}}|"
    rf"(?<![\w])<(?i:{_SLOT_NAMES})>(?!.{{0,200}}</)|"
    r"(?<![\w_])_{3,}(?![\w_])|"
    r"(?<![A-Za-z])[Xx]{2,}[:./-][Xx]{2,}|(?<!\w)[Xx]{2,4} ?(?:%|€|\$|£|Euro\b|euros?\b|percent\b|hours\b|"
    r"Stunden\b|heures\b|horas\b)|"
    r"[€$£] ?[Xx]{2,}\b|(?<!\w)X{4,}(?!\w)|××+|[○〇]{2,}|某某(?:公司|人|某)?"
)
_OPEN_TASK = re.compile(
    r"\b(?:TBD|FIXME)\b|\bTODO\b(?=\s*:|\)|\]|\W*$)|\blorem ipsum\b|(?<!\w)à compléter(?!\w)|"
    r"\bto be (?:filled in|completed) "
    r"(?:later|here)\b|\[\.\.\.\]\s*$|(?<!\w)待(?:补充|填写|定)(?!\w)"
)
_TEMPLATE = re.compile(
    r"template|placeholder|form letter|fill-in|blank form|vorlage|muster|platzhalter|modèle|gabarit|plantilla|modelo|"
    r"formulario|modello|sjabloon|szablon|wzór|模板|範本|模版|テンプレート|雛形|قالب|نموذج|साँचा|टेम्पलेट|प्रारूप",
    re.IGNORECASE,
)
_HTML = frozenset(
    [
        "a",
        "b",
        "i",
        "u",
        "p",
        "br",
        "li",
        "ul",
        "ol",
        "em",
        "code",
        "pre",
        "td",
        "th",
        "tr",
        "div",
        "span",
        "sub",
        "sup",
        "img",
        "hr",
        "s",
        "q",
        "small",
        "title",
    ]
)


def _prompt_leak(record: CheckedRecord) -> Signal | None:
    """The form that we ask for, talk about the task, or twelve words running of the system prompt; nothing that stands
    in the passage."""
    said = "\n".join(record.answers)
    for text in (record.request, said):
        found = _FORM.search(text) or (None if _wants_json(record) else _FIELDS.search(text))
        if found and flattened(found.group()) not in flattened(record.source):
            return Signal(words=(found.group().strip(),))
    told = first_match((p.writes_questions for p in record.phrases), flattened(record.request[:2000]))
    if told and not record.is_work and not record.turns:
        return Signal(words=(told.group(),))
    told = first_match((p.writes_questions for p in record.phrases), flattened(said[-4000:]))
    if told and not asks_nothing(record) and flattened(told.group()) not in flattened(record.source):
        return Signal(words=(told.group(),))
    return _of_prompt(record, f"{record.request} {said}")


def _wants_json(record: CheckedRecord) -> bool:
    return _JSON_WANTED.search(record.request) is not None


def _of_prompt(record: CheckedRecord, text: str) -> Signal | None:
    if not record.system_prompt:
        return None
    ours = normalise(text).split()
    leaked = _runs(normalise(record.system_prompt))
    shared = [run for i in range(len(ours) - _LEAK_WORDS + 1) if (run := " ".join(ours[i : i + _LEAK_WORDS])) in leaked]
    passage = normalise(record.source) if shared else ""
    found = next((run for run in shared if run not in passage), None)
    return Signal(words=(found,)) if found else None


@lru_cache(maxsize=8)
def _runs(prompt: str) -> frozenset[str]:
    """Every twelve words running of a prompt, which all records of a run share."""
    words = prompt.split()
    return frozenset(" ".join(words[i : i + _LEAK_WORDS]) for i in range(len(words) - _LEAK_WORDS + 1))


def _role_tokens(record: CheckedRecord) -> Signal | None:
    """Roles, and control tokens of a chat template, that the passage does not hold: it may be about them."""
    text = "\n".join((record.question, *record.answers))
    found = [m.group() for m in _ROLE.finditer(text)] + sorted(control_tokens.unmistakable(text))
    words = tuple(f.strip() for f in found if f not in record.source)
    return Signal(words=words[:3]) if words else None


def _placeholder(record: CheckedRecord) -> Signal | None:
    """A slot that nobody filled. Code, Markdown links and what stands in the passage are none, nor are the slots of a
    template that was asked for."""
    if _TEMPLATE.search(record.request):
        return None
    for said in (*record.answers, "" if asks_nothing(record) else record.request):
        text = _CODE.sub(" ", said)
        for found in (*_SLOT.finditer(text), *_OPEN_TASK.finditer(text)):
            if _is_slot(found, text, record):
                return Signal(words=(found.group().strip(),))
    return None


def _is_slot(found: re.Match[str], text: str, record: CheckedRecord) -> bool:
    slot = found.group().strip()
    if slot in record.source or slot.strip("<>").casefold() in _HTML:
        return False
    if slot.startswith("_") and record.is_work:
        return False
    line = text[text.rfind("\n", 0, found.start()) + 1 :].split("\n", 1)[0].strip()
    return set(line) != {"_"}


CHECKS: dict[str, Check] = {
    "prompt_leak": Check(_prompt_leak, "reject", "Pieces of the prompt or of the reply's form stand in it"),
    "role_tokens": Check(_role_tokens, "reject", "Marks of a chat stand in it"),
    "placeholder": Check(_placeholder, "reject", "A slot is left unfilled"),
}
