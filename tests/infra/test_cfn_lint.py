"""cfn-lint finds nothing in the templates and the state machines; all that needs it is here, for its import is slow."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

import pytest

from dataforge_infra import catalog
from tests.support.paths import INFRA


@pytest.fixture(scope="module")
def findings() -> Callable[..., list[str]]:
    """cfn-lint in this process: `E3601 message` for each finding in the text of a template, warnings too."""

    from cfnlint.api import lint  # 4 s of CPU, which every worker would spend to collect the tests

    def find(template: str, *, excused: Sequence[str] = ()) -> list[str]:
        matches = lint(template, config={"ignore_checks": list(excused), "regions": ["us-east-1"]})
        return [f"{match.rule.id} {match.message}" for match in matches]

    return find


def test_cfn_lint_finds_nothing(deployment, findings):
    templates = sorted(deployment.folder.glob("*.template.json"))

    # W3005: the CDK orders a policy before its function outright, although a reference implies part of it.
    found = [finding for path in templates for finding in findings(path.read_text(), excused=["W3005"])]

    assert len(templates) == 2
    assert found == []


def test_cfn_lint_would_find_a_property_that_does_not_exist(dev, findings):
    table = json.loads(json.dumps(dev.data["Resources"]["RunsTable"]))
    table["Properties"]["PointInTimeRecovery"] = True

    [finding] = findings(json.dumps({"Resources": {"RunsTable": table}}))

    assert "PointInTimeRecovery" in finding


@pytest.mark.parametrize("file", catalog.WORKFLOWS.values())
def test_the_definition_keeps_the_rules_of_the_states_language(file, findings):
    definition = json.loads((INFRA / file).read_text())

    assert findings(_template(definition)) == []


def test_a_definition_that_breaks_the_rules_would_be_found(findings):
    definition = json.loads((INFRA / catalog.WORKFLOWS["parse"]).read_text())
    definition["States"]["PlanRun"]["Retries"] = definition["States"]["PlanRun"].pop("Retry")

    [finding] = findings(_template(definition))

    assert finding.startswith("E3601")
    assert "Retries" in finding


def _template(definition):
    """The definition as text inside a template, where cfn-lint reads it."""
    filled = re.sub(r"\$\{\w+\}", "filled-in", json.dumps(definition))
    machine = {"DefinitionString": filled, "RoleArn": "arn:aws:iam::000000000000:role/states"}
    return json.dumps({"Resources": {"Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine}}})
