"""Least privilege, read from the template: each role may do what the catalog says and nothing else."""

from __future__ import annotations

import re

import pytest

from dataforge_infra import catalog
from dataforge_infra.catalog import camel
from tests.support.paths import ROOT
from tests.support.templates import EVERY_OPTION

READ = {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:DescribeTable"}
WRITE = READ | {
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
}
# Calls of the AWS backend whose right has another name than the call.
RIGHTS_FOR = {
    "transact_write_items": {
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:ConditionCheckItem",
    },
    "head_object": {"s3:GetObject"},
    "delete_objects": {"s3:DeleteObject"},
    "create_multipart_upload": {"s3:PutObject"},
    "upload_part": {"s3:PutObject"},
    "complete_multipart_upload": {"s3:PutObject"},
    "get_paginator": {"s3:ListBucket"},
    "generate_presigned_url": {"s3:GetObject", "s3:PutObject"},
}
# Actions that AWS cannot narrow to a resource, with who needs them.
ON_EVERYTHING = {
    # X-Ray: segments have no ARN.
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    # Step Functions manages the delivery of its logs by these; log deliveries have no ARN.
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
    # SageMaker's jobs: a registry's login has no ARN, a metric neither (its namespace is a condition).
    "ecr:GetAuthorizationToken",
    "cloudwatch:PutMetricData",
    # To find a batch job whose creation got no answer; a list has no ARN.
    "bedrock:ListModelInvocationJobs",
    # Network interfaces of functions in a VPC: see dataforge_infra/access.py.
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
    # The same for training jobs and endpoints in a VPC.
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeVpcs",
}
BUCKET = "arn:<AWS::Partition>:s3:::<FilesBucket>"
# A `*` inside a resource is allowed only as the end of something that is ours.
PARTLY_OPEN = (
    r"arn:<AWS::Partition>:dynamodb:\S+:table/dataforge-(dev|prod)-(runs|connections)/index/\*",
    # The API writes every table.
    r"arn:<AWS::Partition>:dynamodb:\S+:table/dataforge-(dev|prod)-\*(/index/\*)?",
    rf"{re.escape(BUCKET)}/data-forge/(\*/(runs|sources|parsed|uploads|exports)/)?\*",
    r"arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:dataforge-(dev|prod)-\w+(/\*)?:\*",
    r"arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:<SocketsApi\w+>/(dev|prod)/(POST|DELETE)/@connections/\*",
    r"arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:dataforge-(dev|prod)-\*",
    # Which model writes is the choice of each run; nothing but asking is allowed.
    r"arn:<AWS::Partition>:bedrock:\*::foundation-model/\*",
    r"arn:<AWS::Partition>:bedrock:<AWS::Region>:<AWS::AccountId>:(application-)?inference-profile/\*",
    # Ids are the service's; only jobs of this account and region.
    r"arn:<AWS::Partition>:bedrock:<AWS::Region>:<AWS::AccountId>:model-invocation-job/\*",
    r"arn:<AWS::Partition>:sagemaker:<AWS::Region>:<AWS::AccountId>:endpoint/\*",
    # What a training job reads, writes, logs and runs. Its name ends in the id of its run.
    r"arn:<AWS::Partition>:sagemaker:<AWS::Region>:<AWS::AccountId>:training-job/dataforge-(dev|prod)-\*",
    # What makes trained models answer is named by model; ids of imported models are the service's: tags limit them.
    r"arn:<AWS::Partition>:sagemaker:<AWS::Region>:<AWS::AccountId>:"
    r"(endpoint|endpoint-config|inference-component|model)/dataforge-(dev|prod)-\*",
    r"arn:<AWS::Partition>:bedrock:<AWS::Region>:<AWS::AccountId>:(imported-model|model-import-job)/\*",
    r"arn:<AWS::Partition>:application-autoscaling:<AWS::Region>:<AWS::AccountId>:scalable-target/\*",
    r"arn:<AWS::Partition>:cloudwatch:<AWS::Region>:<AWS::AccountId>:alarm:"
    r"TargetTracking-inference-component/dataforge-(dev|prod)-\*",
    rf"{re.escape(BUCKET)}/data-forge/training/\*",
    r"arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:/aws/sagemaker/(TrainingJobs|Endpoints)\*",
    r"arn:<AWS::Partition>:ecr:<AWS::Region>:<DlcRepositoryAccountMap of AWS::Region>:repository/huggingface-\S+-\*",
)


# API Gateway writes its logs through one role per account, which only this managed policy fits.
PUSH = "service-role/AmazonAPIGatewayPushToCloudWatchLogs"
BACKUP = ["service-role/AWSBackupServiceRolePolicyForBackup", "service-role/AWSBackupServiceRolePolicyForRestores"]
JOBS = {
    "none": set(),
    "follow": {"GetModelInvocationJob", "StopModelInvocationJob", "ListModelInvocationJobs"},
    "make": {"CreateModelInvocationJob", "ListModelInvocationJobs"},
}


def test_a_batch_job_may_use_the_files_of_runs_and_only_jobs_of_this_account_may_take_its_role(deployment):
    [(role_id, role)] = [(n, r) for n, r in deployment.of_type("AWS::IAM::Role").items() if n.startswith("Batches")]
    [trust] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    [statement] = [
        s
        for p in deployment.properties("AWS::IAM::Policy")
        for s in p["PolicyDocument"]["Statement"]
        if s["Action"] == "iam:PassRole" and "Batches" in deployment.text(s["Resource"])
    ]
    rights = deployment.rights_of_role("BatchesRole")

    assert trust["Principal"] == {"Service": "bedrock.amazonaws.com"}
    assert deployment.text(trust["Condition"]["StringEquals"]["aws:SourceAccount"]) == "<AWS::AccountId>"
    assert deployment.text(trust["Condition"]["ArnLike"]["aws:SourceArn"]) == (
        "arn:<AWS::Partition>:bedrock:<AWS::Region>:<AWS::AccountId>:model-invocation-job/*"
    )
    assert {(a, r) for a, r in rights if a.startswith("s3:")} == {
        ("s3:GetObject", f"{BUCKET}/data-forge/*/runs/*"),
        ("s3:PutObject", f"{BUCKET}/data-forge/*/runs/*"),
        ("s3:ListBucket", BUCKET),
    }
    assert {a for a, _ in rights if not a.startswith(("s3:", "kms:"))} == {"bedrock:InvokeModel"}
    assert deployment.text(statement["Resource"]) == f"<{role_id}.Arn>"
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}}


