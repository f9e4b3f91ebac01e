"""User ids as an operator may choose them: whatever they hold, a project's files are its own, and stay."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge import ids
from dataforge.platform import current
from dataforge.platform.items import key_value
from dataforge.store import projects, uploads
from dataforge.workflows.documents import registration, verification
from dataforge_infra import catalog
from tests.support.service import Service

ORDINARY = ("user_456", "user_01j8x4q2v7w3n5p9r1t6y0z8ab", "ada@example.org", "A.b-c+d", "7", "Synthetic")
STRANGE = (
    "synthetic",
    "training",
    "datasets",
    "a/b",
    "../x",
    "..",
    ".",
    "",
    "a b",
    "*",
    "sources",
    "x/sources/y",
    "proj_1/sources/z",
    "synthetic/org_1",
    "~1",
    "ä",
    "a\nb",
    "x" * 500,
)


@pytest.mark.parametrize("user_id", ORDINARY)
def test_ordinary_user_ids_stand_in_keys_as_they_are(user_id: str) -> None:
    assert ids.file_segment(user_id) == user_id


@given(a=st.text(max_size=20), b=st.text(max_size=20))
def test_no_two_user_ids_share_a_folder(a: str, b: str) -> None:
    assert (ids.file_segment(a) == ids.file_segment(b)) == (a == b)
    for segment in map(ids.file_segment, (a, b)):
        assert segment.isascii()
        assert "/" not in segment
        assert segment.strip(".")
        assert segment not in ids.RESERVED_SEGMENTS


# checklist 15
def test_uploads_of_any_user_are_seen(service: Service) -> None:
    org_id = service.headers["X-Organization-ID"]
    data = b"# Fees\n\nThe fee for a berth is 35 euros a night."

    for user_id in ("user_1", *filter(None, STRANGE)):
        project = projects.create(org_id, user_id, name="p", description="", source_type="documents", config={})
        url, key = registration.upload_url(project, "a.md", "text/markdown", len(data))
        assert service.put(url, data, "text/markdown") == 200, user_id

        assert key.startswith(f"{project.s3_prefix}/sources/")
        assert verification.arrived(key) == "waiting", user_id
        upload = uploads.get(project.project_id, key)
        assert upload is not None
        assert upload.found is not None
        assert upload.found.checksum == hashlib.sha256(data).hexdigest()
        for expiring in (catalog.SYNTHETIC_FILES, catalog.TRAINING_FILES):
            assert not key.startswith(expiring), user_id


# checklist 15
@pytest.mark.parametrize("prefix", ["data-forge/a/b", "data-forge/synthetic", "data-forge/x/sources/y"])
def test_projects_of_before_keep_their_files_and_their_events(service: Service, prefix: str) -> None:
    org_id = service.headers["X-Organization-ID"]
    made = projects.create(org_id, "user_1", name="p", description="", source_type="documents", config={})
    project = projects.change(made, {"s3_prefix": f"{prefix}/{made.project_id}"})
    data = b"# Fees\n\nThe fee for a berth is 35 euros a night."

    url, key = registration.upload_url(project, "a.md", "text/markdown", len(data))
    assert service.put(url, data, "text/markdown") == 200

    assert verification.arrived(key) == "waiting"
    assert not key.startswith(catalog.SYNTHETIC_FILES)
    assert current().files.info(key) is not None


def test_the_folders_with_rules_of_their_own_are_reserved() -> None:
    folders = {
        f.removeprefix("data-forge/").partition("/")[0] for f in (catalog.SYNTHETIC_FILES, catalog.TRAINING_FILES)
    }

    assert folders <= set(ids.RESERVED_SEGMENTS)
    for name in ids.RESERVED_SEGMENTS:
        key_value(f"data-forge/{ids.file_segment(name)}/proj_1", "s3_key", "S")
