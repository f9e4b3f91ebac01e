"""What answers about uploaded training data look like: the figures of the public document."""

from __future__ import annotations

from typing import Any

TRAINING_DATA: dict[str, Any] = {
    "DatasetUploaded": {
        "status": "uploaded",
        "filename": "dataset.jsonl",
        "num_examples": 1000,
        "validation": {"valid": True, "errors": [], "error_count": 0, "unchecked": 0},
        "shapes": {"instruction": 1000},
    },
    "TrainingDatasets": {
        "datasets": [
            {
                "filename": "dataset.jsonl",
                "num_examples": 1000,
                "size_mb": 5.2,
                "uploaded_at": "2024-01-15T10:00:00Z",
                "valid": True,
                "shapes": {"instruction": 1000},
            }
        ]
    },
    "DatasetUploadAddress": {
        "upload_url": "https://s3.amazonaws.com/bucket/data-forge/training/...",
        "complete_url": "https://api.example.com/api/upload_dataset/upload_01k9x2w4c8/complete",
        "upload_id": "upload_01k9x2w4c8",
        "filename": "dataset.jsonl",
        "expires_in": 3600,
    },
    "DatasetDeleted": {"status": "deleted", "message": "Dataset deleted successfully"},
}