def test_no_role_may_do_everything_or_anything_to_everything(deployment):
    rights = [right for policy in deployment.properties("AWS::IAM::Policy") for right in deployment.rights(policy)]

    assert len(rights) > 50
    for action, resource in rights:
        assert "*" not in action, action
        if resource == "*":
            assert action in ON_EVERYTHING
        elif "*" in resource:
            assert any(re.fullmatch(pattern, resource) for pattern in PARTLY_OPEN), f"{action} on {resource}"


def test_no_right_is_granted_outside_the_policies_that_this_file_reads(dev, full):
    for deployment, expected in ((dev, []), (full, [*BACKUP, PUSH])):
        managed = [p for r in deployment.properties("AWS::IAM::Role") for p in r.get("ManagedPolicyArns", [])]

        assert not any(role.get("Policies") for role in deployment.properties("AWS::IAM::Role"))
        assert not deployment.of_type("AWS::IAM::ManagedPolicy")
        assert sorted(deployment.text(p).split(":policy/")[1] for p in managed) == sorted(expected)


def test_every_function_has_a_role_of_its_own_that_only_lambda_can_take(deployment):
    functions = deployment.properties("AWS::Lambda::Function")
    roles = {deployment.text(function["Role"]).strip("<>").removesuffix(".Arn") for function in functions}
    documents = [deployment.of_type("AWS::IAM::Role")[name]["Properties"]["AssumeRolePolicyDocument"] for name in roles]
    trusted = [statement["Principal"] for document in documents for statement in document["Statement"]]

    assert len(roles) == len(catalog.FUNCTIONS)
    assert trusted == [{"Service": "lambda.amazonaws.com"}] * len(roles)


