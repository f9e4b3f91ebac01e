"""Rules for all commands at once: --json is machine-readable, options are documented, projects have names."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click
import pytest

from dataforge_client.cli import execute, registry
from dataforge_client.cli.exit_codes import WrongUse
from dataforge_client.cli.finding import refuse_job
from dataforge_client.cli.registry import load
from tests.support.cli_process import connection_arguments
from tests.support.fake_api import KEY, FakeApi
from tests.support.paths import DOCS


def leaves(
    commands: Mapping[str, click.Command], words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with its words, those of groups too."""
    for name, command in commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command.commands, (*words, name))
        else:
            yield (*words, name), command


COMMANDS = dict(leaves({name: load(name) for name in registry.COMMANDS}))
ON_A_SERVER = {
    ("run",): ["DOCS", "--pairs", "6", "--out", "OUT/set.jsonl"],
    ("runs",): [],
    ("synth",): ["--domain", "harbours", "--count", "2", "--generator", "templated", "--out", "OUT"],
    ("jobs", "list"): [],
    ("jobs", "status"): ["JOB"],
    ("jobs", "download"): ["JOB", "--out", "OUT"],
    ("jobs", "resume"): ["JOB", "--out", "OUT"],
    ("jobs", "cancel"): ["JOB"],
    ("teachers",): [],
    ("train", "start"): ["set.jsonl", "--model", "m", "--yes"],
    ("train", "watch"): [],
    ("train", "stop"): [],
    ("train", "datasets"): [],
    ("watch",): [],
    ("models", "list"): [],
    ("models", "show"): ["1"],
    ("models", "delete"): ["1", "--yes"],
    ("models", "export"): ["1", "--out", "OUT/m.gguf"],
    ("models", "push"): ["1", "harbour/rules"],
    ("chat",): ["1", "-p", "Why?"],
    ("eval",): ["1"],
    ("improve",): ["1", "--teacher", "scripted", "--dry-run"],
    ("whoami",): [],
    ("projects", "list"): [],
    ("projects", "create"): ["New one"],
    ("projects", "show"): ["My rules"],
    ("projects", "delete"): ["New one", "--yes"],
    ("documents",): ["My rules"],
    ("chunks",): ["My rules", "--limit", "3"],
    ("status",): ["GENERATION"],
    ("logs",): ["GENERATION"],
    ("records",): ["GENERATION", "--out", "OUT/records.jsonl"],
    ("cancel",): ["GENERATION"],
    ("pairs",): ["My rules"],
    ("pair", "edit"): ["pair_0001", "--answer", "Better."],
    ("pair", "delete"): ["pair_0002"],
    ("trace",): ["pair_0000"],
    ("bulk",): ["My rules", "accept", "--all"],
    ("export",): ["My rules", "--out", "OUT/again.jsonl"],
    ("key", "list"): [],
    ("key", "create"): [],
    ("key", "revoke"): ["key_1"],
    ("member", "list"): [],
    ("member", "add"): ["--name", "Ann"],
    ("member", "remove"): ["user_1"],
    ("ledger", "show"): [],
}
WITHOUT_A_SERVER = {
    ("up",),
    ("down",),
    ("login",),
    ("profile", "list"),
    ("profile", "use"),
    ("profile", "show"),
    ("org", "create"),
    ("org", "list"),
    ("member", "verify"),
    ("ledger", "top-up"),
    ("ledger", "plan"),
    ("ledger", "limits"),
    ("deploy",),
    ("destroy",),
    ("doctor",),
    ("cost",),
    ("check",),
    ("images", "build"),
}
"""They work on files, on the tables or in an AWS account; tested elsewhere."""


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the fake makes is there at the second look."""
    monkeypatch.setattr("dataforge_client.cli.models.PUSH_POLL_SECONDS", 0.01)


def test_every_command_is_walked() -> None:
    assert ON_A_SERVER.keys() | WITHOUT_A_SERVER == COMMANDS.keys()


@pytest.mark.parametrize("name", registry.COMMANDS)
def test_the_help_says_what_the_command_says(name: str) -> None:
    command, text = load(name), registry.COMMANDS[name][1]

    assert command.name == name
    assert " ".join(str(command.help).split()).startswith(text)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_json_and_a_short_help(words: tuple[str, ...]) -> None:
    command = COMMANDS[words]

    assert "--json" in {option for parameter in command.params for option in parameter.opts}
    assert command.help
    assert len(command.help.splitlines()[0]) <= 130


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_option_is_documented(words: tuple[str, ...]) -> None:
    page = (DOCS / "cli.md").read_text()

    undocumented = [
        option
        for parameter in COMMANDS[words].params
        for option in (parameter.opts if isinstance(parameter, click.Option) else [])
        if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", page)
    ]

    assert undocumented == []
    assert f"`dataforge {words[0]}" in page
    assert words[-1] in page


@pytest.fixture
def filled(run: Callable[..., int], api: FakeApi, tmp_path: Path) -> FakeApi:
    """A project called `My rules` with six pairs, a synthetic job that is over, and a model that was trained on it."""
    run("--pairs", "6", "--project", "My rules", "--quiet")
    execute(["synth", *ON_A_SERVER[("synth",)][:-1], str(tmp_path / "first"), "--quiet", *connection_arguments(api)])
    (tmp_path / "set.jsonl").write_text('{"messages": []}\n')
    train = ["train", str(tmp_path / "set.jsonl"), "--model", "m", "--quiet", *connection_arguments(api)]
    assert execute(train) == 0
    return api


@pytest.mark.parametrize("words", ON_A_SERVER, ids=" ".join)
def test_json_is_all_that_stdout_gets(
    filled: FakeApi, docs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    if words == ("projects", "delete"):
        execute(["projects", "create", "New one", *connection_arguments(filled)])
    if words == ("train", "stop"):
        filled.hold = "training"
        execute(["train", "set.jsonl", "--model", "m", "--detach", *connection_arguments(filled)])
    capfd.readouterr()
    [job], [generation] = filled.jobs, [g for g, v in filled.generations.items() if v["kind"] == "generate"]
    places = {"JOB": job, "GENERATION": generation, "DOCS": str(docs)}
    arguments = [places.get(word, word.replace("OUT", str(tmp_path / "out"))) for word in ON_A_SERVER[words]]
    (tmp_path / "out").mkdir()

    code = execute([*words, *arguments, "--json", *connection_arguments(filled)])

    said = capfd.readouterr()
    assert code == 0, said.err
    assert said.out
    try:
        json.loads(said.out)
    except ValueError:
        assert [json.loads(line) for line in said.out.splitlines()]


@pytest.mark.parametrize("words", [w for w, arguments in ON_A_SERVER.items() if "My rules" in arguments], ids=" ".join)
def test_a_project_is_named_or_refused(
    filled: FakeApi, tmp_path: Path, capfd: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    arguments = [
        "Your rules" if word == "My rules" else word.replace("OUT", str(tmp_path)) for word in ON_A_SERVER[words]
    ]

    code = execute([*words, *arguments, *connection_arguments(filled)])

    assert code == 2
    assert "No project has the name or id 'Your rules'" in capfd.readouterr().err


def test_runs_lists_every_run_with_its_state(
    filled: FakeApi, run: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    run("--pairs", "6", "--project", "Later", "--dry-run", "--quiet")
    capfd.readouterr()

    code = execute(["runs", *connection_arguments(filled)])

    said = capfd.readouterr()
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in said.out.splitlines()}
    assert code == 0
    assert rows["gen_0005"][:2] == ["completed", "6 of 6"]
    assert rows["syn_job_0006"][:2] == ["succeeded", "2 of 2"]
    assert rows["proj_0008"][0] == "parsed"
    assert "Resume one with: dataforge run --resume proj_0008 " in said.err


def test_runs_that_are_complete_are_not_offered_to_be_resumed(
    filled: FakeApi, capfd: pytest.CaptureFixture[str]
) -> None:
    code = execute(["runs", *connection_arguments(filled)])

    said = capfd.readouterr()
    assert code == 0
    assert [line.split("\t")[1] for line in said.out.splitlines()] == ["completed", "succeeded"]
    assert "Resume" not in said.err


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["runn"], "Error: No such command 'runn'. Did you mean 'run'?"),
        (["xyzzy"], "Error: No such command 'xyzzy'.\n"),
        (["jobs", "lst"], "Error: No such command 'lst'. Did you mean 'list'?"),
    ],
)
def test_a_misspelt_command_names_the_nearest(typed: list[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert execute(typed) == 2
    assert said in capfd.readouterr().err


@pytest.mark.parametrize("typed", [[], ["jobs"], ["projects", "show"]])
def test_a_command_without_its_words_shows_one_usage(typed: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert execute(typed) == 2
    assert capfd.readouterr().err.count("Usage: ") == 1


@pytest.mark.parametrize("words", [["logs"], ["pairs"], ["run", "--resume"]], ids=" ".join)
def test_a_synthetic_job_where_a_run_is_meant_is_named_as_such(
    filled: FakeApi, capfd: pytest.CaptureFixture[str], words: list[str]
) -> None:
    code = execute([*words, "syn_job_0006", *connection_arguments(filled)])

    assert code == 2
    said = capfd.readouterr().err
    assert f"syn_job_0006 is a synthetic job: see `dataforge jobs status syn_job_0006 --server {filled.url}" in said


def test_a_hint_names_the_folder_that_was_given(tmp_path: Path) -> None:
    with click.Context(click.Command("logs"), info_name="logs") as running:
        running.params = {"home": tmp_path, "generation_id": "syn_job_0006"}

        with pytest.raises(WrongUse) as refused:
            refuse_job("syn_job_0006")

    assert str(refused.value).endswith(f"`dataforge jobs status syn_job_0006 --home {tmp_path}`")


def test_a_question_that_nobody_can_answer_names_the_option(
    filled: FakeApi, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())

    code = execute(["projects", "delete", "My rules", *connection_arguments(filled)])

    assert code == 2
    assert "add --yes" in capfd.readouterr().err
    assert "proj_0001" in filled.projects


def test_pairs_are_edited_and_deleted(filled: FakeApi, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = connection_arguments(filled)

    edited = execute(["pair", "edit", "pair_0001", "--question", "Why?", "--status", "edited", *arguments])
    deleted = execute(["pair", "delete", "pair_0002", "pair_0003", *arguments])
    nothing = execute(["pair", "edit", "pair_0001", *arguments])

    left = {p["pairId"]: p["question"] for p in filled.pairs["proj_0001"]}
    assert (edited, deleted, nothing) == (0, 0, 2)
    assert left["pair_0001"] == "Why?"
    assert left.keys() == {"pair_0000", "pair_0001", "pair_0004", "pair_0005"}
    assert "bulk proj_0001 undo undo_1 --server" in capfd.readouterr().err


def test_a_login_is_saved_and_chosen(
    api: FakeApi, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_CONFIG", str(tmp_path / "config" / "profiles.toml"))
    server = api.url.replace("http://", "http://ann:s3cret@")

    codes = [
        execute(words)
        for words in (
            ["login", "--server", server, "--api-key", KEY, "--profile", "prod"],
            ["profile", "use", "prod"],
            ["profile", "list"],
            ["profile", "list", "--json"],
            ["profile", "show"],
            ["whoami"],
        )
    ]
    wrong = execute(["login", "--server", api.url, "--api-key", "sk_wrong"])
    unknown = execute(["profile", "use", "nobody"])

    said = capfd.readouterr()
    assert codes == [0] * 6
    assert (wrong, unknown) == (4, 4)
    assert (tmp_path / "config/profiles.toml").stat().st_mode & 0o077 == 0
    assert said.out.startswith("prod\t*\thttp://***@127.0.0.1:")
    assert "organisation  org_fake" in said.out
    assert "s3cret" not in said.out + said.err
    assert KEY not in said.out + said.err


def test_completion_scripts_are_made() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from dataforge_client.cli import main; main()"],
        env={**os.environ, "_DATAFORGE_COMPLETE": "bash_source"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "complete -o nosort -F" in done.stdout
    assert "_DATAFORGE_COMPLETE=bash_source dataforge" in (DOCS / "cli.md").read_text()


def test_windows_is_refused_with_a_sentence() -> None:
    code = (
        "import sys, types, signal; sys.modules['fcntl'] = None; del signal.SIGHUP\n"
        "import dataforge_client.cli as cli\n"
        "cli.os = types.SimpleNamespace(name='nt')\n"
        "cli.main(['models'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith("dataforge runs on Linux and macOS. On Windows, use it inside WSL")
    assert "Traceback" not in done.stderr
