"""What the fake answers about trainings and their models. A training ends at its fourth look, unless `hold` is
`training`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.fake_api_routes import NOW, refusal

if TYPE_CHECKING:
    from tests.support.fake_api import FakeApi

PUBLIC = ("/api/info", "/api/health")
BYTES = ("/files/", "/api/upload_dataset")
"""Paths whose body is not JSON; below the second one some are, and are read here."""
ESTIMATE = {
    "instance_type": "ml.g6.2xlarge",
    "hours": {"low": 0.4, "high": 1.6},
    "cost_usd": {"low": 0.5, "high": 2.1},
    "notes": ["hours are computed from peak FLOPs at 20-40 % MFU"],
}
STEPS = 30


def info(api: FakeApi, *, query: Any, sent: Any) -> tuple[int, Any]:
    return 200, {
        "providers": ["huggingface", "unsloth"],
        "strategies": ["sft", "qlora", "rlhf", "dpo"],
        "tasks": ["text-generation", "summarization", "extractive-question-answering"],
        "version": "v2",
    }


def health(api: FakeApi, *, query: Any, sent: Any) -> tuple[int, Any]:
    return 200, {"status": "healthy", "version": "v2"}


def start(api: FakeApi, *, query: Any, sent: Any) -> tuple[int, Any]:
    if "epochs" in sent:
        return refusal(400, "VALIDATION_ERROR", "epochs is unknown; did you mean num_train_epochs?")
    name = sent["dataset"]
    if name.endswith(".jsonl") and name not in api.datasets:
        return refusal(404, "NOT_FOUND", f"Dataset {name} not found")
    if sent.get("estimate"):
        return 200, {"status": "estimated", "message": "Nothing was started", "job_id": None, "estimate": ESTIMATE}
    if any(job["status"] == "training" for job in api.trainings.values()):
        return refusal(409, "TRAINING_IN_PROGRESS", "A training goes on; stop it first")
    job_id = api.new_id("train")
    api.trainings[job_id] = {"looks": 0, "request": sent, "status": "training"}
    return 200, {"status": "started", "job_id": job_id, "message": "Training started successfully"}


def status(api: FakeApi, *, query: Any, sent: Any) -> tuple[int, Any]:
    idle = {"status": "idle", "progress": 0.0, "current_epoch": 0, "total_epochs": 0, "current_step": 0}
    idle |= {"total_steps": 0, "loss": None, "learning_rate": None, "job_id": None}
    job_id = query.get("job_id") or next(reversed(api.trainings), None)
    if job_id is None:
        return 200, idle
    if job_id not in api.trainings:
        return refusal(404, "NOT_FOUND", f"Training {job_id} not found")
    job = api.trainings[job_id]
    if job["status"] == "training":
        job["looks"] += 1
        if job["looks"] > 3 and not api.held("training"):
            _end(api, job_id, job)
    step = min(STEPS, 10 * job["looks"])
    now = {"status": job["status"], "job_id": job_id, "stage": "training" if job["status"] == "training" else None}
    now |= {"current_step": step, "total_steps": STEPS, "progress": round(100 * step / STEPS, 1), "updated_at": NOW}
    now |= {"current_epoch": 1, "total_epochs": 1, "loss": 3.0 / job["looks"], "learning_rate": 0.0002}
    now |= {"seconds_left": 12.0, "tokens_per_second": 1266.0, "model_id": job.get("model_id")}
    return 200, {**idle, **now, "error": job.get("error")}


def _end(api: FakeApi, job_id: str, job: dict[str, Any]) -> None:
    if api.training_fails:
        job |= {"status": "error", "error": api.training_fails}
        return
    number, request = len(api.models) + 1, job["request"]
    job |= {"status": "completed", "model_id": number}
    api.models[number] = {
        "id": number,
        "name": request.get("name") or f"model-{number}",
        "base_model": request["model_name"],
        "task": request["task"],
        "created_at": NOW,
        "size_mb": 3.6,
        "provider": "huggingface",
        "strategy": request.get("strategy", "sft"),
        "training_params": {"num_epochs": 1, "batch_size": 1, "learning_rate": 0.0002},
        "metrics": {"final_loss": 0.234, "exact_match": 0.45, "base": {"exact_match": 0.0}},
        "job_id": job_id,
        "status": "ready",
        "evaluation": None,
        "notes": ["use_4bit needs a CUDA GPU: full precision"],
        "card": "# A model\n",
    }


def stop(api: FakeApi, *, query: Any, sent: Any) -> tuple[int, Any]:
    active = [j for j, job in api.trainings.items() if job["status"] == "training"]
    job_id = (sent or {}).get("job_id") or next(iter(active), None)
    if job_id not in active:
        return refusal(404, "NO_ACTIVE_TRAINING", "No training goes on")
    api.trainings[job_id]["status"] = "stopped"
    return 200, {"status": "stopped", "message": "Training stopped successfully", "job_id": job_id}


def upload(api: FakeApi, *, query: Any, sent: Any) -> tuple[int, Any]:
    head, _, rest = sent.partition(b"\r\n\r\n")
    name = head.partition(b'filename="')[2].partition(b'"')[0].decode()
    boundary = sent.partition(b"\r\n")[0]
    return 200, _checked(api, name, rest.partition(b"\r\n" + boundary)[0])


def upload_url(api: FakeApi, *, query: Any, sent: Any) -> tuple[int, Any]:
    asked = json.loads(sent)
    upload_id = api.new_id("upload")
    api.datasets[upload_id] = {"announced": asked["filename"]}
    target = {"upload_url": f"{api.url}/files/{upload_id}", "upload_id": upload_id, "filename": asked["filename"]}
    return 200, {**target, "complete_url": f"{api.url}/api/upload_dataset/{upload_id}/complete", "expires_in": 3600}


def complete(api: FakeApi, upload_id: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    return 200, _checked(api, api.datasets.pop(upload_id)["announced"], api.files[upload_id])


def _checked(api: FakeApi, name: str, content: bytes) -> dict[str, Any]:
    lines = content.splitlines()
    errors = [f"Invalid JSON on line {n}" for n, line in enumerate(lines, 1) if not line.startswith(b"{")]
    api.datasets[name] = {"filename": name, "num_examples": len(lines), "content": content, "valid": not errors}
    validation = {"valid": not errors, "errors": errors, "error_count": len(errors), "unchecked": 0}
    return {
        "status": "uploaded",
        "filename": name,
        "num_examples": len(lines),
        "validation": validation,
        "shapes": {"messages": len(lines) - len(errors)},
    }


def list_datasets(api: FakeApi, *, query: Any, sent: Any) -> tuple[int, Any]:
    shown = {"size_mb": 0.1, "uploaded_at": NOW, "shapes": {}}
    return 200, {
        "datasets": [
            {**shown, **{k: v for k, v in d.items() if k != "content"}}
            for d in reversed(api.datasets.values())
            if "filename" in d
        ]
    }


def delete_dataset(api: FakeApi, name: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    if api.datasets.pop(name, None) is None:
        return refusal(404, "NOT_FOUND", f"Dataset {name} not found")
    return 200, {"status": "deleted", "message": "Dataset deleted successfully"}


BRIEF = ("id", "name", "base_model", "task", "created_at", "size_mb")


def list_models(api: FakeApi, *, query: Any, sent: Any) -> tuple[int, Any]:
    return 200, {"models": [{name: m[name] for name in BRIEF} for m in reversed(api.models.values())]}


def get_model(api: FakeApi, number: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    if int(number) not in api.models:
        return refusal(404, "NOT_FOUND", f"Model {number} not found")
    return 200, api.models[int(number)]


def delete_model(api: FakeApi, number: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    if api.models.pop(int(number), None) is None:
        return refusal(404, "NOT_FOUND", f"Model {number} not found")
    return 200, {"status": "deleted", "message": "Model deleted successfully"}


def improvement(api: FakeApi, number: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    """A model is weak on a topic until `api.strong_from`; its data are version 1 of the first project."""
    if int(number) not in api.models:
        return refusal(404, "NOT_FOUND", f"Model {number} not found")
    if not api.projects:
        return refusal(409, "NO_PROJECT", f"Model {number} was trained on no export of a Data Forge project")
    project_id = next(iter(api.projects))
    chunks = ["chunk_abc_000001", "chunk_abc_000002"]
    weak = {"by": "document", "topic": "faq.md", "lines": 8, "chunk_ids": chunks}
    weak |= {"tuned": {"exact_match": {"value": 0.25, "low": 0.07, "high": 0.59}}}
    weak |= {"against_rest": {"value": -0.75, "low": -0.9, "high": -0.3}}
    is_weak = int(number) < api.strong_from
    return 200, {
        "model_id": int(number),
        "project_id": project_id,
        "dataset": f"{project_id}@1",
        "eval_dataset": f"model_{number}",
        "weak_topics": [weak] if is_weak else [],
        "chunk_ids": chunks if is_weak else [],
        "training": {"task": "text-generation", "model_name": "tiny", "num_train_epochs": 2},
    }


def gain(api: FakeApi, number: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    found = {"model_id": int(number), "over": int(query["over"]), "measure": "exact_match", "lines": 16, "lost": 0}
    better = not api.gain_is_noise
    found |= {"gained": 8 if better else 1, "p_value": 0.008 if better else 1.0, "is_noise": not better}
    return 200, {**found, "difference": {"value": 0.5, "low": 0.25, "high": 0.75}}


def evaluate(api: FakeApi, number: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    """It has ended at the first look. A verifier named `mute` gives no verdict."""
    verdict = {"lines": 16, "wins": 9, "ties": 6, "losses": 1, "win_rate": {"value": 0.75, "low": 0.6, "high": 0.9}}
    topics = [
        {"by": "document", "topic": "faq.md", **verdict, "lines": 12},
        {"by": "document", "topic": "guide.md", "lines": 4, "wins": 4, "ties": 0, "losses": 0, "win_rate": None},
    ]
    found = {"status": "completed", "cost_usd": 0.02, **verdict, "topics": topics, "not_asked": {}, "unreadable": 0}
    if sent["verifier"] == "mute":
        found = {"status": "failed", "error": "No verdict was given"}
    api.models[int(number)]["evaluation"] = {"verifier": {"verifier": sent["verifier"], **found}}
    most = None if sent["verifier"] == "mute" else sent.get("max_cost_usd", 0.1)
    verdicts = 32 if sent.get("both_orders", True) else 16
    return 200, {"status": "started", "job_id": api.new_id("verify"), "verdicts": verdicts, "max_cost_usd": most}


def generate(api: FakeApi, *, query: Any, sent: Any) -> tuple[Any, ...]:
    if sent["model_id"] not in api.models:
        return refusal(404, "NOT_FOUND", f"Model {sent['model_id']} not found")
    words = ["noise"] if sent.get("base") else ["The ", "answer ", f"to {sent['prompt']}"]
    whole = {"generated_text": "".join(words), "tokens_generated": len(words), "generation_time_ms": 3.5}
    whole["finish_reason"] = "stop"
    if not (sent.get("stream") and api.streams):
        return 200, whole
    events = [{"text": word} for word in words] + [whole]
    sse = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    return 200, sse.encode(), {"Content-Type": "text/event-stream"}


def export(api: FakeApi, number: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    """The file is there at the second request."""
    name = f"gguf-{number}"
    if name not in api.files:
        api.files[name] = b"GGUF"
        return 202, {"status": "converting", "filename": None, "size_bytes": None, "url": None}
    return 200, {"status": "completed", "filename": name, "size_bytes": 4, "url": f"{api.url}/files/gguf/{name}"}


def get_gguf(api: FakeApi, name: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    return 200, api.files[name]


def push(api: FakeApi, *, query: Any, sent: Any) -> tuple[int, Any]:
    """It is done at the second request."""
    name = f"hub/{sent['repo_name']}"
    if name not in api.files:
        api.files[name] = b""
        return 202, {"status": "pushing", "url": None}
    return 200, {"status": "pushed", "url": f"https://hub.example/{sent['repo_name']}"}


MODEL = r"/api/models/(\d+)"
TRAINING_ROUTES = [
    ("GET", "/api/info", info),
    ("GET", "/api/health", health),
    ("POST", "/api/start_training", start),
    ("GET", "/api/training_status", status),
    ("POST", "/api/stop_training", stop),
    ("POST", "/api/upload_dataset", upload),
    ("POST", "/api/upload_dataset/url", upload_url),
    ("POST", r"/api/upload_dataset/([^/]+)/complete", complete),
    ("GET", "/api/datasets", list_datasets),
    ("DELETE", r"/api/datasets/([^/]+)", delete_dataset),
    ("GET", "/api/models", list_models),
    ("GET", MODEL, get_model),
    ("DELETE", MODEL, delete_model),
    ("POST", MODEL + "/evaluate", evaluate),
    ("GET", MODEL + "/gain", gain),
    ("GET", MODEL + "/improvement", improvement),
    ("POST", MODEL + "/export", export),
    ("GET", "/files/gguf/(.+)", get_gguf),
    ("POST", "/api/hub/push", push),
    ("POST", "/api/playground/generate", generate),
]