def test_a_function_reaches_exactly_the_tables_of_its_catalog_entry(dev):
    for name, facts in catalog.FUNCTIONS.items():
        by_table = {}
        for action, resource in _rights_of(dev, name):
            if match := re.fullmatch(r"arn:\S+:dynamodb:\S+:table/dataforge-dev-(\w+|\*)", resource):
                for table in catalog.TABLES if match[1] == "*" else [match[1]]:
                    by_table.setdefault(table, set()).add(action)

        # Who moves runs pushes: it looks connections up and drops those that are gone.
        pushed = {"connections"} if "runs" in facts.writes else set()
        written = {*facts.writes, *pushed}
        expected = dict.fromkeys(facts.reads, READ) | dict.fromkeys(written, WRITE)
        assert by_table == expected, name


def test_a_function_reaches_files_machines_and_secrets_only_as_its_catalog_entry_says(dev):
    for name, facts in catalog.FUNCTIONS.items():
        rights = _rights_of(dev, name)
        files = {action for action, _ in rights if action.startswith("s3:")}
        started = {resource.rsplit("-", 1)[1] for action, resource in rights if action == "states:StartExecution"}
        logs = {resource for action, resource in rights if action == "logs:PutLogEvents"}

        assert ("s3:PutObject" in files, "s3:GetObject" in files) == (facts.files == "write", facts.files != "none")
        keys = {resource.split("/", 1)[1] for action, resource in rights if action == "s3:GetObject"}
        reads = {*catalog.file_patterns(facts), *catalog.read_patterns(facts)}
        assert keys == (reads if facts.files != "none" else set()), name
        written = {resource.split("/", 1)[1] for action, resource in rights if action == "s3:PutObject"}
        assert written == (set(catalog.file_patterns(facts)) if facts.files == "write" else set()), name
        assert started == set(facts.starts), name
        stopped = {resource.rpartition(":")[0] for action, resource in rights if action == "states:StopExecution"}
        assert {machine.rsplit("-", 1)[1] for machine in stopped} == {*facts.starts, *facts.stops}, name
        assert any(action.startswith("secretsmanager:") for action, _ in rights) == facts.secrets
        asks = {action for action, _ in rights if action.startswith(("bedrock:Invoke", "sagemaker:"))}
        assert asks == ({"bedrock:InvokeModel", "sagemaker:InvokeEndpoint"} if facts.models else set())
        jobs = {action.removeprefix("bedrock:") for action, _ in rights if "ModelInvocationJob" in action}
        assert jobs == JOBS[facts.jobs], name
        woken = {resource.rsplit("-", 1)[1] for action, resource in rights if action == "states:SendTaskSuccess"}
        assert woken == set(facts.wakes), name
        assert len(logs) == 1
        assert f"Functions{camel(name)}Log" in logs.pop()


def test_models_and_endpoints_can_be_narrowed_to_those_that_are_named(narrow, closed):
    ours = "<AWS::Region>:<AWS::AccountId>"

    for name in ("generate_batch", "plan_run", "submit_jobs"):
        rights = _rights_of(narrow, name)
        assert {resource for action, resource in rights if action == "bedrock:InvokeModel"} == {
            "arn:<AWS::Partition>:bedrock:*::foundation-model/amazon.nova-lite-v1:0",
            "arn:<AWS::Partition>:bedrock:*::foundation-model/anthropic.claude-x",
            f"arn:<AWS::Partition>:bedrock:{ours}:inference-profile/eu.anthropic.claude-x",
        }
        assert {resource for action, resource in rights if action == "sagemaker:InvokeEndpoint"} == {
            f"arn:<AWS::Partition>:sagemaker:{ours}:endpoint/my-writer"
        }
        assert not {a for a, _ in _rights_of(closed, name) if a.startswith(("bedrock:Invoke", "sagemaker:"))}
    created = {r for a, r in _rights_of(narrow, "submit_jobs") if a == "bedrock:CreateModelInvocationJob"}
    assert not any(resource.endswith(("foundation-model/*", "inference-profile/*")) for resource in created)
    assert "bedrock:InvokeModel" not in {action for action, _ in closed.rights_of_role("BatchesRole")}


