"""Examples of the synthetic API's answers, for `examples.EXAMPLES`."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_NAMED: Json = {
    "schema": "instruction_v1",
    "domain": "customer support for a SaaS product",
    "count": 200,
    "limited_to": None,
    "model": "balanced",
    "estimated_cost_usd": 0.6,
}
_JOB: Json = {
    **_NAMED,
    "job_id": "syn_job_a1b2c3d4e5",
    "status": "succeeded",
    "created_at": "2026-03-11T12:30:00Z",
    "count_requested": 200,
    "count_generated": 215,
    "count_accepted": 198,
    "count_rejected": 17,
    "count_failed": 0,
    "progress": 100,
    "stage": "finalizing",
    "stop_reason": None,
    "quality_grade": "A",
    "summary": {
        "pass_rate": 0.921,
        "diversity_score": 0.87,
        "mean_judge_score": 8.3,
        "rejection_breakdown": {"format_invalid": 4, "near_duplicate": 7, "judge_rejected": 6},
    },
    "models": {"generator": "gpt-4.1-mini", "critic": None, "judge": "gpt-4o-mini"},
    "mode": "realtime",
    "cost_usd": 0.594,
    "started_at": "2026-03-11T12:30:02Z",
    "completed_at": "2026-03-11T12:34:56Z",
    "expires_at": "2026-04-10T12:34:56Z",
    "error": None,
    "paused_reason": None,
}
_ENTRY: Json = {
    "entry_id": "01jc",
    "kind": "settle",
    "amount_usd": 0.594,
    "records": 198.0,
    "job_id": "syn_job_a1b2c3d4e5",
    "note": None,
    "created_at": "2026-03-11T12:34:56Z",
}
_PRICES: Json = {"instruction_v1": 3.0, "eval_v1": 3.0, "preference_v1": 4.0, "conflict_v1": 4.0}

SYNTHETIC: dict[str, Json] = {
    "SyntheticStarted": {
        **_NAMED,
        "job_id": "syn_job_a1b2c3d4e5",
        "status": "queued",
        "created_at": "2026-03-11T12:30:00Z",
        "generator": "gpt-4.1-mini",
        "price_per_1000_usd": 3.0,
        "most_generated": 250,
    },
    "SyntheticJob": _JOB,
    "SyntheticJobPage": {"jobs": [_JOB], "next_cursor": None},
    "SyntheticUrl": {"url": "https://s3.amazonaws.com/bucket/data-forge/...", "expires_in": 3600},
    "SyntheticOutcomes": {
        "job_id": "syn_job_abc123",
        "expires_in": 3600,
        "files": {
            "delivered": {"url": "https://s3.amazonaws.com/...", "lines": 198},
            "rejected": {"url": "https://s3.amazonaws.com/...", "lines": 21},
            "failed": {"url": "https://s3.amazonaws.com/...", "lines": 2},
        },
    },
    "SyntheticSplits": {
        "splits": {"train": "https://s3.amazonaws.com/...", "test": "https://s3.amazonaws.com/..."},
        "counts": {"train": 158, "test": 40},
        "expires_in": 3600,
    },
    "Pricing": {
        "currency": "USD",
        "unit": "per_1000_accepted_records",
        "as_of": "2026-11",
        "tiers": [
            {
                "tier": "balanced",
                "alias": "standard",
                "provider": "openai",
                "model": "gpt-4.1-mini",
                "subscription": True,
                "prices": _PRICES,
            }
        ],
        "models": [{"provider": "openai", "model": "gpt-4o", "prices": _PRICES}],
        "other_models": _PRICES,
        "addons": {"verified": 5.0, "llm_assessed": 5.0, "invariants": 0.04},
        "verified_quota_factor": 1.5,
        "free_records_per_month": 100,
    },
    "Balance": {
        "plan": "payg",
        "currency": "USD",
        "balance_usd": 25.0,
        "reserved_usd": 0.6,
        "available_usd": 24.4,
        "quota_records": None,
        "quota_used": None,
        "quota_reserved": None,
        "period": None,
    },
    "Limits": {
        "models": ["openai:gpt-4o-mini", "bedrock:amazon.nova-*"],
        "monthly_budget_usd": 200.0,
        "period": "2026-11",
        "spent_usd": 31.25,
        "reserved_usd": 0.5,
        "available_usd": 168.25,
    },
    "LedgerPage": {"entries": [_ENTRY], "next_cursor": None},
}
