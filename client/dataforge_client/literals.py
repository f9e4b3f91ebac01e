"""The values of fields that have a fixed set of them.

A newer server may send others: they are kept as they are, so a comparison with the known ones is always safe.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

ProjectStatus: TypeAlias = Literal["active"]
SourceType: TypeAlias = Literal["documents", "urls", "raw_text"]
DocumentSource: TypeAlias = Literal["upload", "url", "text"]
ParsingStatus: TypeAlias = Literal["pending", "parsing", "parsed", "failed", "deleting"]
GenerationKind: TypeAlias = Literal["parse", "generate"]
GenerationType: TypeAlias = Literal["qa", "instruction", "conversation", "summary", "classification"]
GenerationStatus: TypeAlias = Literal[
    "estimated", "pending", "parsing", "generating", "validating", "completed", "failed", "cancelled"
]
LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]
EventType: TypeAlias = Literal["progress", "log"]
Outcome: TypeAlias = Literal["delivered", "rejected", "failed"]
FlagOutcome: TypeAlias = Literal["reject", "review"]
PairStatus: TypeAlias = Literal["pending", "accepted", "rejected", "edited"]
PairType: TypeAlias = Literal["single_turn", "multi_turn"]
Difficulty: TypeAlias = Literal["easy", "medium", "hard"]
MessageRole: TypeAlias = Literal["system", "user", "assistant"]
BulkAction: TypeAlias = Literal["accept", "reject", "delete", "reset"]
ExportFormat: TypeAlias = Literal["chatml", "alpaca"]
ChunkState: TypeAlias = Literal["unchanged", "edited", "parsed_again", "deleted", "unknown"]
DocumentState: TypeAlias = Literal["present", "replaced", "deleted"]
MemberRole: TypeAlias = Literal["owner", "member"]
Scope: TypeAlias = Literal[
    "data-forge:read",
    "data-forge:write",
    "synthetic:read",
    "synthetic:write",
    "datasets:read",
    "datasets:write",
    "training:read",
    "training:write",
    "admin",
]
Mode: TypeAlias = Literal["realtime", "batch"]
SyntheticSchema: TypeAlias = Literal["instruction_v1", "preference_v1", "eval_v1", "conflict_v1"]
SyntheticTier: TypeAlias = Literal["fast", "balanced", "diverse", "deep", "economy", "standard", "premium"]
Grade: TypeAlias = Literal["A", "B", "C", "D"]
SyntheticStatus: TypeAlias = Literal["queued", "running", "succeeded", "failed"]
SyntheticStart: TypeAlias = Literal["queued", "estimated"]
SyntheticView: TypeAlias = Literal["canonical", "legacy"]
ResultsFormat: TypeAlias = Literal["jsonl", "url"]
EntryKind: TypeAlias = Literal["top_up", "reserve", "settle", "release", "plan", "limits"]
TrainingTask: TypeAlias = Literal["text-generation", "summarization", "extractive-question-answering"]
TrainingProvider: TypeAlias = Literal["huggingface", "unsloth"]
TrainingStrategy: TypeAlias = Literal["sft", "qlora", "rlhf", "dpo"]
TrainingState: TypeAlias = Literal["idle", "training", "completed", "error", "stopped"]
TrainingStart: TypeAlias = Literal["started", "estimated"]
ComputeSpecs: TypeAlias = Literal["low_end", "mid_range", "high_end"]
TrainingDevice: TypeAlias = Literal["auto", "cuda", "mps", "cpu"]
FourBitDtype: TypeAlias = Literal["float16", "bfloat16", "float32"]
FourBitQuantType: TypeAlias = Literal["nf4", "fp4"]
Optimizer: TypeAlias = Literal["adamw_torch", "adamw_8bit", "paged_adamw_32bit", "sgd"]
LrSchedule: TypeAlias = Literal["linear", "cosine", "constant", "polynomial"]
PreferenceLoss: TypeAlias = Literal["sigmoid", "hinge", "ipo", "robust", "apo_zero", "apo_down"]
ModelState: TypeAlias = Literal["evaluating", "ready"]
TargetModules: TypeAlias = Literal["all-linear"]
ModelPrecision: TypeAlias = Literal["f32", "f16", "bf16", "q8_0", "auto"]
ExportState: TypeAlias = Literal["converting", "completed"]
PushState: TypeAlias = Literal["pushing", "pushed"]
