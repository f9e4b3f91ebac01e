"""What is redacted is nowhere in the output; what is reported does not show it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dataforge.quality import privacy
from dataforge.quality.privacy import Detection, Placeholders
from dataforge.quality.privacy.folding import fold

VALUES = [
    "bea.lindqvist@post.example",
    "jon@mail.example",
    "+44 7700 900321",
    "DE89 3704 0044 0532 0130 00",
    "4111 1111 1111 1111",
    "ghp_" + "a1B2" * 9,
    "Sommer-2026!",
]
PARTS = st.one_of(
    st.sampled_from(VALUES),
    st.sampled_from(["Call ", "password: ", "\n", " and ", "。", "ｘ", "\u200b", "é", "x"]),
    st.text(max_size=6),
)
TEXTS = st.lists(PARTS, max_size=12).map("".join)


@given(TEXTS)
def test_what_is_redacted_appears_nowhere_in_the_output(text: str) -> None:
    detections = privacy.find(text)

    redacted = privacy.redact(text, detections).text

    assert [v for one in detections if len(v := text[one.start : one.end]) >= 4 and v in redacted] == []


@given(st.text(alphabet="ab1@. -", max_size=60), st.data())
def test_any_place_can_be_redacted(text: str, data: st.DataObject) -> None:
    """Whatever a detector may find one day: places of four characters and more, without overlaps."""
    detections = []
    place = 0
    while len(text) - place >= 4 and data.draw(st.booleans()):
        start = data.draw(st.integers(place, len(text) - 4))
        end = data.draw(st.integers(start + 4, len(text)))
        detections.append(Detection(start, end, "email", "personal", "EMAIL"))
        place = end

    redacted = privacy.redact(text, detections).text

    assert [one for one in detections if text[one.start : one.end] in redacted] == []


@given(TEXTS)
def test_places_of_the_output_lead_back_to_the_original(text: str) -> None:
    redacted = privacy.redact(text, privacy.find(text))

    start, end = redacted.origin(0, len(redacted.text))

    assert (start, end) == (0, len(text))
    for place, character in enumerate(redacted.text):
        begin, stop = redacted.origin(place, place + 1)
        assert text[begin:stop] == character or any(begin == s and stop == e for s, e, _ in redacted.edits)


def test_a_value_has_one_number_however_it_is_written() -> None:
    text = "Mail Bea@Post.example or bea@post.example, or jon@post.example; phone +44 7700 900321 or +447700900321."

    redacted = privacy.redact(text, privacy.find(text)).text

    assert redacted == "Mail [EMAIL_1] or [EMAIL_1], or [EMAIL_2]; phone [PHONE_1] or [PHONE_1]."


def test_numbers_go_on_through_the_passages_of_a_document() -> None:
    numbers = Placeholders()
    passages = ["Ask jon@post.example.", "Ask bea@post.example, not jon@post.example."]

    redacted = [privacy.redact(text, privacy.find(text), numbers).text for text in passages]
    later = Placeholders(dict(numbers.numbers))
    third = privacy.redact(t := "Then mia@post.example.", privacy.find(t), later).text

    assert redacted == ["Ask [EMAIL_1].", "Ask [EMAIL_2], not [EMAIL_1]."]
    assert third == "Then [EMAIL_3]."
    assert not any("example" in key for key in numbers.numbers)


def test_a_value_is_gone_where_no_word_tells_what_it_is() -> None:
    text = "Her social security number is 987-65-4321. Ref: 987-65-4321."

    assert privacy.redact(text, privacy.find(text)).text == "Her social security number is [ID_1]. Ref: [ID_1]."


@given(TEXTS)
def test_reports_show_two_characters_at_most_and_none_of_a_secret(text: str) -> None:
    for one in privacy.find(text):
        shown = privacy.masked(text, one)
        value = text[one.start : one.end]

        assert value not in shown
        if one.category == "secret":
            assert shown == "[SECRET]"
        else:
            assert len(shown) == 3 or shown == f"[{one.label}]"


@given(st.text())
def test_folding_keeps_every_place(text: str) -> None:
    folded = fold(text)

    places = [folded.origin(n) for n in range(len(folded.text))]

    assert places == sorted(places)
    assert all(0 <= place < len(text) for place in places)
    assert [text[p] for p, c in zip(places, folded.text, strict=True) if c.isascii() and text[p].isascii()] == [
        c for p, c in zip(places, folded.text, strict=True) if c.isascii() and text[p].isascii()
    ]
