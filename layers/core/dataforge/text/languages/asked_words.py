"""How questions ask for a number or a time, and words that give one without digits, in twelve languages."""

from __future__ import annotations

import re

from dataforge.text.languages.logic_words import UNSPACED

NUMBER_ASKED: dict[str, str] = {
    "en": (
        "how (?:many|much|long|old|far|tall|high|often|large|big|deep|heavy|fast|early|late|soon|quickly)|"
        "which (?:year|percentage|share|version|percent)"
    ),
    "de": r"wie\s?(?:viele?|viel|lange|alt|weit|hoch|oft|groß|tief|schwer|schnell|früh|spät)",
    "fr": "combien|quel(?:le)? (?:âge|durée|délai|prix|montant|part)|à quelle heure",
    "es": "cuánt[oa]s?|a qué hora|qué (?:edad|porcentaje|precio)",
    "pt": "quant[oa]s?|a que horas",
    "it": "quant[oaie]|a che ora",
    "nl": "hoe(?:veel| lang| oud| ver| hoog| vaak)",
    "pl": "ile|jak (?:długo|często|daleko|wysoko)",
    "zh": "多少|几(?!乎)|多久|多长|多大|多高|多远",
    "ja": "いくつ|いくら|何(?:人|回|日|年|個|時|分|歳|円|パーセント)|どのくらい",
    "ar": "كم",
    "hi": "कितन[ेाी]",
}
TIME_ASKED: dict[str, str] = {
    "en": "^when|^in (?:which|what) year|(?:until|by|since) when|^at what time",
    "de": "^wann|bis wann|seit wann|ab wann|^in welchem jahr",
    "fr": "^quand|jusqu'à quand|depuis quand|en quelle année",
    "es": r"^¿?\s?cuándo|hasta cuándo|en qué año|desde cuándo",
    "pt": "^quando|em que ano",
    "it": "^quando|in che anno",
    "nl": "^wanneer",
    "pl": "^kiedy",
    "zh": "什么时候|何时|哪一?年|几点",
    "ja": "いつ|何年",
    "ar": "متى",
    "hi": "कब",
}
TIME_GIVEN = re.compile(
    r"\d|when|after|before|during|until|as soon|once|every|daily|week|month|year|morning|evening|noon|night|"
    r"day\b|always|never|at |on |in |if|as |while|by |only|since|autumn|summer|winter|spring|season|"
    "january|february|march|april|may|june|july|august|september|october|november|december|"
    "wenn|sobald|nach|vor|während|bis|immer|nie|täglich|woche|monat|jahr|morgen|abend|sofort|tag|uhr|seit|"
    "januar|februar|märz|mai|juni|juli|oktober|dezember|sommer|winter|herbst|frühling|"
    "lorsque|quand|dès|après|avant|pendant|jusqu|toujours|jamais|jour|semaine|mois|an|heure|matin|soir|midi|depuis|"
    "janvier|février|mars|avril|juin|juillet|août|décembre|été|hiver|printemps|automne|"
    "cuando|tras|después|antes|durante|hasta|siempre|nunca|día|semana|mes|año|al |hora|mañana|tarde|noche|desde|"
    "enero|febrero|marzo|abril|mayo|junio|julio|agosto|iembre|octubre|verano|invierno|primavera|otoño|"
    "quando|dopo|prima|durante|fino|sempre|mai|giorno|settimana|mese|anno|ora|ore|mattin|sera|notte|da |dal|"
    "gennaio|febbraio|aprile|maggio|giugno|luglio|ottobre|estate|inverno|autunno|"
    "depois|antes|até|sempre|nunca|dia|semana|mês|ano|hora|manhã|noite|desde|janeiro|fevereiro|março|abril|maio|"
    "junho|julho|outubro|verão|"
    "wanneer|zodra|na |voor|tijdens|tot|altijd|nooit|dag|week|maand|jaar|uur|ochtend|avond|sinds|januari|februari|"
    "maart|mei|juli|augustus|zomer|lente|herfst|"
    "kiedy|gdy|po |przed|podczas|do |zawsze|nigdy|dni|dzień|tydzień|tygod|miesi|rok|lat|godzin|rano|wieczor|od |"
    "styczni|luty|lutego|marzec|marca|kwie|maj|czerw|lip|sierp|wrze|paździ|listopad|grud|lato|zim|wiosn|jesie|"
    "时|后|前|每|随|日|天|年|月|周|点|早|晚|春|夏|秋|冬|後|時|曜|週|朝|夜|まで|から|いつも|"
    "عند|بعد|قبل|خلال|حتى|يوم|شهر|سنة|عام|أسبوع|إذا|ساعة|صباح|مساء|ليل|ظهر|منذ|دائم|يناير|فبراير|مارس|أبريل|مايو|"
    "يونيو|يوليو|أغسطس|سبتمبر|أكتوبر|نوفمبر|ديسمبر|"
    "बजे|दिन|सप्ताह|हफ़्त|महीन|माह|साल|वर्ष|सुबह|शाम|रात|दोपहर|बाद|पहले|तक|जब|हमेशा|जनवरी|फ़रवरी|मार्च|अप्रैल|मई|जून|"
    "जुलाई|अगस्त|सितंबर|अक्टूबर|नवंबर|दिसंबर"
)
"""Parts of words are enough: where none is found, hardly a time is named."""
AMOUNT_WORD = re.compile(
    r"\bno(?:ne|thing|t)?\b|half|all|every|once|twice|several|many|few|free|unlimited|double|zero|one|"
    "a single|until|always|never|daily|weekly|monthly|yearly|quarter|third|longer|kein|nicht|alle|ein|halb|"
    "kostenlos|unbegrenzt|immer|täglich|wöchentlich|monatlich|viertel|doppelt|bis|aucun|tous|gratuit|"
    r"une?\b|toujours|moitié|double|nada|ningun|todos|gratis|un[oa]?\b|siempre|mitad|hasta|doble|一|全|免费|"
    "每|无|不|半|واحد|مرة|كل|نصف|مجان|لا"
)


def asks(table: dict[str, str], text: str, language: str) -> bool:
    """text: a question, folded; False where the language is not known."""
    pattern = table.get(language)
    if not pattern:
        return False
    whole = pattern if language in UNSPACED else rf"(?<!\w)(?:{pattern})(?!\w)"
    return re.search(whole, text.lstrip("¿ ")) is not None
