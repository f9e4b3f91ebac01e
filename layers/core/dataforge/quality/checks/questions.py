"""Questions that nobody would ask, or that teach nothing: unclear, answered by themselves, about the form of a text."""

from __future__ import annotations

import re
from functools import cache
from itertools import islice, pairwise

from dataforge.quality.checks.check import Check, Signal
from dataforge.quality.checks.record import CheckedRecord
from dataforge.quality.checks.wording import (
    LONGEST_QUESTION,
    asks_nothing,
    brings_text,
    content,
    determiners,
    exchanges,
    first_match,
    has_interrogative,
    is_dialogue,
    is_polar,
)
from dataforge.text.claims import stem, tokens
from dataforge.text.languages.function_words import function_words
from dataforge.text.languages.phrases import Phrases
from dataforge.text.languages.word_order import order_of
from dataforge.text.normal_forms import Word, flattened, words

_MOST_WORDS_OF_YES = 6
_LEAST_SHARED, _SHORT_ANSWER = 3, 12
_NUMBER = re.compile(r"\d")
_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_SENTENCE_MARK = re.compile(r"[?？؟]\s*(?=\S)")


def _vague_question(record: CheckedRecord) -> Signal | None:
    """Without a word that says what it is about. Later questions of a conversation lean on what was said."""
    question = flattened(record.request)
    if brings_text(record) or not 0 < len(question) <= 80:
        return None
    if not record.languages or not any(has_interrogative(question, one) for one in record.languages):
        return None
    said = content(question, record.languages)
    rest = [w for w in said if not any(_is_vague(w, p.vague) for p in record.phrases)]
    return Signal(words=(question,)) if not rest else None


def _is_vague(word: str, vague: frozenset[str]) -> bool:
    if _HAN.match(word):
        return set(word) <= _characters(vague)
    return word in vague or word in _stems(vague)


@cache
def _characters(vague: frozenset[str]) -> frozenset[str]:
    return frozenset("".join(vague))


@cache
def _stems(vague: frozenset[str]) -> frozenset[str]:
    return frozenset(map(stem, vague))


def _giveaway_question(record: CheckedRecord) -> Signal | None:
    """All that a short answer says stands in the question."""
    for asked, said in exchanges(record):
        question = flattened(asked)
        if len(question) > LONGEST_QUESTION or is_polar(question, record.languages):
            continue
        given = content(flattened(said), record.languages)
        if not 0 < len(given) <= _SHORT_ANSWER or not set(given) <= set(content(question, record.languages)):
            continue
        if _NUMBER.search(said) or len(set(given)) >= _LEAST_SHARED:
            return Signal(words=(said.strip()[:80],))
    return None


def _question_repeated(record: CheckedRecord) -> Signal | None:
    """The answer says what the question says, and nothing else."""
    for asked, said in exchanges(record):
        question = flattened(asked)
        if len(question) > LONGEST_QUESTION or is_polar(question, record.languages):
            continue
        ours = set(content(question, record.languages))
        theirs = set(content(flattened(said), record.languages))
        if len(theirs) > 1 and theirs <= ours and 2 * len(theirs) >= len(ours) and not _is_giveaway(asked, said):
            return Signal(words=(said.strip()[:80],))
    return None


def _is_giveaway(asked: str, said: str) -> bool:
    """A figure that the question holds as well."""
    return len(tokens(said)) <= 4 and _NUMBER.search(said) is not None and said.strip(" .") in asked


def _bare_yes(record: CheckedRecord) -> Signal | None:
    """Yes or no without a reason."""
    if not record.is_answer or is_dialogue(record):
        return None
    said = words(flattened(record.answer))
    if not 0 < len(said) <= _MOST_WORDS_OF_YES:
        return None
    for one, phrases in zip(record.languages, record.own_phrases, strict=True):
        if flattened(record.answer).strip(" .。!！,，") in phrases.yes_no:
            return Signal(words=(record.answer.strip(),))
        rest = said[1:] if said[0].folded in phrases.yes_no else said
        if len(rest) < len(said) and all(w.folded in function_words(one) or w.folded in phrases.yes_no for w in rest):
            return Signal(words=(record.answer.strip(),))
    return None


def _about_form(record: CheckedRecord) -> Signal | None:
    """About headings, columns, order, first words. What the passage itself speaks of is its content."""
    if asks_nothing(record) or brings_text(record):
        return None
    for asked, _ in exchanges(record):
        found = first_match((p.asks_about_form for p in record.phrases), flattened(asked[:LONGEST_QUESTION]))
        if found and not _is_content(found.group(), record):
            return Signal(words=(found.group().strip(),))
    return None


_FORM_NOUN = re.compile(
    r"(?:word|sentence|paragraph|heading|column|row|line|page|chapter|footnote|letter|bullet|font|wort|satz|"
    r"sätze|absatz|"
    r"absätze|überschrift|spalte|zeile|seite|kapitel|mot|phrase|paragraphe|titre|colonne|ligne|page|palabra|"
    r"frase|párrafo|"
    r"columna|fila|página|línea|palavra|parágrafo|coluna|linha|parola|riga|pagina|woord|zin|kolom|regel|słow|zdani|"
    r"kolumn|wiersz|stron|字|句|段|列|行|页|頁|文|كلمة|جملة|فقرة|صفحة|سطر|शब्द|वाक्य|पृष्ठ|पंक्ति)",
    re.IGNORECASE,
)


def _is_content(asked: str, record: CheckedRecord) -> bool:
    """The passage speaks of pages or lines itself: of a report, of a ferry company."""
    held = {w.folded for w in words(record.passage or "")}
    nouns = [w.folded for w in words(asked) if _FORM_NOUN.match(w.folded)]
    return any(n in held or n.rstrip("s") in held for n in nouns)


