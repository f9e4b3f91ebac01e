"""What the two stacks promise: data that cannot be lost by accident, and every function of the catalog."""

from __future__ import annotations

import json
import re

from dataforge_infra import catalog
from dataforge_infra.stages import PRESETS
from tests.support import last_release

# A change here means that CloudFormation deletes a resource (it is retained, but orphaned) and makes an empty one.
FROZEN = {
    "OrgsTable": "dataforge-dev-orgs",
    "KeyHashesTable": "dataforge-dev-key_hashes",
    "ProjectsTable": "dataforge-dev-projects",
    "DocumentsTable": "dataforge-dev-documents",
    "UploadsTable": "dataforge-dev-uploads",
    "ChunksTable": "dataforge-dev-chunks",
    "RunsTable": "dataforge-dev-runs",
    "RunEventsTable": "dataforge-dev-run_events",
    "ModelsTable": "dataforge-dev-models",
    "TrainingUploadsTable": "dataforge-dev-training_uploads",
    "RepliesTable": "dataforge-dev-replies",
    "PairsTable": "dataforge-dev-pairs",
    "ExportsTable": "dataforge-dev-exports",
    "ReviewsTable": "dataforge-dev-reviews",
    "ConnectionsTable": "dataforge-dev-connections",
    "LimiterTable": "dataforge-dev-limiter",
    "AdmissionsTable": "dataforge-dev-admissions",
    "IdempotencyTable": "dataforge-dev-idempotency",
    "LedgerTable": "dataforge-dev-ledger",
}


def test_logical_ids_and_names_of_what_holds_data_are_frozen(dev):
    tables = {name: table["Properties"]["TableName"] for name, table in dev.of_type("AWS::DynamoDB::Table").items()}

    assert tables == FROZEN
    assert list(dev.of_type("AWS::S3::Bucket")) == ["FilesBucket"]
    assert "BucketName" not in dev.of_type("AWS::S3::Bucket")["FilesBucket"]["Properties"]


def test_what_holds_data_is_never_deleted_or_replaced_away(deployment):
    kept = {**deployment.of_type("AWS::DynamoDB::Table"), **deployment.of_type("AWS::S3::Bucket")}

    assert len(kept) == len(FROZEN) + 1
    assert {resource["DeletionPolicy"] for resource in kept.values()} == {"Retain"}
    assert {resource["UpdateReplacePolicy"] for resource in kept.values()} == {"Retain"}
    assert set(kept) <= set(deployment.data["Resources"])


def test_tables_can_be_restored_to_any_second_and_refuse_deletion(deployment):
    for table in deployment.properties("AWS::DynamoDB::Table"):
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}, table["TableName"]
        assert table["DeletionProtectionEnabled"] is True, table["TableName"]
        assert table["BillingMode"] == "PAY_PER_REQUEST", table["TableName"]


def test_tables_have_the_keys_indexes_and_expiry_of_the_catalog(deployment):
    built = {table["TableName"].rsplit("-", 1)[1]: table for table in deployment.properties("AWS::DynamoDB::Table")}

    assert set(built) == set(catalog.TABLES)
    for name, facts in catalog.TABLES.items():
        table = built[name]
        types = {a["AttributeName"]: a["AttributeType"] for a in table["AttributeDefinitions"]}
        indexes = {
            index["IndexName"]: (_keys(index), index["Projection"]["ProjectionType"])
            for index in table.get("GlobalSecondaryIndexes", [])
        }
        assert _keys(table) == tuple(key for key in (facts.hash_key, facts.range_key) if key)
        assert indexes == {n: ((i.hash_key, i.range_key), i.projection) for n, i in facts.indexes.items()}
        assert types.get(facts.range_key) == (facts.range_type if facts.range_key else None)
        expiry = {"AttributeName": facts.ttl, "Enabled": True} if facts.ttl else None
        assert table.get("TimeToLiveSpecification") == expiry, name


def _keys(schema):
    by_role = {key["KeyType"]: key["AttributeName"] for key in schema["KeySchema"]}
    return tuple(by_role[role] for role in ("HASH", "RANGE") if role in by_role)


def test_the_data_stack_refuses_to_be_deleted(deployment):
    stacks = json.loads((deployment.folder / "manifest.json").read_text())["artifacts"]

    assert stacks["DataStack"]["properties"]["terminationProtection"] is True
    assert not stacks["ServiceStack"]["properties"].get("terminationProtection")


