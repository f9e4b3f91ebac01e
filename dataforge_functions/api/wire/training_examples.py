"""Bodies of the training API, with the figures of its public document."""

from __future__ import annotations

from typing import Any

JOB = "train_123456"
CREATED = "2024-01-15T10:30:00Z"
_BRIEF: dict[str, Any] = {
    "id": 1,
    "name": "my-llama-3-2-3b-finetuned",
    "base_model": "meta-llama/Llama-3.2-3B",
    "task": "text-generation",
    "created_at": CREATED,
    "size_mb": 6240,
}

_WEAK: dict[str, Any] = {
    "by": "document",
    "topic": "rules.md",
    "lines": 24,
    "tuned": {"exact_match": {"value": 0.25, "low": 0.1202, "high": 0.4491}},
    "against_rest": {"value": -0.55, "low": -0.7, "high": -0.34},
    "chunk_ids": ["chunk_abc_000004"],
}

TRAINING: dict[str, dict[str, Any]] = {
    "StopTraining": {"job_id": JOB},
    "TrainingInfo": {
        "providers": ["huggingface", "unsloth"],
        "strategies": ["sft", "qlora", "rlhf", "dpo"],
        "tasks": ["text-generation", "summarization", "extractive-question-answering"],
        "version": "v2",
    },
    "TrainingHealth": {"status": "healthy", "version": "v2"},
    "TrainingStarted": {
        "status": "started",
        "job_id": JOB,
        "message": "Training started successfully",
        "estimate": None,
    },
    "TrainingStatus": {
        "status": "training",
        "progress": 45.5,
        "current_epoch": 2,
        "total_epochs": 3,
        "current_step": 500,
        "total_steps": 1100,
        "loss": 0.234,
        "learning_rate": 0.0002,
        "job_id": JOB,
        "stage": "training",
        "message": "Training",
        "eval_loss": 0.31,
        "tokens_per_second": 48210.0,
        "mfu": 0.41,
        "memory_mb": 61200.0,
        "seconds_left": 1260.0,
        "updated_at": "2024-01-15T10:12:41Z",
        "model_id": None,
        "error": None,
    },
    "TrainingStopped": {"status": "stopped", "message": "Training stopped successfully", "job_id": JOB},
    "TrainedModels": {"models": [_BRIEF]},
    "TrainedModel": {
        **_BRIEF,
        "provider": "unsloth",
        "strategy": "sft",
        "training_params": {"num_epochs": 3, "batch_size": 4, "learning_rate": 0.0002},
        "metrics": {"final_loss": 0.234, "perplexity": 1.263},
        "job_id": JOB,
        "status": "ready",
        "evaluation": {
            "lines": 200,
            "measured_on": {"of": "split", "dataset": "proj_abc@2", "share": 0.2, "left_out_as_learnt": 0},
            "base": {"exact_match": {"value": 0.02, "low": 0.0078, "high": 0.0503}, "eval_loss": 2.13},
            "tuned": {"exact_match": {"value": 0.74, "low": 0.6751, "high": 0.7959}, "eval_loss": 0.234},
            "gain": None,
            "topics": [],
            "verifier": None,
        },
        "provenance": {
            "dataset": "proj_abc@2",
            "documents": [{"document_id": "doc_abc", "name": "rules.md", "sha256": "9f86d0...", "lines": 812}],
        },
        "notes": ["optim: adamw_torch, since paged_adamw_32bit needs a CUDA GPU"],
        "card": "# my-llama-3-2-3b-finetuned\n\nMade of meta-llama/Llama-3.2-3B.\n",
    },
    "EvaluateModel": {"verifier": "openai:gpt-4o-mini", "max_cost_usd": 1.0, "both_orders": True, "seed": 42},
    "EvaluationStarted": {"status": "started", "job_id": "verify_123456", "verdicts": 400, "max_cost_usd": 0.31},
    "ModelGain": {
        "model_id": 4,
        "over": 3,
        "measure": "exact_match",
        "lines": 200,
        "gained": 31,
        "lost": 6,
        "difference": {"value": 0.125, "low": 0.07, "high": 0.18},
        "p_value": 0.00004,
        "is_noise": False,
    },
    "ModelImprovement": {
        "model_id": 3,
        "project_id": "proj_abc",
        "dataset": "proj_abc@2",
        "eval_dataset": "model_3",
        "weak_topics": [_WEAK],
        "chunk_ids": ["chunk_abc_000004"],
        "training": {"task": "text-generation", "model_name": "meta-llama/Llama-3.2-3B"},
    },
    "WeakTopic": _WEAK,
    "PlaygroundAnswer": {
        "generated_text": "Machine learning is a subset of artificial intelligence...",
        "tokens_generated": 45,
        "generation_time_ms": 1234,
        "finish_reason": "stop",
    },
    "ExportedModel": {
        "status": "completed",
        "filename": "my-llama-3-2-3b-finetuned-f16.gguf",
        "size_bytes": 6_430_000_000,
        "url": "https://files.example.com/my-llama-3-2-3b-finetuned-f16.gguf?X-Amz-Signature=...",
    },
    "PushedModel": {"status": "pushed", "url": "https://huggingface.co/harbour/berths/commit/9f86d0"},
    "TrainedModelDeleted": {"status": "deleted", "message": "Model deleted successfully"},
}
