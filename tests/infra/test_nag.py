"""cdk-nag's AwsSolutions rules: every finding is explained where it arises, or is a wildcard of the list below."""

from __future__ import annotations

import re

from tests.support.templates import CARELESS, folder_of, nag_findings

# IAM5: resources that end in `*`. What may stand there is narrower than this, and held by test_permissions.py.
WILDCARDS = {
    r"\*": "X-Ray, log delivery, metrics and the login to a registry have no resources",
    r"arn:<AWS::Partition>:dynamodb:.*:table/dataforge-\w+-(runs|connections)/index/\*": "the table's own indexes",
    r"arn:<AWS::Partition>:dynamodb:.*:table/dataforge-\w+-\*(/index/\*)?": "the API writes every table of the stage",
    r"arn:<AWS::Partition>:s3:::<Ssm.*>/data-forge/(\*/(runs|sources|parsed|uploads|exports)/|training/)?\*": "keys",
    r"arn:<AWS::Partition>:states:.*:execution:dataforge-\w+-\w+(/\*)?:\*": "executions are named by run",
    r"arn:<AWS::Partition>:secretsmanager:.*:secret:dataforge-\w+-\*": "one secret per teacher, with AWS's random tail",
    # The alarms and the scaling of components, too, are those of what is named by model.
    r"arn:<AWS::Partition>:(sagemaker|application-autoscaling|cloudwatch):.*:(endpoint/|scalable-target/|"
    r"(alarm:TargetTracking-)?(training-job|endpoint|endpoint-config|inference-component|model)/dataforge-\w+-)\*": (
        "any endpoint of the account: the run chooses; training jobs are named by run, trained models by number"
    ),
    r"arn:<AWS::Partition>:bedrock:.*/\*": "any model that the account has access to",
    r"arn:<AWS::Partition>:logs:.*:log-group:/aws/sagemaker/(TrainingJobs|Endpoints)\*": "SageMaker's own log groups",
    r"arn:<AWS::Partition>:ecr:.*:repository/huggingface-pytorch-\*": "images of AWS",
    r"arn:<AWS::Partition>:execute-api:.*/(POST|DELETE)/@connections/\*": "connections come and go",
}


def test_every_finding_is_explained(deployment):
    found = nag_findings(deployment.folder)
    wild = {match[1] for rule in found if (match := re.fullmatch(r"AwsSolutions-IAM5\[Resource::(.*)\]", rule))}
    unexplained = {name for name in wild if not any(re.fullmatch(pattern, name) for pattern in WILDCARDS)}
    unused = {pattern for pattern in WILDCARDS if not any(re.fullmatch(pattern, name) for name in wild)}

    assert {rule: places for rule, places in found.items() if "IAM5" not in rule} == {}
    assert (unexplained, unused) == (set(), set())


def test_a_new_mistake_would_be_found(shared):
    found = nag_findings(folder_of(CARELESS, shared))

    assert "AwsSolutions-S1" in found
