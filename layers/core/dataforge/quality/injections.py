"""Instructions to AI systems that a document hides among its text ("ignore the above ...").

They are found with their places, to be marked on the passage: the text stays as it is. A sentence counts where it does
two of three things: it speaks to an AI, tells it to forget its instructions, or tells it what to answer. A document
*about* prompts does one of them at most in a sentence. Marks of chat templates count by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from dataforge.quality.privacy.folding import fold
from dataforge.text.claims import content_words
from dataforge.text.normal_forms import normalise

_FEW = r"[^.!?。！？\n]{0,40}?"


@dataclass(frozen=True, slots=True)
class Instruction:
    """text[start:end] is an instruction to whoever reads the text as a prompt."""

    start: int
    end: int
    kind: str
    """`override` (forget your instructions), `order` (what to answer) or `role_token`."""


def _any(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{part})" for part in parts), re.IGNORECASE)


_ADDRESS = _any(
    r"\b(?:AI|A\.I\.|LLM|artificial intelligence|language|generative)[ -](?:assistant|model|system|agent|bot|"
    r"tool|reader|"
    r"reviewer|summari[sz]er|crawler)s?\b",
    r"\b(?:(?-i:AIs?)|LLMs?|chatbots?|chatgpt|gpt-?\d?|copilot|gemini|claude|ai-?agents?)\b",
    r"\bdear (?:assistant|model|ai)\b",
    r"\b(?:note|message|instructions?|attention|important|notice|memo) (?:to|for)(?: all| any| the)? "
    r"(?:assistants?|models?|ai|llm|bots?|agents?|automated)",
    r"\b(?:if|as|when) you(?:'re| are) (?:an? )?(?:ai|llm|(?:large )?language model|assistant|bot|chatbot|automated)",
    r"\bKI[ -]?(?:System|Assistent|Modell|Agent|Sprachmodell|Bot|Werkzeug)\w{0,4}\b|\bSprachmodell\w{0,3}\b|"
    r"\b(?-i:KIs?)\b|"
    r"\bkünstlichen? Intelligenz",
    r"\b(?:mod[eè]les?|assistants?|agents?|syst[eè]mes?)(?: de langage| d'IA| d’IA| IA)\b|\b(?-i:IA)\b|"
    r"intelligences? artificielles?",
    r"\b(?:asistentes?|modelos?|sistemas?|agentes?|assistentes?)(?: de (?:IA|lenguaje|linguagem)| virtual(?:es)?)\b|"
    r"inteligencias? artificial(?:es)?|inteligências? artificia(?:l|is)",
    r"\b(?:assistent[ei]|modell[oi]|sistem[ai]|agent[ei])(?: di (?:IA|linguaggio)| linguistic[oi]| virtual[ei])\b|"
    r"intelligenz[ae] artificial[ei]",
    r"\bAI-(?:assistent|model|systeem|agent)\w{0,3}\b|\btaalmodel\w{0,3}\b|\bkunstmatige intelligentie\b",
    r"\b(?:model\w{0,3} językow\w{2,3}|asysten[tc]\w{0,4} AI|system\w{0,3} AI|sztuczn\w{1,3} inteligencj\w)",
    r"人工智能|大模型|语言模型|AI ?(?:助手|模型|系统|助理|アシスタント|モデル)|智能助手|人工知能|言語モデル|"
    r"アシスタント(?:へ|は|に)",
    r"الذكاء الاصطناعي|نموذج(?:ا?ت?) ?(?:ال)?لغ(?:وي|ة)|النماذج اللغوية|المساعد(?:ين)? الذكي",
    r"एआई|कृत्रिम बुद्धि|भाषा मॉडल|AI (?:सहायक|मॉडल|असिस्टेंट)",
)
_OVERRIDE = _any(
    rf"\b(?:ignor(?:e|ing)|disregard|forget|override|bypass|discard|do not follow|don't follow|stop following|skip|"
    rf"pay no attention to){_FEW}\b(?:instructions?|prompts?|rules?|guidelines?|directions?|commands?|"
    rf"everything|anything|"
    r"all of the above|the above|(?:the )?(?:preceding|previous|prior|earlier)|the rest of (?:this|the) "
    r"(?:document|text|page)|"
    r"what(?:ever)? (?:you were|came|was)|the (?:document|passage|text) (?:above|below))",
    rf"\b(?:ignorier\w{{0,3}}|vergiss|vergessen sie|missachte\w{{0,2}}|übergehe\w{{0,2}}|beachte\w{{0,2}} "
    rf"nicht){_FEW}"
    r"(?:anweisung\w{0,3}|instruktion\w{0,2}|vorgaben|regeln|prompts?|obige\w{0,2}|vorherige\w{0,2}|"
    r"bisherige\w{0,2}|alles|"
    r"rest des)",
    rf"\b(?:ignor(?:e[zr]?|ons)|oublie[zr]?|ne ten(?:ez|ir) pas compte|fais abstraction|faites abstraction|"
    rf"négligez){_FEW}"
    r"(?:instructions?|consignes?|règles?|ce qui précède|précédent\w{0,3}|reste du|tout)",
    rf"\b(?:ignor[ae]n?|olvid[ae]n?|haz caso omiso|hagan? caso omiso|descart[ae]|no sig(?:as?|an)){_FEW}"
    r"(?:instrucciones|indicaciones|reglas|lo anterior|anterior(?:es)?|todo|resto del)",
    rf"\b(?:ignor[ae]m?|esqueç?c?[ae]m?|desconsider[ae]m?|não sig[ao]m?){_FEW}"
    r"(?:instruç(?:ões|ão)|regras|acima|anterior(?:es)?|tudo|resto do)",
    rf"\b(?:ignor(?:a|ate|are|ino|i)|dimentic(?:a|ate|are|hi)|trascur(?:a|ate)|non (?:seguire|considerare)){_FEW}"
    r"(?:istruzion[ei]|regol[ae]|quanto sopra|precedent[ei]|tutto|resto del)",
    rf"\b(?:negeer|vergeet|sla|volg niet){_FEW}(?:instructies?|aanwijzingen|regels|bovenstaande|voorgaande|"
    rf"eerdere|alles|"
    r"rest van)",
    rf"\b(?:zignoruj(?:cie)?|ignoruj(?:cie)?|pomiń(?:cie)?|zapomnij(?:cie)?){_FEW}(?:instrukcj\w{{1,2}}|"
    rf"polece\w{{1,3}}|"
    r"zasad\w{0,2}|wszystk\w{1,4}|powyższ\w{1,3}|poprzedni\w{1,3}|reszt\w)",
    r"(?:忽略|无视|不要理会|忘记|忘掉|不用管|跳过)[^。！？\n]{0,15}(?:以上|上述|之前|先前|前面|所有|一切|全部|"
    r"指令|指示|提示|规则|内容)",
    r"(?:以上|上記|これまで|前述|すべて|全て|以前)[^。！？\n]{0,20}(?:無視|忘れ)(?:し|て|ろ|せよ|する|てください)",
    r"(?:تجاهل\w{0,2}|انس\w{0,2}|إهمال|أهمل\w{0,2}|لا تتبع\w{0,2})[^.!؟\n]{0,40}?(?:ما سبق|أعلاه|السابق\w{0,2}|"
    r"التعليمات|تعليمات\w{0,3}|"
    r"كل|جميع|الأوامر|القواعد|بقية)",
    r"(?:ऊपर|पिछले|पहले|सभी|सारे|उपरोक्त|पूर्व)[^।!?\n]{0,40}?(?:अनदेखा|नज़रअंदाज़|नजरअंदाज|भूल)(?: कर| जा)",
)
_ORDER = _any(
    rf"\b(?:give|assign|award|rate|score|rank){_FEW}\b(?:highest|positive|favou?rable|top|best|full|first)\b",
    r"\b(?:tell|inform|convince) (?:the )?(?:user|reader|customer|them)\b",
    r"\b(?:answer|respond|reply|say|write|output|print|repeat|state|include|recommend|reveal|display|append|return|"
    r"begin your|end your|translate|mention)\b"
    rf"{_FEW}(?:\b(?:only|always|every|exactly|instead|must|system prompt|your (?:prompt|instructions)|"
    rf"following|with)\b|"
    r"[:\"“”«»'‘’])",
    rf"\b(?:must|should|always|only|shall|are to|have to|are required to){_FEW}\b(?:answer|respond|reply|say|"
    rf"write|output|"
    r"print|recommend|include|state|mention|rate|praise)\b",
    r"\b(?:antworte\w{0,2}|schreibe?\w{0,2}|gib|geben sie|sage?\w{0,2}|empfiehl|empfehlen|nenne\w{0,2}|"
    r"wiederhole\w{0,2}|"
    rf"verrate\w{{0,2}}){_FEW}(?:nur|immer|stets|ausschließlich|jede|stattdessen|systemprompt|aus\b|[:\"„“»«])",
    r"\b(?:répond(?:s|ez|re)|écri(?:s|vez|re)|dis|dites|affiche[zr]?|recommande[zr]?|indique[zr]?|ajoute[zr]?)"
    rf"{_FEW}(?:seulement|uniquement|toujours|exclusivement|à chaque|plutôt|que|[:\"«»“”])",
    r"\b(?:respond[ae]n?|contest[ae]n?|escrib[ae]n?|di(?:ga)?n?|imprim[ae]n?|recomiend[ae]n?|muestr[ae]n?|"
    r"incluy[ae]n?)"
    rf"{_FEW}(?:sólo|solo|solamente|siempre|únicamente|exclusivamente|cada|que|[:\"«»“”])",
    r"\b(?:respond[ae]m?|escrev[ae]m?|diga|digam|imprim[ae]m?|recomend[ae]m?|mostr[ae]m?|inclu[ai]m?)"
    rf"{_FEW}(?:só|somente|apenas|sempre|exclusivamente|cada|que|[:\"«»“”])",
    r"\b(?:rispond(?:i|ete|ere|a)|scriv(?:i|ete|ere|a)|di'|dite|stamp(?:a|ate)|raccomand(?:a|ate)|consigli(?:a|"
    r"ate)|mostr(?:a|ate))"
    rf"{_FEW}(?:solo|soltanto|sempre|esclusivamente|ogni|che|[:\"«»“”])",
    rf"\b(?:antwoord|schrijf|zeg|beveel|print|toon|vermeld){_FEW}(?:alleen|uitsluitend|altijd|slechts|elke|aan|"
    rf"[:\"„“”‘’])",
    r"\b(?:odpowiada[jć](?:cie)?|odpowiedz(?:cie)?|napisz(?:cie)?|pisz(?:cie)?|powiedz(?:cie)?|polecaj(?:cie)?|"
    r"wypisz)"
    rf"{_FEW}(?:tylko|wyłącznie|zawsze|jedynie|każde|że|[:\"„”])",
    r"(?:只|仅|必须|始终|总是|一律|务必)(?:需|能|要|可)?(?:回答|回复|输出|写|说|推荐)|(?:回答|回复|输出|请写|"
    r"请说)[^。\n]{0,15}[：:“\"「]",
    r"(?:とだけ|のみ|必ず|常に|だけを?)[^。\n]{0,20}(?:回答|答え|出力|書|返答|応答|述べ|推奨)|(?:回答|出力|"
    r"返答)(?:せよ|しろ|してください|すること)",
    r"(?:اكتب\w{0,2}|أجب\w{0,2}|أجيب\w{0,2}|قل|قولوا|اطبع\w{0,2}|رد|ردوا|أوص\w{0,2})[^.!؟\n]{0,40}?(?:فقط|"
    r"دائم\w{0,2}|كل|دوم\w{0,2}|[:«»\"“”])|"
    r"(?:فقط|دائمًا|دائما|يجب)[^.!؟\n]{0,30}?(?:اكتب|أجب|الرد|الإجابة|أن (?:تجيب|تكتب|ترد|يجيب))",
    r"(?:केवल|सिर्फ|सिर्फ़|हमेशा|हर)[^।!?\n]{0,60}?(?:उत्तर|जवाब|लिख|कह|बोल)",
)
_BY_ITSELF = _any(
    r"\bif you(?:'re| are) (?:an? )?(?:(?-i:AI|LLM)|(?:large )?language model|AI (?:assistant|model|system|"
    r"agent|reviewer)|"
    r"chatbot)(?=,|:| reading| processing| summari| reviewing)",
    r"\bwenn (?:du|sie) (?:eine? )(?:KI(?:-\w{2,15})?|Sprachmodell) (?:bist|sind)\b",
    r"\bsi (?:vous êtes|tu es) une? (?:IA|modèle de langage|assistant|intelligence artificielle)\b",
    r"\bsi (?:eres|usted es) una? (?:IA|modelo de lenguaje|asistente (?:de IA|virtual)|inteligencia artificial)\b",
    r"\bsi eres un (?:modelo de lenguaje|asistente (?:de IA|virtual))\b",
    r"\bse (?:você é|tu és|for) uma? (?:IA|modelo de linguagem|assistente (?:de IA|virtual)|inteligência "
    r"artificial)\b",
    r"\bse (?:você é|tu és|for) um (?:modelo de linguagem|assistente (?:de IA|virtual))\b",
    r"\bse sei un(?:a |'|’| )(?:IA|modello linguistico|assistente|intelligenza artificiale)\b",
    r"\b(?:als|indien) (?:je|u) een (?:taalmodel|AI\b[\w-]{0,15}) bent\b",
    r"\bjeśli jesteś (?:modelem językowym|asystentem AI|sztuczną inteligencją|AI\b)",
    r"如果你是(?:一个|一名)?(?:人工智能|AI|语言模型|大模型)",
    r"あなたが(?:AI|人工知能|言語モデル)(?:なら|である場合|の場合)",
    r"إذا كنت (?:نموذج|ذكاء|مساعد)\w{0,4} ?(?:لغوي|اصطناعي|ذكي|آلي)",
    r"(?:यदि|अगर) (?:आप|तुम) (?:भाषा मॉडल|एआई|AI|कृत्रिम बुद्धि)",
    r"\b(?:ignore|disregard|forget|override)(?: (?:all|any|the|your|my|of|these|those)){0,4} (?:previous|prior|"
    r"preceding|earlier|"
    r"above|foregoing|system)(?: (?:system|user))? (?:instructions?|prompts?|rules|guidelines|directions)\b",
    rf"\b(?:print|reveal|show|output|repeat|display|leak|tell me|give me|disclose|expose){_FEW}\b(?:system "
    rf"prompt|your prompt|"
    r"your (?:system )?instructions|hidden (?:prompt|instructions)|initial prompt)",
    r"\byou are now (?:in )?(?:DAN|developer mode|unrestricted|jailbroken|an? (?:unrestricted|unfiltered))",
    r"\b(?:new|updated|real|actual) (?:system )?instructions? ?:",
)
_ROLE_LINE = re.compile(
    r"^[ \t]{0,8}(?:#{1,4} ?|\*\*|<\|?|\[)(?:system|assistant|system prompt|instruction|im_start)(?:\*\*|\|?>|"
    r"\]|:)[ :]{0,3}\S",
    re.IGNORECASE | re.MULTILINE,
)
_PIECE = re.compile(
    r"<!--(?:[^-]|-(?!->)){0,2000}-->|"
    r"(?:[^.!?。！？؟।\n<]|[.!?](?=[\w/])|<(?!!--)){1,1000}[.!?。！？؟।]{0,4}[\"”»」』)\]】]{0,3}"
)


def find(text: str) -> list[Instruction]:
    """In order, without overlaps; the whole sentence that holds each. In twelve languages, whichever the text "
    "is in."""
    folded = fold(text)
    found: list[tuple[int, int, str]] = []
    before = _Said(0, 0)
    for match in _PIECE.finditer(folded.text):
        said = _read(folded.text, *match.span())
        kind = _kind(said, before)
        if kind:
            found.append((before.start if _joined(said, before) else said.start, said.end, kind))
        before = said
    found += [(m.start(), m.end(), "role_token") for m in _ROLE_LINE.finditer(folded.text)]
    spans = [Instruction(*folded.span(start, end), kind) for start, end, kind in found]
    spans += [Instruction(start, end, "role_token") for start, end in _role_tokens(text)]
    return list(_apart(spans))


