"""What to do next for a model that is weak on some topics, and whether the next model really is better.

The caller goes round: more records of the chunks behind the weak topics, a new export, the same training, the same
held-out lines; until the gain is within noise, or the money is spent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from dataforge.errors import Conflict, NotFound
from dataforge.store import runs, trained_models
from dataforge.store.runs import Run
from dataforge.store.trained_models import TrainedModel
from dataforge.training import evaluation
from dataforge.training.evaluation import Compared, Gain
from dataforge.workflows import run_files
from dataforge.workflows.training import held_out, project_data

MOST_CHUNKS = 1_000
"""That one generation may choose."""
NO_PROJECT, NOT_EVALUATED, OTHER_LINES = "NO_PROJECT", "NOT_EVALUATED", "OTHER_HELD_OUT_LINES"
_OF_THE_LOOP = ("dataset", "eval_dataset", "name", "estimate")
"""Options that the next training gets anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Improvement:
    model_id: int
    project_id: str
    dataset: str
    eval_dataset: str
    """The held-out lines that the model was measured on."""
    weak: list[tuple[dict[str, Any], list[str]]]
    """Each weak topic as `evaluation.by_topic` has it, and its chunks."""
    chunk_ids: list[str]
    training: dict[str, Any]
    """The request of the training without what the next one gets anew."""


def plan(org_id: str, model_id: int) -> Improvement:
    """Raises NotFound, Conflict (NOT_EVALUATED, NO_PROJECT, NO_HELD_OUT_LINES)."""
    model = trained_models.get(org_id, model_id)
    run = runs.get(org_id, model.run_id)
    found = cast("dict[str, Any]", model.evaluation or {})
    if not found.get("lines"):
        raise Conflict(
            f"Model {model_id} was not evaluated on held-out lines: train it with evaluate, and with eval_split or "
            "eval_dataset",
            code=NOT_EVALUATED,
        )
    dataset = _project_of(run, model)
    if held_out.file_of(model) is None:
        raise Conflict(f"The held-out lines of model {model_id} are gone", code="NO_HELD_OUT_LINES")
    weak = [topic for topic in found.get("topics", ()) if topic["is_weak"]]
    project_id = dataset.rpartition("@")[0]
    chunks = _chunks_of(run, project_id, {(t["by"], t["topic"]) for t in weak})
    every = dict.fromkeys(c for t in weak for c in chunks.get((t["by"], t["topic"]), ()))
    request = cast("dict[str, Any]", run.config["request"])
    return Improvement(
        model_id=model_id,
        project_id=project_id,
        dataset=dataset,
        eval_dataset=f"model_{model_id}",
        weak=[(t, chunks.get((t["by"], t["topic"]), [])) for t in weak],
        chunk_ids=list(every)[:MOST_CHUNKS],
        training={name: value for name, value in request.items() if name not in _OF_THE_LOOP},
    )


def _project_of(run: Run, model: TrainedModel) -> str:
    """The export that the model was trained on, with its version."""
    named = cast("dict[str, Any]", run.config["request"]).get("dataset")
    try:
        data = project_data.of_run(run)
    except NotFound as gone:
        raise Conflict(f"The project behind model {model.model_id} is gone: {gone.message}", code=NO_PROJECT) from None
    if data is None:
        raise Conflict(
            f"Model {model.model_id} was trained on {named}, which is no export of a Data Forge project: there are no "
            "documents to generate more from. Train it on proj_<id>@<version>",
            code=NO_PROJECT,
        )
    if data.sources_key is None:
        raise Conflict(
            f"Export {data.export.version} of project {data.project.project_id} does not say where its lines come "
            "from: export the project again, and train on that version",
            code=NO_PROJECT,
        )
    return data.name


def _chunks_of(run: Run, project_id: str, topics: set[tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
    """By topic: of a document or section every chunk that it has now, whether a line was made of it or not; of another
    topic those that its lines were made of, as far as they are still there."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    if not topics:
        return {}
    there: set[str] = set()
    for chunk_id, labels in project_data.chunks_of(project_id):
        there.add(chunk_id)
        named = {*labels.items(), *(("topic", label) for label in labels.values())}
        for topic in topics & named:
            found.setdefault(topic, {})[chunk_id] = None
    others = topics - found.keys()
    for row in run_files.read_lines(run, project_data.SOURCES):
        for topic in others & set(row["topics"].items()):
            found.setdefault(topic, {}).update(dict.fromkeys(c for c in row["chunk_ids"] if c in there))
    return {topic: list(chunks) for topic, chunks in found.items()}


def gain(org_id: str, model_id: int, *, over: int) -> Gain:
    """Of a model over another one, on the held-out lines that both have answered and neither has learnt.

    Raises NotFound, Conflict (OTHER_HELD_OUT_LINES) unless both were measured on the same lines."""
    after, before = (_scored(org_id, number) for number in (model_id, over))
    lines = [key for key, scores in after.items() if scores is not None and before.get(key) is not None]
    if not lines or after.keys() != before.keys():
        raise Conflict(
            f"Models {over} and {model_id} were not measured on the same held-out lines: train one of them with "
            f"eval_dataset model_{over}",
            code=OTHER_LINES,
        )
    pairs = [(before[key] or {}, after[key] or {}) for key in lines]
    measure = evaluation.measure_of([Compared("", old, new) for old, new in pairs if old.keys() == new.keys()])
    if measure is None:
        raise Conflict("The held-out lines of these models have no scores in common", code=OTHER_LINES)
    return evaluation.gain([old[measure] for old, _ in pairs], [new[measure] for _, new in pairs], measure)


def _scored(org_id: str, model_id: int) -> dict[tuple[str, str, int], Mapping[str, float] | None]:
    """What the model scored, by the line: question, reference, and which of several equal ones it is. None: learnt."""
    model = trained_models.get(org_id, model_id)
    run = runs.get(org_id, model.run_id)
    learnt, seen = held_out.learnt(run), Counter[tuple[str, str]]()
    found: dict[tuple[str, str, int], Mapping[str, float] | None] = {}
    for number, row in enumerate(held_out.predictions(run, model.files_prefix)):
        line = str(row.get("prompt")), str(row.get("reference"))
        found[(*line, seen[line])] = None if number in learnt else evaluation.of_prediction(row, number).tuned
        seen[line] += 1
    return found
