"""The small words of a language by what they do, and what can not follow what: how an unreadable sentence shows.

Only words that are one thing: "to", "that" and "her" are left out. Chinese, Japanese, Arabic and Hindi have question
words and "or" only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache

from dataforge.text.normal_forms import folded


@dataclass(frozen=True, slots=True)
class Order:
    articles: frozenset[str] = frozenset()
    """A noun has to follow, or what stands before one."""
    prepositions: frozenset[str] = frozenset()
    conjunctions: frozenset[str] = frozenset()
    auxiliaries: frozenset[str] = frozenset()
    interrogatives: frozenset[str] = frozenset()
    choices: frozenset[str] = frozenset()
    """The "or" between two answers."""
    asks: re.Pattern[str] | None = None
    """A question word, in a script that writes no words apart."""
    polar: re.Pattern[str] | None = None
    """A question for yes or no, or between two answers, whatever else it holds."""


_LISTED: dict[str, dict[str, str]] = {
    "en": {
        "articles": "the a an",
        "prepositions": "of from with into between during against among through without",
        "conjunctions": "and or but because",
        "auxiliaries": "is are was were does did has had can must may should would",
        "interrogatives": "what when where which who whom whose why how",
        "choices": "or whether",
    },
    "de": {
        "articles": "ein eine einen einem einer eines des",
        "prepositions": "von bei aus für mit zwischen durch ohne gegen während wegen",
        "conjunctions": "und oder aber weil wenn",
        "auxiliaries": "ist sind war waren wird werden kann können darf dürfen muss müssen soll sollen hat haben",
        "interrogatives": "was wann wo welche welcher welches welchen welchem wer wen wem wessen warum weshalb wieso wie "
        "wieviel woher wohin womit wodurch wofür woraus woran worauf",
        "choices": "oder ob",
    },
    "fr": {
        "articles": "le la les un une des du au aux",
        "prepositions": "de dans avec pour sans entre chez sur par vers depuis",
        "conjunctions": "et ou mais car",
        "auxiliaries": "est sont était doit doivent peut peuvent sera",
        "interrogatives": "quand où comment combien pourquoi quel quelle quels quelles qui quoi que lequel laquelle",
        "choices": "ou",
    },
    "es": {
        "articles": "el la los las un una unos unas del al",
        "prepositions": "de en con para sin entre desde hasta por sobre",
        "conjunctions": "y o pero porque",
        "auxiliaries": "es son está están fue puede pueden debe deben hay tiene tienen",
        "interrogatives": "qué cuándo dónde cómo cuánto cuánta cuántos cuántas cuál cuáles quién quiénes",
        "choices": "o u",
    },
    "pt": {
        "articles": "o os as um uma do da dos das ao no na nos nas",
        "prepositions": "de em com para sem entre desde até por sobre",
        "conjunctions": "e ou mas porque",
        "auxiliaries": "é são está estão foi pode podem deve devem há tem",
        "interrogatives": "quando onde como quanto quanta quantos quantas qual quais quem que",
        "choices": "ou",
    },
    "it": {
        "articles": "il lo gli i la le un una del della dei delle al alla nel nella dal",
        "prepositions": "di in con per senza tra fra su da",
        "conjunctions": "e o ma perché",
        "auxiliaries": "è sono era può possono deve devono ha hanno",
        "interrogatives": "quando dove come quanto quanta quanti quante quale quali qual chi cosa che perché",
        "choices": "o oppure",
    },
    "nl": {
        "articles": "het een",
        "prepositions": "van met voor zonder tussen tegen tijdens bij",
        "conjunctions": "en of maar omdat",
        "auxiliaries": "is zijn was waren wordt worden kan kunnen mag mogen moet moeten heeft hebben",
        "interrogatives": "wat wanneer waar welke welk wie wiens waarom hoe hoeveel waarmee",
        "choices": "of",
    },
    "pl": {
        "articles": "",
        "prepositions": "w na z do od po za przez przed dla bez u ze we",
        "conjunctions": "i oraz lub albo ale bo",
        "auxiliaries": "jest są był była można może mogą musi muszą",
        "interrogatives": "co kiedy gdzie jak jaki jaka jakie jakiego jakiej ile ilu kto kogo komu dlaczego który która które "
        "którego której czym czego jakim czyj skąd",
        "choices": "czy albo lub",
    },
    "ar": {
        "prepositions": "في من على إلى عن مع",
        "conjunctions": "أو ثم لكن",
        "interrogatives": "ماذا متى أين كيف كم لماذا ما من أي أية بكم وكم وما ومتى وأين وكيف وماذا لمن بم مم بأي",
        "choices": "أم أو",
    },
    "hi": {
        "conjunctions": "और या कि लेकिन",
        "interrogatives": "कब कहाँ कहां कैसे क्यों कौन किस किसे किसका किसकी किसके कितना कितने कितनी किन किसने कौनसा कौनसी किसको",
        "choices": "या",
    },
}  # fmt: skip
_UNSPACED = {
    "zh": Order(
        asks=re.compile(
            r"什么|什麼|多少|几|幾|何时|何時|何处|何種|何种|哪|谁|誰|怎|如何|多[久长長大高远遠重快深宽寬]|为何|為何|何"
        ),
        polar=re.compile(r"吗|嗎|是否|还是|還是|(.)不\1|有没有|有沒有|能否|可否"),
    ),
    "ja": Order(
        asks=re.compile(r"何|いつ|どこ|誰|だれ|どの|どれ|どう|どち|どん|いくら|いくつ|なぜ|どなた"),
        polar=re.compile(r"それとも|かどうか"),
    ),
}
_POLAR = {
    "ar": re.compile(r"^\W*و?هل "),
    "hi": re.compile(r"^\W*क्या .*(?:है|हैं|था|थे|सकता|सकते|सकती|चाहिए|होता|होती|होगा)\W*$"),
}


@cache
def order_of(language: str) -> Order:
    """Empty for a language that is not known."""
    if language in _UNSPACED:
        return _UNSPACED[language]
    listed = {name: frozenset(map(folded, words.split())) for name, words in _LISTED.get(language, {}).items()}
    return replace(Order(**listed), polar=_POLAR.get(language))  # type: ignore[arg-type]