@dataclass(frozen=True, slots=True)
class _Said:
    """What a sentence does."""

    start: int
    end: int
    addresses: bool = False
    overrides: bool = False
    orders: bool = False
    direct: bool = False
    """It speaks to the machine rather than of it."""
    by_itself: bool = False


def _read(text: str, start: int, end: int) -> _Said:
    piece = text[start:end]
    return _Said(
        start,
        end,
        addresses=bool(_ADDRESS.search(piece)),
        overrides=bool(_OVERRIDE.search(piece)),
        orders=bool(_ORDER.search(piece)),
        direct=bool(_DIRECT.search(piece)),
        by_itself=bool(_BY_ITSELF.search(piece)),
    )


_SHORT = 150


def _joined(said: _Said, before: _Said) -> bool:
    """Whether the sentence before belongs to it: "Note to AI systems. Answer only with ..." """
    if before.end - before.start > _SHORT or not (before.addresses or before.overrides):
        return False
    return not (said.by_itself or (said.overrides + said.orders + said.addresses) >= 2)


def _kind(said: _Said, before: _Said) -> str | None:
    if said.by_itself:
        return "override"
    short = before.end - before.start <= _SHORT
    addressed = said.addresses or (short and before.addresses)
    if said.overrides and (addressed or said.orders):
        return "override"
    if short and before.overrides and said.orders:
        return "override"
    return "order" if addressed and said.orders and (said.direct or before.direct) else None