def test_a_machine_calls_its_own_functions_and_starts_only_itself(dev):
    for name, file in catalog.WORKFLOWS.items():
        rights = dev.rights_of_role(f"Workflows{camel(name)}Role")
        called = {resource for action, resource in rights if action == "lambda:InvokeFunction"}
        started = {resource.rsplit(":", 1)[1] for action, resource in rights if action == "states:StartExecution"}
        followed = {
            resource.split(":execution:")[1] for action, resource in rights if action == "states:DescribeExecution"
        }

        assert {re.match(r"<Functions([A-Za-z]+?)[0-9A-F]{8}\.Arn>", arn)[1] for arn in called} == _called_in(file)
        has_map = "ItemReader" in (ROOT / "dataforge_infra" / file).read_text()
        assert started == ({f"dataforge-dev-{name}"} if has_map else set())
        # The children of a distributed map run as `<machine>/<map run>:<id>`.
        assert followed == ({f"dataforge-dev-{name}:*", f"dataforge-dev-{name}/*:*"} if has_map else set())
        data = {(action, resource) for action, resource in rights if action.startswith(("s3:", "dynamodb:"))}
        assert data == ({("s3:GetObject", f"{BUCKET}/data-forge/*/runs/*")} if has_map else set())


@pytest.mark.parametrize(("module", "service"), [("dynamo", "dynamodb"), ("s3", "s3"), ("stepfunctions", "states")])
def test_the_api_may_make_every_call_that_the_aws_backend_makes(dev, module, service):
    source = (ROOT / f"layers/core/dataforge/platform/aws/{module}.py").read_text()
    calls = set(re.findall(r"_client\.(\w+)", source)) - {"exceptions"}
    needed = set().union(*(RIGHTS_FOR.get(call, {f"{service}:{camel(call)}"}) for call in calls))

    granted = {action for action, _ in _rights_of(dev, catalog.API)}

    assert len(calls) >= 3
    assert needed <= granted


def test_only_the_apis_themselves_may_call_their_functions(deployment):
    permissions = [p for p in deployment.properties("AWS::Lambda::Permission") if "apigateway" in p["Principal"]]
    [rest] = deployment.of_type("AWS::ApiGateway::RestApi")
    [socket] = deployment.of_type("AWS::ApiGatewayV2::Api")
    callers = {}
    for permission in permissions:
        called = "rest" if deployment.text(permission["FunctionName"]).startswith("<ApiLive") else "socket"
        callers.setdefault(called, set()).add(
            re.findall(r"execute-api.*?:<(\w+)>/", deployment.text(permission["SourceArn"]))[0]
        )

    assert {p["Principal"] for p in permissions} == {"apigateway.amazonaws.com"}
    assert callers == {"rest": {rest}, "socket": {socket}}


@pytest.mark.parametrize(
    ("rule", "function"),
    [("Uploaded", "OnUpload"), ("JobsOver", "OnJobsChanged"), ("ExecutionFailed", "OnExecutionFailed")],
)
def test_only_its_rule_calls_the_function_of_an_event(deployment, rule, function):
    answer = [p for p in deployment.properties("AWS::Lambda::Permission") if "apigateway" not in p["Principal"]]
    [rule_id] = [name for name in deployment.of_type("AWS::Events::Rule") if name.startswith(f"Events{rule}")]
    [its] = [p for p in answer if deployment.text(p["FunctionName"]).startswith(f"<Functions{function}")]

    assert len(answer) == len(deployment.of_type("AWS::Events::Rule"))
    assert its["Principal"] == "events.amazonaws.com"
    assert deployment.text(its["SourceArn"]) == f"<{rule_id}.Arn>"


