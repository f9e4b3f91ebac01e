"""Where the weights of a base model come from: a hub, or files that the training reads without any network."""

from __future__ import annotations

from dataforge.errors import Invalid
from dataforge.platform import current
from dataforge.training import options
from dataforge.training.options import Options
from dataforge.workflows.training import jobs


def staged(org_id: str, chosen: Options) -> str | None:
    """The prefix in Files of weights that lie in the deployment's bucket, below the organisation's own folder:
    `s3://<anything>/data-forge/training/<organisation>/...`. None: the program gets them by their name.

    Raises Invalid (field model_name) for another place, and where nothing lies there.
    """
    if options.model_kind(chosen.model_name) != "s3":
        return None
    key = chosen.model_name.removeprefix("s3://").partition("/")[2].strip("/")
    own = f"{jobs.folder_of(org_id)}/"
    if not f"{key}/".startswith(own) or key.rstrip("/") == own.rstrip("/"):
        raise Invalid(
            f"model_name: weights are read from below {own} of this deployment's own bucket, such as "
            f"s3://<bucket>/{own}base/my-model; put them there, or name a model of the hub",
            field="model_name",
        )
    if next(current().files.list(f"{key}/"), None) is None:
        raise Invalid(f"model_name: there is no file under {key}/", field="model_name")
    return key


def check(org_id: str, chosen: Options) -> None:
    """Raises Invalid (field model_name) for weights that the training could not read."""
    staged(org_id, chosen)
    if options.model_kind(chosen.model_name) == "path" and current().name == "aws":
        raise Invalid(
            "model_name: a path on a machine of yours is not there where SageMaker trains: name a model of the hub, or "
            f"put the weights below {jobs.folder_of(org_id)}/ of the bucket and name them as s3://",
            field="model_name",
        )