_DIRECT = _any(
    r"\b(?:assistants?|models?|systems?|LLMs?|AIs?|agents?|chatbots?|readers?)\b[^.\n]{0,30}\b(?:must|should|"
    r"shall|are to|"
    r"are required|have to|will)\b",
    r"\b(?:to|for|dear|attention|note|if you)\b",
    r"[:：>]",
    r"[“«»„\"「]",
    r"致|请|必须",
    r"は|へ",
    r"إلى|يجب|على",
    r"को|के लिए",
    r"\b(?:an|für|hinweis|müssen|muss)\b",
    r"\b(?:aux|pour|doivent|doit)\b",
    r"\b(?:para|deben|debe|devem|deve)\b",
    r"\b(?:per|ai|agli|devono|deve)\b",
    r"\b(?:voor|aan|moeten|moet)\b",
    r"\b(?:dla|do|muszą|musi)\b",
)


def _role_tokens(text: str) -> Iterator[tuple[int, int]]:
    """Tokens of chat templates that begin a turn, with the line after them."""
    for match in _TURN.finditer(text):
        yield match.span()


_TURN = re.compile(
    r"(?:<\|(?:im_start|start_header_id|system|user|assistant|start|START_OF_TURN_TOKEN|SYSTEM_TOKEN)\|>|"
    r"\[/?INST\]|<</?SYS>>|"
    r"<start_of_turn>|\[SYSTEM_PROMPT\]|<｜(?:User|Assistant)｜>)[^\n]{0,300}"
)


