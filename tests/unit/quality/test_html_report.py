"""The quality report as a page: whole HTML, nothing from outside, no text that becomes markup."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html

from dataforge.quality.html_report import (
    POLICY,
    Chart,
    Example,
    Fact,
    Note,
    Outcome,
    Page,
    Reason,
    ReasonGroup,
    Table,
    render,
)

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'></style></textarea><!--\x00\u202e"
VOID = {"meta", "link", "br", "img", "hr", "input"}


def page_of(text: str) -> Page:
    """The same text in every place that a page has."""
    example = Example(text, text, text, [text, text], text, 0.5)
    return Page(
        title=text,
        lead=text,
        made=text,
        facts=[Fact(text, text, text)],
        outcomes=[Outcome(text, 3, text, "good"), Outcome("rejected", 1, text, "bad")],
        groups=[ReasonGroup(text, "bad", [Reason(text, 2, text, [example])])],
        samples=[example],
        charts=[Chart(text, {text: 3, f"{text}-": 0}, text)],
        tables=[Table(text, [text, "count"], [[text, 1234], [None, 0.25]], text)],
        notes=[Note(text, text, [text])],
    )


class Nesting(HTMLParser):
    """Every element that is opened is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(page: bytes) -> Nesting:
    reader = Nesting()
    reader.feed(page.decode())
    reader.close()
    assert reader.open == []
    return reader


@pytest.mark.parametrize("text", ["plain", HOSTILE, "", "مرحبا 你好"])
def test_every_text_stays_text(text: str) -> None:
    reader = parsed(render(page_of(text)))

    assert not {"script", "img", "iframe", "link", "object", "textarea"} & reader.seen
    assert not any(name.startswith("on") or name in ("style", "src", "href") for name in reader.attributes)


@given(st.text())
def test_no_text_breaks_the_page(text: str) -> None:
    made = render(page_of(text))

    assert parsed(made).seen == parsed(render(page_of("plain"))).seen


def test_what_is_written_can_be_read_back() -> None:
    text = 'Tom & Jerry <tom@mill.example> said "5 < 6"'

    tree = lxml_html.fromstring(render(page_of(text)))

    assert tree.find(".//h1").text == text
    assert tree.find(".//blockquote/p").text == text
    assert [mark.text for mark in tree.iterfind(".//mark")] == [text] * 4


def test_nothing_comes_from_another_place() -> None:
    made = render(page_of("plain")).decode()

    assert not re.search(r"https?:|//|url\(|@import|@font-face", made)


def test_the_policy_allows_the_style_of_the_page_and_nothing_else() -> None:
    made = render(page_of("plain")).decode()

    (style,) = re.findall(r"<style>(.*?)</style>", made, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'" == POLICY
    assert lxml_html.fromstring(made).find(".//meta[@http-equiv]").get("content") == POLICY


def test_a_page_says_what_it_shows_to_those_who_do_not_see_it() -> None:
    tree = lxml_html.fromstring(render(page_of("plain")))

    assert tree.get("lang") == "en"
    assert len(tree.findall(".//h1")) == 1
    assert all(svg.get("role") == "img" and svg.get("aria-label") for svg in tree.iterfind(".//svg"))
    assert all(head.get("scope") for head in tree.iterfind(".//th"))


def test_empty_parts_are_left_out() -> None:
    empty = Page(title="Empty", lead="Nothing.", made="Now.", charts=[Chart("Scores", {"0": 0})])

    made = render(empty).decode()

    assert "<section" not in made
    assert render(replace(empty, outcomes=[Outcome("accepted", 0, "None.", "good")]))
