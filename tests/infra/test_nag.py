"""cdk-nag's AwsSolutions rules: every finding is explained where it arises, or is a wildcard of the list below."""

from __future__ import annotations

import json
import re
from contextlib import suppress

import pytest

from infra import catalog
from infra.app import build
from tests.support.templates import EVERY_OPTION

# IAM5: resources that end in `*`. What may stand there is narrower than this, and held by test_permissions.py.
WILDCARDS = {
    r"\*": "X-Ray, log delivery, metrics and the login to a registry have no resources",
    r"dataforge-\w+-data:ExportsOutputFnGetAtt(Runs|Connections)TableArn\w+/index/\*": "the table's own indexes",
    r"dataforge-\w+-data:ExportsOutputFnGetAttFilesBucketArn\w+/data-forge/(\*/runs/|training/)?\*": "made at run time",
    r"arn:<AWS::Partition>:states:.*:execution:dataforge-\w+-\w+(/\*)?:\*": "executions are named by run",
    r"arn:<AWS::Partition>:secretsmanager:.*:secret:dataforge-\w+-\*": "one secret per teacher, with AWS's random tail",
    r"arn:<AWS::Partition>:sagemaker:.*:endpoint/\*": "any endpoint of the account: the run chooses",
    r"arn:<AWS::Partition>:bedrock:.*/\*": "any model that the account has access to",
    r"arn:<AWS::Partition>:logs:.*:log-group:/aws/sagemaker/(TrainingJobs|Endpoints)\*": "SageMaker's own log groups",
    r"arn:<AWS::Partition>:ecr:.*:repository/(dataforge-\w+|huggingface-pytorch)-\*": "our images and AWS's",
    r"arn:<AWS::Partition>:execute-api:.*/POST/@connections/\*": "connections come and go",
}


def findings(folder, options):
    """Rule -> paths of the constructs that break it and are not excused."""
    import aws_cdk as cdk
    from cdk_nag import AwsSolutionsChecks

    app = build({"aws:cdk:bundling-stacks": [], **options}, str(folder))
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with suppress(RuntimeError):  # that there are findings; the report has them
        app.synth()
    [report] = json.loads((folder / "validation-report.json").read_text())["pluginReports"]
    return {
        violation["ruleName"]: [where["constructPath"] for where in violation["violatingConstructs"]]
        for violation in report["violations"]
    }


@pytest.mark.parametrize("options", [{"stage": "dev"}, {"stage": "prod", **EVERY_OPTION}], ids=["dev", "full"])
def test_every_finding_is_explained(tmp_path, options):
    found = findings(tmp_path, options)
    wild = {match[1] for rule in found if (match := re.fullmatch(r"AwsSolutions-IAM5\[Resource::(.*)\]", rule))}
    unexplained = {name for name in wild if not any(re.fullmatch(pattern, name) for pattern in WILDCARDS)}
    unused = {pattern for pattern in WILDCARDS if not any(re.fullmatch(pattern, name) for name in wild)}

    assert {rule: places for rule, places in found.items() if "IAM5" not in rule} == {}
    assert (unexplained, unused) == (set(), set())


def test_a_new_mistake_would_be_found(tmp_path, monkeypatch):
    monkeypatch.setitem(catalog.TABLES, "loose", catalog.Table("id"))
    monkeypatch.setattr("infra.data.suppress_nag", lambda *_, **__: None)

    found = findings(tmp_path, {"stage": "dev"})

    assert "AwsSolutions-S1" in found
