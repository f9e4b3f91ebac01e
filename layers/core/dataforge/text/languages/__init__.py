"""Twelve languages that the checks know: which one a text is in, its function words, number words and phrases.

A check asks for what it needs in the languages of its record and says nothing of a record in another one.

identifying    the language of a text, by its script and its function words
function_words the words that carry no meaning by themselves
phrases        what is said in answers and questions that teach nothing; one module for each language
numerals       numbers written as words
"""

from __future__ import annotations

LANGUAGES: dict[str, str] = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "pt": "Portuguese",
    "it": "Italian",
    "nl": "Dutch",
    "pl": "Polish",
    "zh": "Chinese",
    "ja": "Japanese",
    "ar": "Arabic",
    "hi": "Hindi",
}
"""English names by ISO 639-1 code."""
