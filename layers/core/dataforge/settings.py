"""Every setting, read from the environment once; `docs/settings.md` lists them and a test compares the two."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from functools import cache


def _env(name: str, default: str, doc: str) -> str:
    return field(default=default, metadata={"env": name, "doc": doc})


def _number(name: str, default: int, doc: str) -> int:
    return field(default=default, metadata={"env": name, "doc": doc})


@dataclass(frozen=True, slots=True)
class Settings:
    bucket: str = _env("DATAFORGE_BUCKET", "", "S3 bucket of the deployment (AWS only)")
    table_prefix: str = _env("DATAFORGE_TABLE_PREFIX", "dataforge-", "Prefix of the table names (AWS only)")
    socket_url: str = _env("DATAFORGE_SOCKET_URL", "", "Management address of the WebSocket API (AWS only)")
    stage: str = _env("DATAFORGE_STAGE", "local", "Deployment stage, shown in logs")
    log_level: str = _env("DATAFORGE_LOG_LEVEL", "INFO", "Least level that is logged")
    tracer: int = _number("DATAFORGE_TRACER", 0, "1: functions record their AWS calls in X-Ray (AWS only)")
    store_attempts: int = _number("DATAFORGE_STORE_ATTEMPTS", 10, "Tries of one call to a busy AWS store (AWS only)")
    max_upload_bytes: int = _number("DATAFORGE_MAX_UPLOAD_BYTES", 100 * 2**20, "Largest document accepted, in bytes")
    max_dataset_bytes: int = _number(
        "DATAFORGE_MAX_DATASET_BYTES", 500 * 10**6, "Largest file to train on that may be uploaded, in bytes"
    )
    training_inline_bytes: int = _number(
        "DATAFORGE_TRAINING_INLINE_BYTES", 0, "Largest of them in the request itself (0: 4 MiB on AWS, 64 MiB here)"
    )
    fetch_allow: str = _env(
        "DATAFORGE_FETCH_ALLOW", "", "Hosts and networks that documents may be fetched from though they are private"
    )
    fetch_seconds: int = _number("DATAFORGE_FETCH_SECONDS", 60, "Longest time for fetching one URL, in seconds")
    parse_memory_mb: int = _number("DATAFORGE_PARSE_MEMORY_MB", 1536, "Memory limit of one parsing child, in MiB")
    parse_cpu_seconds: int = _number("DATAFORGE_PARSE_CPU_SECONDS", 60, "CPU limit of one parsing child, in seconds")
    parse_wall_seconds: int = _number("DATAFORGE_PARSE_WALL_SECONDS", 90, "Wall limit of one parsing child, in seconds")
    chunk_tokens: int = _number("DATAFORGE_CHUNK_TOKENS", 512, "Largest chunk, in o200k_base tokens")
    concurrency: int = _number("DATAFORGE_CONCURRENCY", 32, "Teacher calls in flight per run")
    longest_wait: int = _number(
        "DATAFORGE_LONGEST_WAIT", 20, "Seconds that a request for events may be held (0 on AWS: clients ask again)"
    )
    workers: int = _number("DATAFORGE_WORKERS", 2, "Batches at once: worker processes here, Map children on AWS (10)")
    batch_calls: int = _number("DATAFORGE_BATCH_CALLS", 250, "Teacher calls in one batch of a run")
    teacher_timeout: int = _number("DATAFORGE_TEACHER_TIMEOUT", 120, "Longest wait for one teacher reply, in seconds")
    teacher_base_url: str = _env("OPENAI_BASE_URL", "https://api.openai.com/v1", "Base URL of `openai:` teachers")
    ollama_base_url: str = _env("OLLAMA_BASE_URL", "http://127.0.0.1:11434/v1", "Base URL of `ollama:` teachers")
    anthropic_base_url: str = _env(
        "ANTHROPIC_BASE_URL", "https://api.anthropic.com/v1", "Base URL of `anthropic:` teachers"
    )
    bedrock_region: str = _env("DATAFORGE_BEDROCK_REGION", "", "Region of Bedrock and SageMaker teachers, if another")
    bedrock_base_url: str = _env("DATAFORGE_BEDROCK_URL", "", "Address of Bedrock, if not the region's own")
    batch_bucket: str = _env(
        "DATAFORGE_BATCH_BUCKET", "", "S3 bucket for batch inference of Bedrock, if not the deployment's own"
    )
    batch_role: str = _env("DATAFORGE_BATCH_ROLE", "", "ARN of the role that Bedrock takes to use that bucket")
    batch_least: int = _number(
        "DATAFORGE_BATCH_LEAST", 20, "Fewest questions for which another batch job is worth its hours"
    )
    batch_poll: int = _number("DATAFORGE_BATCH_POLL", 600, "Longest time between two looks at a batch job, in seconds")
    sagemaker_base_url: str = _env("DATAFORGE_SAGEMAKER_URL", "", "Address of SageMaker endpoints, if not the region's")
    models: str = _env("DATAFORGE_MODELS", "", "Additions to the model catalogue: JSON, or the path of a JSON file")
    requests_per_minute: int = _number(
        "DATAFORGE_REQUESTS_PER_MINUTE",
        0,
        "Requests a minute to one model, all runs together (0: as its provider allows)",
    )
    tokens_per_minute: int = _number(
        "DATAFORGE_TOKENS_PER_MINUTE", 0, "Tokens a minute to one model, all runs together (0: as its provider allows)"
    )
    price_in: str = _env("DATAFORGE_PRICE_IN", "", "Dollars per million input tokens of models without a known price")
    price_out: str = _env("DATAFORGE_PRICE_OUT", "", "The same for output tokens; both or none are set")
    teachers: str = _env("DATAFORGE_TEACHERS", "", "Teachers to list beside the built-in ones, comma separated")
    undo_minutes: int = _number("DATAFORGE_UNDO_MINUTES", 1440, "Minutes in which a bulk action can be taken back")
    synthetic_teacher: str = _env(
        "DATAFORGE_SYNTHETIC_TEACHER", "", "Teacher that answers for every model the synthetic API names"
    )
    verifier: str = _env(
        "DATAFORGE_VERIFIER", "", "Model that verifies the records of runs over documents, where a run names none"
    )
    plan: str = _env("DATAFORGE_PLAN", "unlimited", "Plan of organisations without one: unlimited, payg or quota")
    quota_records: int = _number("DATAFORGE_QUOTA_RECORDS", 100, "Records a month on the plan quota")
    results_days: int = _number("DATAFORGE_RESULTS_DAYS", 30, "Days that the files of synthetic jobs are kept")
    retention_days: int = _number("DATAFORGE_RETENTION_DAYS", 30, "Days that run logs and raw replies are kept")
    rate_data_forge: int = _number(
        "DATAFORGE_RATE_DATA_FORGE", 600, "Data Forge calls a minute per organisation; 0: off"
    )
    rate_synthetic: int = _number("DATAFORGE_RATE_SYNTHETIC", 60, "The same for the Synthetic API")
    rate_datasets: int = _number("DATAFORGE_RATE_DATASETS", 600, "The same for the Datasets API")
    rate_training: int = _number("DATAFORGE_RATE_TRAINING", 600, "The same for the training API")
    rate_accounts: int = _number("DATAFORGE_RATE_ACCOUNTS", 600, "The same for keys, members and whoami")
    training_python: str = _env(
        "DATAFORGE_TRAINING_PYTHON", "", "Python with the training libraries, on one machine (else it is looked for)"
    )
    training_program: str = _env(
        "DATAFORGE_TRAINING_PROGRAM", "", "Command that trains in the place of our own, on one machine"
    )
    training_grace: int = _number(
        "DATAFORGE_TRAINING_GRACE", 120, "Seconds for a last checkpoint when a training is stopped, on one machine"
    )
    training_poll: int = _number(
        "DATAFORGE_TRAINING_POLL", 2, "Least seconds between two looks at a training (20 on AWS)"
    )
    training_role: str = _env("DATAFORGE_TRAINING_ROLE", "", "ARN of the role of training jobs (AWS only)")
    training_image: str = _env("DATAFORGE_TRAINING_IMAGE", "", "URI of the training image (AWS only)")
    training_image_unsloth: str = _env(
        "DATAFORGE_TRAINING_IMAGE_UNSLOTH", "", "The same for the provider unsloth (AWS only)"
    )
    training_subnets: str = _env(
        "DATAFORGE_TRAINING_SUBNETS", "", "Subnets of training jobs, comma separated; empty: no VPC (AWS only)"
    )
    training_security_groups: str = _env(
        "DATAFORGE_TRAINING_SECURITY_GROUPS", "", "Security groups of training jobs in those subnets (AWS only)"
    )
    training_kms_key: str = _env(
        "DATAFORGE_TRAINING_KMS_KEY", "", "ARN of the key for disks and models of training jobs (AWS only)"
    )
    modelforge_anonymous: str = _env(
        "MODELFORGE_ANONYMOUS",
        "",
        "1 or 0: training API without a key (one machine only; 1 where it hears itself only)",
    )
    serving_program: str = _env(
        "DATAFORGE_SERVING_PROGRAM",
        "",
        "Command that answers with models in the place of our own, on one machine",
    )
    serving: str = _env(
        "DATAFORGE_SERVING", "endpoint", "How models answer on AWS: endpoint (SageMaker) or import (Bedrock)"
    )
    serving_role: str = _env("DATAFORGE_SERVING_ROLE", "", "ARN of the role of the endpoint of models (AWS only)")
    import_role: str = _env("DATAFORGE_IMPORT_ROLE", "", "ARN of the role that imports models into Bedrock (AWS only)")
    serving_instance: str = _env(
        "DATAFORGE_SERVING_INSTANCE", "ml.g6.xlarge", "Instance type of the endpoint of trained models (AWS only)"
    )
    serving_instances: int = _number(
        "DATAFORGE_SERVING_INSTANCES", 1, "Most instances of that endpoint at the same time (AWS only)"
    )
    serving_idle: int = _number(
        "DATAFORGE_SERVING_IDLE", 900, "Seconds without a question after which a trained model is unloaded"
    )
    serving_wait: int = _number(
        "DATAFORGE_SERVING_WAIT", 20, "Longest time a request waits for a model to load, in seconds (one machine only)"
    )
    gguf_converter: str = _env(
        "DATAFORGE_GGUF_CONVERTER", "", "Command that makes GGUF files of models (llama.cpp), on one machine"
    )
    hub_url: str = _env("HF_ENDPOINT", "https://huggingface.co", "Address of the model hub that models are pushed to")
    cors_origins: str = _env(
        "DATAFORGE_CORS_ORIGINS", "", "Origins whose pages may call the API, comma separated; `*`: any"
    )
    require_verified_email: int = _number(
        "REQUIRE_VERIFIED_EMAIL", 0, "1: 403 for keys of members with unproved emails"
    )


@cache
def get() -> Settings:
    """Raises ValueError naming the variable when a number is not one."""
    values: dict[str, str | int] = {}
    for f in fields(Settings):
        raw = os.environ.get(f.metadata["env"])
        if raw is None or raw == "":
            continue
        if isinstance(f.default, int):
            if not raw.isdigit():
                raise ValueError(f"{f.metadata['env']} must be a whole number, not {raw!r}")
            values[f.name] = int(raw)
        else:
            values[f.name] = raw
    return Settings(**values)  # type: ignore[arg-type]
