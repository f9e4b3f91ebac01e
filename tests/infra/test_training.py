"""What the account gets to train models: off unless asked for, and limited to what it is for."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from dataforge_infra import catalog, images, training_rights
from dataforge_infra.catalog import camel
from tests.support.paths import ROOT
from tests.support.templates import APPS, EVERY_OPTION, listed, nag_findings

KINDS = ("AWS::CodeBuild::Project", "AWS::ECR::Repository")
READY = str(APPS["ready"]["training_image"])


def variables(deployment):
    """Settings that every function is given for training, as text."""
    found = [f["Environment"]["Variables"] for f in deployment.properties("AWS::Lambda::Function")]
    names = re.compile(r"DATAFORGE_(TRAINING|SERVING|IMPORT)_(?!POLL)\w+")
    kept = [{n: deployment.text(v) for n, v in one.items() if names.fullmatch(n)} for one in found]
    assert all(one == kept[0] for one in kept)
    return kept[0]


def test_training_is_off_until_it_is_asked_for(dev, prod):
    for deployment in (dev, prod):
        assert not any(deployment.of_type(kind) for kind in KINDS)
        assert variables(deployment) == {}
        assert not {"ImageProject", "TrainingImage"} & set(deployment.service["Outputs"])
        assert not [name for name in deployment.of_type("AWS::IAM::Role") if name.startswith("TrainingImport")]


def test_with_the_option_functions_get_roles_images_network_and_key(full):
    given = variables(full)
    repository = full.text(full.service["Outputs"]["ImageRepository"]["Value"])

    assert re.fullmatch(r"<TrainingTrainRole\w+\.Arn>", given.pop("DATAFORGE_TRAINING_ROLE"))
    assert re.fullmatch(r"<TrainingServeRole\w+\.Arn>", given.pop("DATAFORGE_SERVING_ROLE"))
    assert re.fullmatch(r"<TrainingImportRole\w+\.Arn>", given.pop("DATAFORGE_IMPORT_ROLE"))
    assert repository.endswith(f"/<{next(iter(full.of_type(KINDS[1])))}>")
    assert given == {
        "DATAFORGE_TRAINING_IMAGE": f"{repository}:huggingface",
        "DATAFORGE_TRAINING_IMAGE_UNSLOTH": f"{repository}:unsloth",
        "DATAFORGE_TRAINING_SUBNETS": EVERY_OPTION["subnet_ids"],
        "DATAFORGE_TRAINING_SECURITY_GROUPS": EVERY_OPTION["security_group_ids"],
        "DATAFORGE_TRAINING_KMS_KEY": EVERY_OPTION["kms_key_arn"],
    }
    assert full.text(full.service["Outputs"]["TrainingImage"]["Value"]) == f"{repository}:huggingface"


def test_a_ready_image_is_used_without_anything_that_builds_one(ready):
    assert not any(ready.of_type(kind) for kind in KINDS)
    assert variables(ready)["DATAFORGE_TRAINING_IMAGE"] == READY
    assert ready.service["Outputs"]["TrainingImage"]["Value"] == READY
    for role in ("TrainingTrainRole", "TrainingServeRole"):
        pulled = {r for a, r in ready.rights_of_role(role) if a == "ecr:BatchGetImage"}
        assert "arn:<AWS::Partition>:ecr:us-east-1:444455556666:repository/ml/training" in pulled


def test_a_job_runs_images_of_its_stage_only_and_an_endpoint_those_of_aws_too(full):
    ours = "arn:<AWS::Partition>:ecr:<AWS::Region>:<AWS::AccountId>:repository/dataforge-prod-training"
    pulled = {
        role: {r for a, r in full.rights_of_role(role) if a == "ecr:GetDownloadUrlForLayer"}
        for role in ("TrainingTrainRole", "TrainingServeRole")
    }

    assert pulled["TrainingTrainRole"] == {ours}
    assert {r.rsplit("/", 1)[1] for r in pulled["TrainingServeRole"]} == {
        "dataforge-prod-training",
        "huggingface-pytorch-*",
    }


def test_jobs_join_the_network_and_lend_the_key_of_the_account_only_where_there_are_any(dev, full):
    wanted = {"kms:CreateGrant", "ec2:CreateNetworkInterfacePermission", "ec2:DescribeVpcs"}

    for role in ("TrainingTrainRole", "TrainingServeRole"):
        assert wanted <= {action for action, _ in full.rights_of_role(role)}
        assert not wanted & {action for action, _ in dev.rights_of_role(role)}


def test_bedrock_reads_models_to_import_them_only_for_this_account(ready):
    rights = ready.rights_of_role("TrainingImportRole")
    [logical] = [name for name in ready.of_type("AWS::IAM::Role") if name.startswith("TrainingImportRole")]
    [trust] = ready.of_type("AWS::IAM::Role")[logical]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    bucket = "arn:<AWS::Partition>:s3:::<FilesBucket>"

    assert rights == {("s3:GetObject", f"{bucket}/data-forge/training/*"), ("s3:ListBucket", bucket)}
    assert trust["Principal"] == {"Service": "bedrock.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert ready.text(trust["Condition"]["ArnLike"]["aws:SourceArn"]) == (
        "arn:<AWS::Partition>:bedrock:<AWS::Region>:<AWS::AccountId>:model-import-job/*"
    )


START = {"sagemaker:CreateTrainingJob", "sagemaker:AddTags", "iam:PassRole"}
SHARED = {"iam:PassRole", "sagemaker:AddTags"}
"""Rights that functions also have for batch jobs and for models that answer."""
FOLLOW = {"sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob"}


def test_functions_start_and_stop_jobs_of_this_stage_as_the_catalog_says(full, dev):
    jobs = "arn:<AWS::Partition>:sagemaker:<AWS::Region>:<AWS::AccountId>:training-job/dataforge-prod-*"
    expected = {"none": set(), "start": START, "follow": FOLLOW}
    seen = set()
    for name, facts in catalog.FUNCTIONS.items():
        rights = {(a, r) for a, r in full.rights_of_role(f"Functions{camel(name)}Role") if a in START | FOLLOW}
        ours = {(a, r) for a, r in rights if a not in SHARED or "TrainRole" in r or ":training-job/" in r}
        passed = {r for a, r in ours if a == "iam:PassRole"}

        assert {a for a, _ in ours} == expected[facts.training], name
        assert {r for a, r in ours if a != "iam:PassRole"} <= {jobs}
        assert all(re.fullmatch(r"<TrainingTrainRole\w{8}\.Arn>", r) for r in passed)
        assert not {a for a, _ in dev.rights_of_role(f"Functions{camel(name)}Role")} & FOLLOW
        seen.add(facts.training)
    assert seen == {"none", "start", "follow"}


def test_the_role_of_training_is_passed_to_sagemaker_and_to_nothing_else(full):
    statements = [
        s
        for p in full.properties("AWS::IAM::Policy")
        for s in p["PolicyDocument"]["Statement"]
        if s["Action"] == "iam:PassRole" and "TrainRole" in full.text(s["Resource"])
    ]

    assert statements
    assert {json.dumps(s["Condition"]) for s in statements} == {
        json.dumps({"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}})
    }


def test_functions_may_make_every_call_of_the_adapter_and_the_adapter_makes_every_call_that_is_allowed():
    source = (ROOT / "layers/core/dataforge/platform/aws/sagemaker_jobs.py").read_text()
    calls = {camel(call) for call in re.findall(r"_client\.(\w+)\(", source)}

    assert {f"sagemaker:{call}" for call in calls} == (START | FOLLOW) - {"sagemaker:AddTags", "iam:PassRole"}
    assert '"Tags":' in source  # which takes the right to add tags


HERE = "<AWS::Region>:<AWS::AccountId>"
ASKED = {
    *(
        (f"sagemaker:{call}", f"arn:<AWS::Partition>:sagemaker:{HERE}:{kind}/dataforge-prod-*")
        for call in ("DescribeInferenceComponent", "UpdateInferenceComponentRuntimeConfig", "InvokeEndpoint")
        for kind in ("endpoint", "inference-component")
    ),
    *(
        (f"bedrock:{call}", f"arn:<AWS::Partition>:bedrock:{HERE}:imported-model/*")
        for call in ("GetImportedModel", "InvokeModel")
    ),
}
TAGS = {"application": "dataforge", "stage": "prod"}


def statements_of(deployment, function, call):
    """The statements with which a function may make a call."""
    [policy] = [
        p
        for p in deployment.properties("AWS::IAM::Policy")
        if re.fullmatch(rf"<Functions{camel(function)}Role[0-9A-F]{{8}}>", deployment.text(p["Roles"][0]))
    ]
    return [s for s in policy["PolicyDocument"]["Statement"] if call in listed(s["Action"])]


def added(full, silent, function):
    role = f"Functions{camel(function)}Role"
    return full.rights_of_role(role) - silent.rights_of_role(role)


@pytest.mark.parametrize("function", ["plan_run", "generate_batch", "submit_jobs"])
def test_runs_wake_and_ask_trained_models_of_this_stage_and_make_nothing(function, full, silent):
    [imported] = [
        s for s in statements_of(full, function, "bedrock:InvokeModel") if "imported-model" in json.dumps(s["Resource"])
    ]

    assert added(full, silent, function) == ASKED
    assert imported["Condition"] == {"StringEquals": {f"aws:ResourceTag/{name}": tag for name, tag in TAGS.items()}}


def test_who_loads_trained_models_makes_and_removes_those_of_this_stage_only(full, silent):
    more = added(full, silent, "api") - ASKED
    made = {(a, r) for a, r in more if a.startswith("sagemaker:")}
    kinds = ("endpoint", "endpoint-config", "inference-component", "model")

    assert made == {
        (f"sagemaker:{call}", f"arn:<AWS::Partition>:sagemaker:{HERE}:{kind}/dataforge-prod-*")
        for call in training_rights.ENDPOINTS
        for kind in kinds
    }
    assert {a.partition(":")[2] for a, _ in more if a.startswith("bedrock:")} == set(training_rights.IMPORTS)
    assert {a.partition(":")[2] for a, _ in more if a.startswith("application-autoscaling:")} == set(
        training_rights.SCALING
    )
    assert {a for a, _ in more if a.partition(":")[0] not in ("sagemaker", "bedrock", "application-autoscaling")} == {
        "cloudwatch:DeleteAlarms",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:PutMetricAlarm",
        "iam:CreateServiceLinkedRole",
        "iam:PassRole",
        "kms:CreateGrant",
    }
    assert {r for a, r in more if a == "cloudwatch:PutMetricAlarm"} == {
        f"arn:<AWS::Partition>:cloudwatch:{HERE}:alarm:TargetTracking-inference-component/dataforge-prod-*"
    }


def test_models_are_imported_and_removed_by_their_tags_and_only_copies_are_scaled(full):
    [made] = statements_of(full, "api", "bedrock:CreateModelImportJob")
    [removed] = statements_of(full, "api", "bedrock:DeleteImportedModel")
    [scaled] = statements_of(full, "api", "application-autoscaling:RegisterScalableTarget")
    passed = {
        full.text(s["Resource"]).strip("<>")[:-12]: s["Condition"]["StringEquals"]["iam:PassedToService"]
        for s in statements_of(full, "api", "iam:PassRole")
    }

    assert made["Condition"] == {"StringEquals": {f"aws:RequestTag/{name}": tag for name, tag in TAGS.items()}}
    assert removed["Condition"] == {"StringEquals": {f"aws:ResourceTag/{name}": tag for name, tag in TAGS.items()}}
    assert scaled["Condition"]["StringEquals"] == {
        "application-autoscaling:service-namespace": "sagemaker",
        "application-autoscaling:scalable-dimension": "sagemaker:inference-component:DesiredCopyCount",
    }
    assert passed == {"TrainingServeRole": "sagemaker.amazonaws.com", "TrainingImportRole": "bedrock.amazonaws.com"}


def test_every_function_reaches_trained_models_as_its_catalog_entry_says(full):
    for name, facts in catalog.FUNCTIONS.items():
        called = {action for action, _ in full.rights_of_role(f"Functions{camel(name)}Role")}

        assert (
            "sagemaker:UpdateInferenceComponentRuntimeConfig" in called,
            "sagemaker:CreateInferenceComponent" in called,
        ) == (facts.inference != "none", facts.inference == "manage"), name


def test_whoever_asks_teachers_asks_trained_ones_too():
    asking = {name for name, facts in catalog.FUNCTIONS.items() if facts.models}

    assert {name for name, facts in catalog.FUNCTIONS.items() if facts.inference == "invoke"} == asking


def test_cdk_nag_finds_nothing_but_wildcards_where_models_answer(full):
    assert {rule for rule in nag_findings(full.folder) if "IAM5" not in rule} == set()


def test_what_a_role_may_do_fits_into_its_policy(full):
    """IAM takes 10,240 characters of inline policies for a role, white space not counted."""
    longer = {"<AWS::Region>": "ap-southeast-2", "<AWS::AccountId>": "1" * 12, "<AWS::Partition>": "aws-us-gov"}
    for policy in full.properties("AWS::IAM::Policy"):
        statements = [
            {**s, "Resource": [full.text(r) for r in listed(s["Resource"])]}
            for s in policy["PolicyDocument"]["Statement"]
        ]
        text = json.dumps(statements, separators=(",", ":"))
        for short, name in longer.items():
            text = text.replace(short, name)
        assert len(text) < 10_240, policy["PolicyName"]


def test_images_are_scanned_few_and_go_with_their_repository(full):
    [(name, repository)] = full.of_type("AWS::ECR::Repository").items()
    rules = json.loads(repository["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    kept = {tuple(r["selection"].get("tagPrefixList", ())): r["selection"]["countNumber"] for r in rules}

    assert name.startswith("ImagesRepository")
    assert repository["Properties"]["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert repository["Properties"]["EmptyOnDelete"] is True
    assert repository["DeletionPolicy"] == "Delete"
    # The tags without a source, which jobs run, match no prefix: the newest image has both.
    assert kept == {("huggingface-",): 2, ("unsloth-",): 2, (): 1}


def test_the_builder_may_read_its_sources_and_write_to_one_repository_only(full):
    [project] = full.properties("AWS::CodeBuild::Project")
    [(repository, _)] = full.of_type("AWS::ECR::Repository").items()
    [role] = [r for n, r in full.of_type("AWS::IAM::Role").items() if n.startswith("ImagesRole")]
    [trust] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    rights = full.rights_of_role("ImagesRole")
    place = full.text(project["Source"]["Location"])
    bucket, _, key = place.partition("/")

    assert {r for a, r in rights if a.startswith("s3:GetObject")} == {f"arn:<AWS::Partition>:s3:::{bucket}/{key}"}
    assert {r for a, r in rights if a.startswith("ecr:") and a != "ecr:GetAuthorizationToken"} == {
        f"<{repository}.Arn>"
    }
    assert {a.partition(":")[0] for a, _ in rights} == {"s3", "ecr", "logs"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert full.text(trust["Condition"]["ArnLike"]["aws:SourceArn"]) == (
        f"arn:<AWS::Partition>:codebuild:<AWS::Region>:<AWS::AccountId>:project/{project['Name']}"
    )


def test_the_builder_has_what_docker_needs_no_network_of_ours_and_a_limit(full):
    [project] = full.properties("AWS::CodeBuild::Project")
    environment = project["Environment"]
    given = {v["Name"]: full.text(v["Value"]) for v in environment["EnvironmentVariables"]}

    assert environment["PrivilegedMode"] is True  # `docker build` does not work without; see the suppression of CB3
    assert environment["Type"] == "LINUX_CONTAINER"
    assert "VpcConfig" not in project
    assert project["TimeoutInMinutes"] == 120
    assert project["LogsConfig"]["CloudWatchLogs"]["Status"] == "ENABLED"
    assert given == {
        "IMAGE": "huggingface",
        "SOURCE": full.service["Outputs"]["ImageSource"]["Value"],
        "REPOSITORY": full.text(full.service["Outputs"]["ImageRepository"]["Value"]),
    }
    assert {v["Type"] for v in environment["EnvironmentVariables"]} == {"PLAINTEXT"}


def test_the_sources_are_the_folder_of_images_without_what_python_leaves_behind(full):
    [project] = full.properties("AWS::CodeBuild::Project")
    key = full.text(project["Source"]["Location"]).rpartition("/")[2]
    packed = full.folder / f"asset.{key.removesuffix('.zip')}"
    there = {path.relative_to(packed).as_posix() for path in packed.rglob("*") if path.is_file()}
    folder = images.SOURCE
    wanted = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}

    assert there == {name for name in wanted if "__pycache__" not in name}
    assert "dataforge_training/train.py" in there
    assert full.service["Outputs"]["ImageSource"]["Value"] == key[:12]


@pytest.mark.parametrize("name", images.NAMES)
def test_every_image_can_be_built_from_what_is_uploaded(name):
    """Its context is the whole folder, and its base comes from a registry that does not count anonymous pulls."""
    lines = (images.SOURCE / name / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]
    copied = [word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1] if word[:2] != "--"]

    assert bases
    assert all(base.startswith("public.ecr.aws/") for base in bases)
    assert "dataforge_training" in copied
    assert all((images.SOURCE / path).exists() for path in copied)


DOCKER = """#!/bin/bash
echo "docker $*" >> "$SAID"
[ "$1" = login ] && cat >> "$SAID"
[ "$1" = "$FAILS" ] && exit 1
exit 0
"""


@pytest.mark.parametrize(("image", "fails"), [("huggingface", ""), ("unsloth", ""), ("huggingface", "build")])
def test_the_commands_build_and_push_the_image_and_stop_at_the_first_that_fails(image, fails, tmp_path: Path):
    """The buildspec as CodeBuild runs it: a phase ends at the first command that fails."""
    said = tmp_path / "said"
    for name, text in (("docker", DOCKER), ("aws", "#!/bin/bash\necho token of $*\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    repository = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/dataforge-dev-training"
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "SAID": str(said),
        "FAILS": fails,
        "IMAGE": image,
        "SOURCE": "0a1b2c3d4e5f",
        "REPOSITORY": repository,
    }

    for phase in ("pre_build", "build"):
        for command in images.BUILD["phases"][phase]["commands"]:
            if subprocess.run(["bash", "-c", command], env=environment, check=False).returncode:
                break

    lines = said.read_text().splitlines()
    assert lines[:2] == [
        "docker login --username AWS --password-stdin 111122223333.dkr.ecr.eu-west-1.amazonaws.com",
        "token of ecr get-login-password",
    ]
    assert lines[2] == f"docker build --progress plain --file {image}/Dockerfile --tag {repository}:{image} ."
    pushed = [line for line in lines if line.startswith("docker push")]
    # The tag that jobs run is moved last.
    whole = [f"docker push {repository}:{image}-0a1b2c3d4e5f", f"docker push {repository}:{image}"]
    assert pushed == ([] if fails else whole)
