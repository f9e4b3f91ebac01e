"""Slips are found; names, terms, other languages and the documents' own domains are left alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataforge.recipes import spelling

FINE = """
customer support for a SaaS product|customer_support|code_review|customer support for fintech|legal contract review
AI assistant alignment decisions|code review best practices|mental health peer support|AI fairness evaluation
AI safety, non-harm alignment training|AI assistant safety and alignment|writing assistance and editing
AI assistant alignment decisions in sensitive contexts|technical support for cloud infrastructure|household safety
e-commerce customer support|pytorch model quantization with QLoRA|customer support for fintech startups
Kubernetes troubleshooting|Terraform and Ansible|GDPR compliance for healthtech|neurodivergent onboarding
invertebrate palaeontology|berth allocation in harbours|colour theory|maritime bunkering operations|Sourdough baking
soporte al cliente para comercio electrónico|Kundendienst für Versicherungen|kundendienst fuer versicherungen
service client pour une banque en ligne|klantenservice voor webwinkels|assistenza clienti|atendimento ao cliente
medicina general|musica classica|suport clienti|suport tècnic|cliente|maschine|Maschine learning für Anfänger
顧客サポート|поддержка клиентов|B2B v2.0 API|NASA
"""


# checklist 49, 124, 125
@pytest.mark.parametrize("text", [t.strip() for line in FINE.strip().splitlines() for t in line.split("|")])
def test_what_is_right_is_left_alone(text):
    assert spelling.suspects(text) == []


# checklist 124
@pytest.mark.parametrize(
    ("text", "corrected"),
    [
        ("custmer support", "customer support"),
        ("customer suport for fintech", "customer support for fintech"),
        ("kuberntes administraton", "kubernetes administration"),
        ("custmer suport", "customer support"),
        ("Finacial advice", "Financial advice"),
        ("enviromental law", "environmental law"),
        ("tehcnical documentation", "technical documentation"),
        ("cusotmer_service", "customer_service"),
    ],
)
def test_slips_are_found_and_corrected(text, corrected):
    assert spelling.corrected(text, spelling.suspects(text)) == corrected


@given(st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_no_text_breaks_it(text):
    assert all(s.suggestions and s.word in text for s in spelling.suspects(text))


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ("abc", "abc", 0),
        ("abc", "acb", 1),
        ("abc", "ab", 1),
        ("abc", "axc", 1),
        ("abcd", "badc", 2),
        ("abc", "xyz", 3),
    ],
)
def test_edits(one, other, distance):
    assert spelling.edits(one, other, 2) == distance