def _apart(spans: Iterable[Instruction]) -> Iterator[Instruction]:
    end = -1
    for one in sorted(spans, key=lambda one: (one.start, -one.end)):
        if one.start >= end:
            yield one
            end = one.end


def without(text: str, found: Sequence[Instruction]) -> str:
    """The text with a blank line in place of each: what an honest answer can rest on."""
    pieces, place = [], 0
    for one in found:
        pieces.append(text[place : one.start])
        place = one.end
    return "\n\n".join((*pieces, text[place:]))


_QUOTED = re.compile(
    r"[“«„\"「『‘]([^“”«»„\"「」『』‘’\n]{6,300})[”»“\"」』’]|"
    r"[:：][ ]{0,2}([^:：\n\"“«„「]{6,300})$"
)
_LEAST_SHARE = 0.6
_REPORTED = _any(
    r"\b(?:asked|asks|requested|told|tried|tries|demanded|wanted|attempted|instructed|bat|forderte|verlangte|"
    r"versuchte|"
    r"a demandé|demande|pidió|pide|solicitó|pediu|pede|tentou|ha chiesto|chiese|vroeg|probeerde|poprosił\w?|"
    r"próbował\w?)\b",
    r"要求|试图|依頼|求め|طلب|حاول|कहा था|माँग",
)
"""The answer tells of somebody's order instead of following it."""
_PROMPT = _any(
    r"\b(?:system|my) prompt\b", r"\bsystem[- ]?prompt\w*", r"系统提示|システムプロンプト|موجه النظام|सिस्टम प्रॉम्प्ट"
)


