"""JSON of any value and nesting, with the names that our readers look for."""

from __future__ import annotations

import math

from hypothesis import strategies as st

_NAMES = """
    n number a b relevance accuracy completeness violated verdicts checks comparisons reasoning topics name records
    instruction input output prompt chosen rejected ideal_output metrics responses drive viable resolution scores
    preferred_drive confidence override_condition tension_type data pairs question answer evidence difficulty turns
    role content user assistant label request summary style labelled tasks task choices message finish_reason usage
    prompt_tokens completion_tokens details cached_tokens tool_calls function arguments refusal reasoning_content
    error code type custom_id response status_code body recordId modelOutput errorCode errorMessage stopReason toolUse
    inputTokens generated_text delta index metadata status text model
"""
WORDS = _NAMES.split()
HUGE = 10**400
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 7, 2**31, 2**63, 2**64, HUGE, -HUGE, 0.0, 7.5, 1e308, math.nan, math.inf, -math.inf]),
    st.sampled_from(["", "7", "1" * 500, "nan", "inf", "stop", "safety", "autonomy", "a text", "\ud800", "\0", "１"]),
    st.text(max_size=20),
)
JSON = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=25,
)