def _two_questions(record: CheckedRecord) -> Signal | None:
    """About two different things; two aspects of one are one question."""
    if asks_nothing(record) or brings_text(record):
        return None
    for asked, _ in exchanges(record):
        question = flattened(asked)
        if len(question) > LONGEST_QUESTION:
            continue
        for one, phrases in zip(record.languages, record.own_phrases, strict=True):
            for seam in (*phrases.joins_questions.finditer(question), *_SENTENCE_MARK.finditer(question)):
                if _are_apart(question[: seam.start()], question[seam.end() :], one, phrases):
                    return Signal(words=(question[seam.start() :].strip(" ,，、;；")[:80],))
    return None


def _are_apart(first: str, second: str, language: str, phrases: Phrases) -> bool:
    """Both ask, the second names a subject of its own and none of the first."""
    if not _asks(first, language) or not _names_subject(second, language):
        return False
    before, after = set(content(first, (language,))), set(content(second, (language,)))
    said = (w for w in words(second) if second[w.start - 1 : w.start] != "-")  # "vont-ils" is the verb's own
    if (
        len(before) < 2
        or sum(not _is_vague(w, phrases.vague) for w in after) < 2
        or {w.folded for w in said} & _referring(phrases.pronouns, language)
    ):
        return False
    shared = before & after
    return not shared or (len(shared) == 1 and len(before) > 2 and len(after) > 2)


_OPENS_A_CLAUSE = frozenset({"when", "where"})
"""English words that ask only before an auxiliary: "when it comes to fares, what ..." is one question."""


def _asks(text: str, language: str) -> bool:
    order = order_of(language)
    said = list(islice(words(text), 2))
    if len(said) == 2 and said[0].folded in _OPENS_A_CLAUSE and said[1].folded not in order.auxiliaries:
        return False
    if has_interrogative(text, language) or (order.polar and order.polar.search(text)):
        return True
    opening = next(iter(words(text)), None)
    return opening is not None and opening.folded in order.auxiliaries


def _names_subject(text: str, language: str) -> bool:
    """By an article, a name or a count; languages without articles are not asked for one."""
    order = order_of(language)
    if not order.articles:
        return True
    said = words(text)
    return any(a.folded in determiners(language) and content(b.folded, (language,)) for a, b in pairwise(said)) or any(
        text[w.start].isupper() for w in said[1:]
    )


def _referring(pronouns: frozenset[str], language: str) -> frozenset[str]:
    """Those that are not articles or conjunctions as well."""
    order = order_of(language)
    return (
        pronouns
        - order.articles
        - order.conjunctions
        - frozenset(["the", "die", "der", "das", "that", "en", "y", "ne"])
    )


def _too_easy(record: CheckedRecord) -> Signal | None:
    """A sentence of the passage with one gap, the question word standing in the gap."""
    question = record.request.strip()
    if (
        not record.passage
        or asks_nothing(record)
        or is_dialogue(record)
        or len(question) > LONGEST_QUESTION
        or len(tokens(record.answer)) > 6
    ):
        return None
    for language in record.languages:
        asked = words(question)
        gap = next((i for i, w in enumerate(asked) if w.folded in order_of(language).interrogatives), None)
        if language in ("zh", "ja"):
            if found := _gap_in(question, record, language):
                return Signal(words=(found,))
        elif language != "hi" and gap is not None and gap > 2 and _in_order(asked, gap, record, language):
            return Signal(words=(question[:80],))
    return None


def _gap_in(question: str, record: CheckedRecord, language: str) -> str | None:
    """Of a script without spaces: what stands around the question word stands around the answer in the passage."""
    asks = order_of(language).asks
    found = asks.search(question) if asks else None
    answer = record.answer.strip(" 。.")
    if not found or len(answer) < 2 or record.passage is None:
        return None
    left, right = question[: found.start()], question[found.end() :].strip("？?。")
    at = record.passage.find(left + answer[:1]) if len(left) >= 6 else -1
    held = record.passage[at + len(left) : at + len(left) + len(answer) + len(right) + 2] if at >= 0 else ""
    return left if at >= 0 and answer[:2] in held else None


def _in_order(asked: list[Word], gap: int, record: CheckedRecord, language: str) -> bool:
    """All words of the question but those of asking follow each other in one sentence, as they do there."""
    stated = [w.folded for i, w in enumerate(asked) if i != gap]
    answer = {w.folded for w in words(record.answer)} - function_words(language)
    for sentence in record.sentences:
        held = [w.folded for w in words(sentence[:LONGEST_QUESTION])]
        if len(stated) >= 4 and _subsequence(stated, held) >= 0.8 * len(stated) and (not answer or answer & set(held)):
            return True
    return False


def _subsequence(wanted: list[str], held: list[str]) -> int:
    """How many of the words come in this order, taken greedily."""
    at = count = 0
    for word in wanted:
        if word in held[at:]:
            at = held.index(word, at) + 1
            count += 1
    return count


CHECKS: dict[str, Check] = {
    "vague_question": Check(_vague_question, "review", "Nobody can tell what is asked about"),
    "giveaway_question": Check(_giveaway_question, "review", "The question holds its answer"),
    "question_repeated": Check(_question_repeated, "reject", "The answer repeats the question"),
    "bare_yes": Check(_bare_yes, "review", "A yes or no without a reason"),
    "about_form": Check(_about_form, "review", "It asks how the text is made, not what it says"),
    "two_questions": Check(_two_questions, "review", "Two questions in one"),
    "too_easy": Check(_too_easy, "review", "A sentence of the passage with a gap"),
}