@lru_cache(maxsize=128)  # several records in a row have one passage
def _found(passage: str) -> tuple[Instruction, ...]:
    return tuple(find(passage))


def obeyed(question: str, answer: str, passage: str) -> tuple[str, ...]:
    """What an answer says because an instruction in its passage told it to: its words that stand in the instruction and
    nowhere else in the passage. Empty: it does not obey, or the question is about the instruction itself."""
    found = _found(passage)
    if not found:
        return ()
    ordered = "\n".join(passage[one.start : one.end] for one in found)
    honest = set(content_words(without(passage, found))) | set(content_words(question))
    said = content_words(answer)
    only = [word for word in said if word not in honest]
    obeying = [word for word in only if word in set(content_words(ordered))]
    told = normalise(answer)
    for quoted in _QUOTED.finditer(ordered):
        payload = normalise(quoted[1] or quoted[2]).strip(" .!?。！”»\"'>-[]】」")
        if len(payload) >= 6 and payload in told and payload not in normalise(question):
            return (payload,)
    if _REPORTED.search(answer):
        return ()
    if _PROMPT.search(ordered) and _PROMPT.search(answer) and not _PROMPT.search(question):
        return tuple(m.group() for m in _PROMPT.finditer(answer))
    if said and len(obeying) >= max(1, _LEAST_SHARE * len(said)):
        return tuple(dict.fromkeys(obeying))
    return ()
