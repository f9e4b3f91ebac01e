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
        "evaluation": {"base": {"eval_loss": 2.13}, "tuned": {"eval_loss": 0.234}},
        "notes": ["optim: adamw_torch, since paged_adamw_32bit needs a CUDA GPU"],
        "card": "# my-llama-3-2-3b-finetuned\n\nMade of meta-llama/Llama-3.2-3B.\n",
    },
    "TrainedModelDeleted": {"status": "deleted", "message": "Model deleted successfully"},
}