def test_only_who_moves_runs_or_answers_a_connection_may_push_to_it(dev):
    pushers = {
        name
        for name in catalog.FUNCTIONS
        if any(action == "execute-api:ManageConnections" for action, _ in _rights_of(dev, name))
    }

    progress = {catalog.SOCKET, catalog.ON_TRAINING_CHANGED}
    assert pushers == {*progress, *(n for n, facts in catalog.FUNCTIONS.items() if "runs" in facts.writes)}


def test_only_the_api_may_end_a_connection(dev):
    enders = {
        name
        for name in catalog.FUNCTIONS
        if any("ManageConnections" in action and "/DELETE/" in resource for action, resource in _rights_of(dev, name))
    }

    assert enders == {catalog.API}


def test_only_what_an_event_calls_may_write_to_the_queue_of_its_lost_events(dev):
    senders = {name for name in catalog.FUNCTIONS if any(a.startswith("sqs:") for a, _ in _rights_of(dev, name))}

    queues = {
        catalog.ON_UPLOAD: "LostUploads",
        catalog.ON_JOBS_CHANGED: "LostJobEvents",
        catalog.ON_EXECUTION_FAILED: "FailedExecutions",
    }
    assert senders == set(queues)
    for name, queue in queues.items():
        [queue_id] = [n for n in dev.of_type("AWS::SQS::Queue") if n.startswith(f"Events{queue}")]
        assert {right for right in _rights_of(dev, name) if right[0].startswith("sqs:")} == {
            ("sqs:SendMessage", f"<{queue_id}.Arn>"),
            ("sqs:GetQueueAttributes", f"<{queue_id}.Arn>"),
            ("sqs:GetQueueUrl", f"<{queue_id}.Arn>"),
        }


def test_a_key_a_network_and_a_boundary_of_the_account_reach_every_role(dev, full):
    network = "ec2:CreateNetworkInterface"
    for name in catalog.FUNCTIONS:
        assert {"kms:Decrypt", network} <= {action for action, _ in _rights_of(full, name)}
        assert not any(action.startswith(("kms:", "ec2:")) for action, _ in _rights_of(dev, name))
    boundaries = {role.get("PermissionsBoundary") for role in full.properties("AWS::IAM::Role")}
    functions = full.properties("AWS::Lambda::Function")

    assert boundaries == {EVERY_OPTION["permissions_boundary"]}
    assert {f["KmsKeyArn"] for f in functions} == {EVERY_OPTION["kms_key_arn"]}
    assert {tuple(f["VpcConfig"]["SubnetIds"]) for f in functions} == {tuple(EVERY_OPTION["subnet_ids"].split(","))}
    assert {t["SSESpecification"]["KMSMasterKeyId"] for t in full.properties("AWS::DynamoDB::Table")} == {
        EVERY_OPTION["kms_key_arn"]
    }


@pytest.mark.parametrize(
    ("role", "files"),
    [
        ("TrainingTrainRole", {"s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"}),
        ("TrainingServeRole", {"s3:GetObject"}),
    ],
)
def test_jobs_of_sagemaker_reach_the_files_of_training_only_and_only_for_this_account(dev, role, files):
    rights = dev.rights_of_role(role)
    [logical] = [name for name in dev.of_type("AWS::IAM::Role") if name.startswith(role)]
    [trust] = dev.of_type("AWS::IAM::Role")[logical]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    objects = {(action, resource) for action, resource in rights if action.startswith("s3:") and "List" not in action}

    assert objects == {(action, f"{BUCKET}/data-forge/training/*") for action in files}
    assert {action.partition(":")[0] for action, _ in rights} == {"s3", "logs", "cloudwatch", "ecr"}
    assert trust["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    source = dev.text(trust["Condition"]["ArnLike"]["aws:SourceArn"])
    assert source.endswith(":sagemaker:<AWS::Region>:<AWS::AccountId>:*")


def _called_in(file):
    text = (ROOT / "dataforge_infra" / file).read_text()
    return set(re.findall(r'"FunctionName": "\$\{(\w+)\}"', text))


def _rights_of(deployment, function):
    return deployment.rights_of_role(f"Functions{camel(function)}Role")
