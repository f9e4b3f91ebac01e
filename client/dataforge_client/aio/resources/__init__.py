"""The operations of the API, one module per resource. `AsyncDataForge` inherits from all of them; use that class.

A method for one operation has the name of its operationId. Methods that combine operations are listed in `BUILT_ON`.
"""

from __future__ import annotations

from dataforge_client.aio.resources.accounts import Accounts
from dataforge_client.aio.resources.documents import Documents
from dataforge_client.aio.resources.exports import Exports
from dataforge_client.aio.resources.jobs import Jobs
from dataforge_client.aio.resources.pairs import Pairs
from dataforge_client.aio.resources.projects import Projects
from dataforge_client.aio.resources.synthetic import Synthetic
from dataforge_client.aio.resources.trained_models import TrainedModels
from dataforge_client.aio.resources.training import Training
from dataforge_client.aio.resources.training_data import TrainingData

__all__ = [
    "BUILT_ON",
    "Accounts",
    "Documents",
    "Exports",
    "Jobs",
    "Pairs",
    "Projects",
    "Synthetic",
    "TrainedModels",
    "Training",
    "TrainingData",
]

BUILT_ON: dict[str, tuple[str, ...]] = {
    "upload_file": ("create_upload_url", "register_document"),
    "upload_folder": ("list_documents", "create_upload_url", "register_document"),
    "register_url": ("register_document",),
    "register_text": ("register_document",),
    "download_export": ("get_export",),
    "download_outcome": ("get_generation_outcomes",),
    "wait": ("get_generation",),
    "wait_evaluation": ("get_model",),
    "follow": ("get_generation_events",),
    "iter_projects": ("list_projects",),
    "iter_documents": ("list_documents",),
    "iter_chunks": ("list_chunks",),
    "iter_generations": ("list_generations",),
    "iter_pairs": ("list_pairs",),
    "synthetic_start": ("synthetic_generate",),
    "synthetic_estimate": ("synthetic_generate",),
    "wait_synthetic": ("synthetic_get_job",),
    "iter_synthetic_jobs": ("synthetic_list_jobs",),
    "download_synthetic": ("synthetic_results",),
    "download_synthetic_outcome": ("synthetic_outcomes",),
    "download_synthetic_report": ("synthetic_quality_report",),
    "download_synthetic_manifest": ("synthetic_manifest",),
    "download_synthetic_splits": ("synthetic_splits",),
    "iter_ledger_entries": ("ledger_entries",),
    "upload_training_file": ("upload_dataset", "create_dataset_upload_url", "complete_dataset_upload"),
    "training_start": ("start_training",),
    "training_estimate": ("start_training",),
    "watch_training": ("training_status",),
    "wait_training": ("training_status",),
    "stream_generate": ("playground_generate",),
    "download_model": ("export_model",),
}
"""Methods that combine operations -> the operations that they call."""
