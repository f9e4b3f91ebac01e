"""kill -9 of the server while its run waits for a batch job: it goes on waiting for the same job."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.bed import write_document
from dataforge_client import DataForge
from tests.support.batch_servers import KEY, Plot, openai_batches
from tests.support.scripted_replies import scripted_reply
from tests.support.server_processes import Machine, Process
from tests.support.waiting import until


def test_a_killed_server_waits_on_for_the_same_job(
    machine: Machine, connect: Callable[[Process], DataForge], tmp_path: Path
) -> None:
    calls, home, held = 30, tmp_path / "home", [True]
    write_document(tmp_path / "rules.md", calls)
    with openai_batches(Plot(job_status=lambda _: "hold" if held[0] else "completed")) as provider:
        environment = {
            "OPENAI_BASE_URL": provider.url,
            "OPENAI_API_KEY": KEY,
            "DATAFORGE_BATCH_POLL": "1",
            "DATAFORGE_BATCH_CALLS": "10",
            "DATAFORGE_BATCH_LEAST": "1",
        }
        server = machine.server(home, **environment)
        data_forge = connect(server)
        project = data_forge.create_project("crash").project_id
        data_forge.upload_file(project, tmp_path / "rules.md")
        data_forge.wait(data_forge.parse(project).generation_id)
        run_id = data_forge.generate(
            project, model_id="openai:stand-in", num_pairs=calls, config={"pairs_per_chunk": 1, "mode": "batch"}
        ).generation_id
        until(lambda: any(b.steps > 2 for b in provider.batches.values()), "nobody looks at the job")

        server.kill()
        time.sleep(0.2)  # its workers go with it
        held[0] = False
        done = connect(machine.server(home, **environment)).wait(run_id)

        assert done.status == "completed"
        assert done.counts.asked == done.counts.delivered + done.counts.rejected + done.counts.failed
        assert done.counts.failed == 0
        assert len(provider.batched[0]) == calls - 1
        topped_up = done.counts.asked - calls
        assert sum(map(len, provider.batched)) + len(provider.asked) == calls + topped_up


def test_a_killed_server_waits_on_for_the_jobs_of_a_synthetic_run(
    machine: Machine, connect: Callable[[Process], DataForge], tmp_path: Path
) -> None:
    """Killed twice: while the writer's job runs, and while the judge's does. The judge is another model."""
    home, free = tmp_path / "home", [0]
    with openai_batches(
        Plot(reply=scripted_reply, job_status=lambda job: "completed" if job < free[0] else "hold")
    ) as provider:
        environment = {
            "OPENAI_BASE_URL": provider.url,
            "OPENAI_API_KEY": KEY,
            "DATAFORGE_BATCH_POLL": "1",
            "DATAFORGE_BATCH_LEAST": "1",
        }
        server = machine.server(home, **environment)
        started = connect(server).synthetic_generate(
            "instruction_v1",
            "harbours",
            20,
            models={"generator": {"provider": "openai", "model": "writer"}},
            verified=True,
            mode="batch",
        )
        assert started.job_id is not None

        for job in range(2):
            until(lambda job=job: any(b.number == job and b.steps > 2 for b in [*provider.batches.values()]))
            server.kill()
            time.sleep(0.2)  # its workers go with it
            free[0] += 1
            server = machine.server(home, **environment)
        done = connect(server).wait_synthetic(started.job_id)

        assert (done.status, done.mode, done.count_accepted, done.count_failed) == ("succeeded", "batch", 20, 0)
        assert [len(lines) for lines in provider.batched] == [4, 4]
        assert [{body["model"] for body in lines} for lines in provider.batched] == [{"writer"}, {"writer"}]
        assert len(provider.asked) == 1 + 2  # the sub-topics, and the first call