def test_the_bucket_is_private_versioned_and_encrypted_and_announces_new_files(deployment):
    [bucket] = deployment.properties("AWS::S3::Bucket")
    rules = bucket["LifecycleConfiguration"]["Rules"]

    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "ServerSideEncryptionConfiguration" in bucket["BucketEncryption"]
    assert bucket["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert {rule["Status"] for rule in rules} == {"Enabled"}
    assert any("AbortIncompleteMultipartUpload" in rule for rule in rules)
    assert any("NoncurrentVersionExpiration" in rule for rule in rules)
    expiring = [(r["Prefix"], r["ExpirationInDays"]) for r in rules if "ExpirationInDays" in r or "ExpirationDate" in r]
    assert expiring == [("data-forge/synthetic/org_", 31)]


def test_the_bucket_refuses_plain_http_and_old_tls(deployment):
    [policy] = deployment.properties("AWS::S3::BucketPolicy")
    statements = policy["PolicyDocument"]["Statement"]

    assert {statement["Effect"] for statement in statements} == {"Deny"}
    assert {"Bool": {"aws:SecureTransport": "false"}} in [statement["Condition"] for statement in statements]
    assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in [statement["Condition"] for statement in statements]


def test_every_function_of_the_catalog_is_there_and_no_other(deployment):
    built = {f["FunctionName"].rsplit("-", 1)[1]: f for f in deployment.properties("AWS::Lambda::Function")}

    assert set(built) == set(catalog.FUNCTIONS)
    for name, facts in catalog.FUNCTIONS.items():
        function = built[name]
        assert (function["Handler"], function["MemorySize"], function["Timeout"]) == (
            facts.handler,
            facts.memory_mb,
            facts.timeout_s,
        )
        assert function["EphemeralStorage"] == {"Size": facts.disk_mb}
        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == ["arm64"]
        assert len(function["Layers"]) == (2 if facts.layer == "parsing" else 1)
        assert function["TracingConfig"] == {"Mode": "Active"}


WAITED_FOR = ("dataforge-dev-api", "dataforge-dev-socket")


def test_functions_get_their_place_in_the_world_and_no_secret(dev):
    machine = "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:stateMachine:dataforge-dev-"

    for function in dev.properties("AWS::Lambda::Function"):
        variables = {name: dev.text(value) for name, value in function["Environment"]["Variables"].items()}
        address = variables.pop("DATAFORGE_SOCKET_URL", "")
        assert re.fullmatch(r"<BatchesRole\w+\.Arn>", variables.pop("DATAFORGE_BATCH_ROLE"))
        assert re.fullmatch(r"(https://<SocketsApi\w+>\.execute-api\.<AWS::Region>\.<AWS::URLSuffix>/dev)?", address)
        assert variables == {
            "DATAFORGE_STAGE": "dev",
            "DATAFORGE_LONGEST_WAIT": "0",
            "DATAFORGE_TRAINING_POLL": "20",
            "DATAFORGE_WORKERS": "10",
            "DATAFORGE_RESULTS_DAYS": "30",
            "DATAFORGE_BUCKET": "<FilesBucket>",
            "DATAFORGE_TABLE_PREFIX": "dataforge-dev-",
            **{f"STATE_MACHINE_{name.upper()}": f"{machine}{name}" for name in catalog.WORKFLOWS},
            # Nobody waits half a minute for "overloaded": the gateway would have given up by then.
            **({"DATAFORGE_STORE_ATTEMPTS": "4"} if function["FunctionName"] in WAITED_FOR else {}),
        }


def test_the_machines_have_the_names_that_the_functions_are_given(deployment):
    prefix = {d["TableName"].rsplit("-", 1)[0] for d in deployment.properties("AWS::DynamoDB::Table")}.pop()
    names = {machine["StateMachineName"] for machine in deployment.properties("AWS::StepFunctions::StateMachine")}

    assert names == {f"{prefix}-{name}" for name in catalog.WORKFLOWS}


def test_templates_hold_nothing_that_looks_like_a_secret(deployment):
    text = json.dumps([deployment.data, deployment.service])
    text = text.replace("aws ecr get-login-password | docker login --username AWS --password-stdin", "")

    assert not re.findall(r"sk-[\w-]{8,}|AKIA\w{16}|PRIVATE KEY|[Pp]assword|api_key|\"SecretString\"", text)


def test_logs_are_kept_as_long_as_the_stage_says(dev, prod):
    for deployment, stage in ((dev, PRESETS["dev"]), (prod, PRESETS["prod"])):
        groups = deployment.properties("AWS::Logs::LogGroup")
        used = {deployment.text(f["LoggingConfig"]["LogGroup"]) for f in deployment.properties("AWS::Lambda::Function")}

        assert {group["RetentionInDays"] for group in groups} == {stage.log_days}
        assert len(used) == len(catalog.FUNCTIONS)


def test_the_api_is_regional_binary_safe_throttled_and_logged_without_bodies(deployment):
    [api] = deployment.properties("AWS::ApiGateway::RestApi")
    [stage] = deployment.properties("AWS::ApiGateway::Stage")
    facts = PRESETS[stage["StageName"]]
    [settings] = stage["MethodSettings"]
    line = json.loads(re.sub(r"\$[\w.]+", "x", stage["AccessLogSetting"]["Format"]))

    assert api["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert api["BinaryMediaTypes"] == ["*/*"]
    assert settings["ThrottlingRateLimit"] == facts.requests_per_second
    assert settings["ThrottlingBurstLimit"] == facts.burst
    assert (settings["LoggingLevel"], settings["DataTraceEnabled"]) == ("OFF", False)
    assert set(line) == {"time", "request_id", "ip", "method", "path", "status", "bytes", "latency_ms", "error"}


# checklist 1
def test_every_request_reaches_the_one_function_which_checks_our_own_keys(deployment):
    methods = deployment.properties("AWS::ApiGateway::Method")
    [alias] = deployment.of_type("AWS::Lambda::Alias")
    [resource] = deployment.properties("AWS::ApiGateway::Resource")

    assert resource["PathPart"] == "{proxy+}"
    assert len(methods) == 2
    assert {method["HttpMethod"] for method in methods} == {"ANY"}
    # On purpose: a gateway authorizer or gateway keys would be a second, weaker truth about who may call.
    assert {method["AuthorizationType"] for method in methods} == {"NONE"}
    assert not any(method.get("ApiKeyRequired") for method in methods)
    assert all(f"<{alias}>/invocations" in deployment.text(method["Integration"]["Uri"]) for method in methods)


def test_every_uploaded_file_reaches_the_function_and_what_fails_is_kept(deployment):
    rule = rule_of(deployment, "uploaded")
    [queue_id] = [name for name in deployment.of_type("AWS::SQS::Queue") if name.startswith("EventsLostUploads")]
    kept = deployment.of_type("AWS::SQS::Queue")[queue_id]["Properties"]
    [target] = rule["Targets"]
    [invoking] = [
        config
        for config in deployment.properties("AWS::Lambda::EventInvokeConfig")
        if "OnUpload" in deployment.text(config["FunctionName"])
    ]
    [function] = [name for name in deployment.of_type("AWS::Lambda::Function") if name.startswith("FunctionsOnUpload")]
    pattern = rule["EventPattern"]

    assert (pattern["source"], pattern["detail-type"]) == (["aws.s3"], ["Object Created"])
    assert [deployment.text(name) for name in pattern["detail"]["bucket"]["name"]] == ["<FilesBucket>"]
    assert pattern["detail"]["object"]["key"] == [{"wildcard": catalog.UPLOADS}]
    assert deployment.text(target["Arn"]) == f"<{function}.Arn>"
    assert deployment.text(target["DeadLetterConfig"]["Arn"]) == f"<{queue_id}.Arn>"
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}
    assert deployment.text(invoking["FunctionName"]) == f"<{function}>"
    assert (invoking["MaximumRetryAttempts"], invoking["MaximumEventAgeInSeconds"]) == (2, 21_600)
    assert deployment.text(invoking["DestinationConfig"]["OnFailure"]["Destination"]) == f"<{queue_id}.Arn>"
    assert (kept["MessageRetentionPeriod"], kept["SqsManagedSseEnabled"]) == (1_209_600, True)


def rule_of(deployment, name):
    """name: of the rule, without the prefix of its stage."""
    [rule] = [r for r in deployment.properties("AWS::Events::Rule") if r["Name"].split("-", 2)[2] == name]
    return rule


def test_every_batch_job_of_ours_that_is_over_reaches_the_function(deployment):
    rule = rule_of(deployment, "jobs-over")
    [target] = rule["Targets"]
    [function] = [n for n in deployment.of_type("AWS::Lambda::Function") if n.startswith("FunctionsOnJobsChanged")]
    detail = rule["EventPattern"]["detail"]

    assert rule["EventPattern"]["detail-type"] == ["Batch Inference Job State Change"]
    assert rule["Name"] == f"{detail['batchJobName'][0]['prefix']}jobs-over"
    assert set(detail["status"]) == {"Completed", "PartiallyCompleted", "Failed", "Stopped", "Expired"}
    assert deployment.text(target["Arn"]) == f"<{function}.Arn>"
    assert "DeadLetterConfig" in target


def test_the_end_of_a_training_job_of_ours_and_its_progress_reach_the_function(full, dev):
    over, progress = (rule_of(full, name) for name in ("training-over", "training-progress"))
    [function] = [n for n in full.of_type("AWS::Lambda::Function") if n.startswith("FunctionsOnTrainingChanged")]
    [queue] = [n for n in full.of_type("AWS::SQS::Queue") if n.startswith("EventsLostJobEvents")]
    [key] = progress["EventPattern"]["detail"]["object"]["key"]

    assert over["EventPattern"]["source"] == ["aws.sagemaker"]
    assert over["EventPattern"]["detail-type"] == ["SageMaker Training Job State Change"]
    assert over["EventPattern"]["detail"] == {
        "TrainingJobName": [{"prefix": "dataforge-prod-"}],
        "TrainingJobStatus": ["Completed", "Failed", "Stopped"],
    }
    assert key == {"wildcard": catalog.TRAINING_PROGRESS}
    for rule in (over, progress):
        [target] = rule["Targets"]
        assert full.text(target["Arn"]) == f"<{function}.Arn>"
        assert full.text(target["DeadLetterConfig"]["Arn"]) == f"<{queue}.Arn>"
        assert target["RetryPolicy"]["MaximumRetryAttempts"] == 185
    assert not any("training" in rule["Name"] for rule in dev.properties("AWS::Events::Rule"))


def test_a_queue_takes_messages_from_its_rule_only_and_never_without_tls(deployment):
    policies = deployment.properties("AWS::SQS::QueuePolicy")
    rules = {f"<{name}.Arn>" for name in deployment.of_type("AWS::Events::Rule")}
    senders = set()
    for policy in policies:
        [denied] = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
        allowed = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
        senders |= {deployment.text(s["Condition"]["ArnEquals"]["aws:SourceArn"]) for s in allowed}

        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert all(s["Principal"] == {"Service": "events.amazonaws.com"} for s in allowed)
        assert all("sqs:SendMessage" in s["Action"] for s in allowed)
    assert senders == rules
    assert len(policies) == len(deployment.of_type("AWS::SQS::Queue"))


def test_only_the_api_is_restored_from_a_snapshot_and_only_when_asked_for(dev, prod, full):
    snapshots = {
        function["FunctionName"]
        for deployment in (dev, full)
        for function in deployment.properties("AWS::Lambda::Function")
        if function.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions"
    }

    assert snapshots == {"dataforge-prod-api"}
    assert not any("SnapStart" in function for function in prod.properties("AWS::Lambda::Function"))


def test_two_stages_of_one_account_share_no_name(dev, prod):
    kinds = {"QueueName", "TableName", "FunctionName", "StateMachineName", "LogGroupName", "LayerName", "Name"}

    def names(deployment):
        both = [*deployment.data["Resources"].values(), *deployment.service["Resources"].values()]
        owners = [r for r in both if r["Type"] not in ("AWS::Lambda::Alias", "AWS::Lambda::Version")]
        given = [value for r in owners for key, value in r["Properties"].items() if key in kinds]
        return {name for name in given if isinstance(name, str)}

    assert names(dev)
    assert not names(dev) & names(prod)
    assert {name.replace("dev", "prod") for name in names(dev)} == names(prod) - {"dataforge-prod-rate"}


def test_no_stack_imports_an_export_and_those_of_the_last_release_stay_as_they_were(dev):
    """CloudFormation neither changes nor removes an export that a deployed stack imports."""
    old = last_release.read()["templates"]["DataStack"]["Outputs"]
    exported = {name: output for name, output in old.items() if "Export" in output}

    assert exported
    assert {name: dev.data["Outputs"].get(name) for name in exported} == exported
    assert "Fn::ImportValue" not in json.dumps(dev.service)
