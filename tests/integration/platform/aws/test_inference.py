"""The Inference port on AWS: what is made when a model is asked for, in which order, and what is left afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from dataforge import settings
from dataforge.errors import Conflict, ModelLoading, NotConfigured
from dataforge.platform.aws.inference import AwsInference, importable
from dataforge.platform.aws.model_endpoint import ModelEndpoint
from dataforge.platform.aws.model_imports import ModelImports
from dataforge.platform.aws.s3 import S3Files
from dataforge.platform.ports import ModelAddress, ServedModel
from tests.support.model_account import ModelAccount, Refused
from tests.support.storage_backends import BUCKET, REGION, aws, client_of

MODEL = ServedModel(
    key="m-01abc-3",
    base_model="meta-llama/Llama-3.2-1B",
    files_prefix="data-forge/training/org_01abc/models/3",
    size_bytes=2_500_000_000,
)
NAME = "t-m-01abc-3"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelAccount]:
    for name, value in {
        "DATAFORGE_TABLE_PREFIX": "t-",
        "DATAFORGE_STAGE": "dev",
        "DATAFORGE_SERVING_ROLE": "arn:aws:iam::123456789012:role/serve",
        "DATAFORGE_IMPORT_ROLE": "arn:aws:iam::123456789012:role/import",
        "DATAFORGE_TRAINING_IMAGE": "123456789012.dkr.ecr.us-east-1.amazonaws.com/t-training:1",
    }.items():
        monkeypatch.setenv(name, value)
    settings.get.cache_clear()
    yield ModelAccount()
    settings.get.cache_clear()


@pytest.fixture
def inference(account: ModelAccount) -> Iterator[AwsInference]:
    with aws():
        client_of("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        files = S3Files(BUCKET)
        config = {"architectures": ["LlamaForCausalLM"]}
        files.write(f"{MODEL.files_prefix}/merged/config.json", json.dumps(config).encode())
        yield AwsInference(
            BUCKET,
            files,
            endpoint=ModelEndpoint(
                BUCKET, sagemaker=account.client("sagemaker"), scaling=account.client("application-autoscaling")
            ),
            imports=ModelImports(BUCKET, bedrock=account.client("bedrock")),
        )


def patiently(inference: AwsInference, account: ModelAccount, most: int = 6) -> tuple[ModelAddress, int]:
    """The address, and how often the answer was that the model is being loaded."""
    pauses: list[float] = []
    for tries in range(most):
        try:
            inference.set_up(MODEL)
            address = inference.prepare(MODEL)
        except ModelLoading as loading:
            pauses.append(loading.retry_after)
            account.pass_time()
        else:
            assert all(pause >= 30 for pause in pauses)
            return address, tries
    raise AssertionError("it is never ready")


def forget(inference: AwsInference) -> None:
    """As another instance of a function begins."""
    inference._endpoint._ready.clear()
    inference._endpoint._set_up.clear()


def import_by_bedrock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFORGE_SERVING", "import")
    settings.get.cache_clear()


def test_an_endpoint_and_a_component_are_made_at_the_first_question(account, inference):
    address, tries = patiently(inference, account)

    assert (address.service, address.endpoint, address.component) == ("sagemaker", "t-models", NAME)
    assert tries == 3
    [config] = account.called("CreateEndpointConfig")
    [variant] = config["ProductionVariants"]
    assert variant["ManagedInstanceScaling"] == {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 1}
    assert config["EnableNetworkIsolation"] is True
    [model] = account.called("CreateModel")
    assert model["PrimaryContainer"]["ModelDataSource"]["S3DataSource"] == {
        "S3Uri": f"s3://{BUCKET}/{MODEL.files_prefix}/",
        "S3DataType": "S3Prefix",
        "CompressionType": "None",
    }
    [component] = account.called("CreateInferenceComponent")
    needs = component["Specification"]["ComputeResourceRequirements"]
    assert needs == {"MinMemoryRequiredInMb": 3576, "NumberOfAcceleratorDevicesRequired": 1}


def test_no_copy_runs_before_something_would_take_it_away(account, inference):
    patiently(inference, account)

    order = [name for name, _ in account.calls]
    [component] = account.called("CreateInferenceComponent")
    assert component["RuntimeConfig"] == {"CopyCount": 0}
    assert order.index("PutScalingPolicy") < order.index("UpdateInferenceComponentRuntimeConfig")
    [target] = account.called("RegisterScalableTarget")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 1)


MAKES = {"Create", "Delete", "Put", "Register", "Deregister"}


@pytest.mark.parametrize("serving", ["endpoint", "import"])
def test_who_may_only_ask_makes_nothing_and_says_how_it_is_set_up(serving, monkeypatch, account, inference):
    monkeypatch.setenv("DATAFORGE_SERVING", serving)
    settings.get.cache_clear()

    with pytest.raises(Conflict, match="/api/playground/generate"):
        inference.prepare(MODEL)

    assert account.calls
    assert not [name for name, _ in account.calls if name.startswith(tuple(MAKES))]


def test_setting_a_model_up_starts_no_copy_which_costs(account, inference):
    for _ in range(3):
        try:
            inference.set_up(MODEL)
        except ModelLoading:
            account.pass_time()

    assert account.running() == 0
    assert account.called("PutScalingPolicy")


def test_without_the_right_to_scale_nothing_ever_runs(account, inference):
    account.refuse["RegisterScalableTarget"] = Refused("AccessDeniedException", "not allowed")

    with pytest.raises(Exception, match="not allowed"):
        patiently(inference, account)

    assert account.running() == 0


def test_a_model_that_nobody_asks_has_no_copy_and_is_woken_by_the_next_question(account, inference):
    patiently(inference, account)
    account.scale_in()
    assert account.running() == 0
    forget(inference)

    _, tries = patiently(inference, account)

    assert tries == 1
    assert account.running() == 1


def test_a_model_in_use_is_looked_at_now_and_then_only(account, inference):
    patiently(inference, account)
    before = len(account.calls)

    for _ in range(50):
        inference.prepare(MODEL)

    assert len(account.calls) == before


def test_deleting_a_model_removes_its_component_policy_and_import_but_not_the_endpoint(account, inference):
    patiently(inference, account)

    inference.remove(MODEL)
    inference.remove(MODEL)

    assert (account.components, account.models, account.targets, account.policies) == ({}, {}, {}, {})
    assert list(account.endpoints) == ["t-models"]


def test_a_second_model_uses_the_same_endpoint(account, inference):
    patiently(inference, account)
    other = ServedModel(key="m-01abc-4", base_model="x", files_prefix="data-forge/training/org_01abc/models/4")

    for _ in range(4):
        try:
            inference.set_up(other)
            found = inference.prepare(other)
        except ModelLoading:
            account.pass_time()

    assert found.endpoint == "t-models"
    assert len(account.called("CreateEndpoint")) == 1


def test_a_component_that_failed_says_why_and_is_made_anew(account, inference):
    patiently(inference, account)
    account.components[NAME] |= {"status": "Failed", "reason": "the container exited with code 1"}
    forget(inference)

    with pytest.raises(Conflict, match="exited with code 1"):
        inference.prepare(MODEL)  # a run, which may not remove it
    with pytest.raises(Conflict, match="exited with code 1"):
        inference.set_up(MODEL)

    assert patiently(inference, account)[0].component == NAME


def test_a_quota_that_is_too_low_is_said_with_the_way_out(account, inference):
    account.refuse["CreateEndpoint"] = Refused(
        "ResourceLimitExceeded", "ml.g6.xlarge for endpoint usage is 0 Instances"
    )

    with pytest.raises(Conflict, match="Service Quotas"):
        inference.set_up(MODEL)


def test_on_cpu_instances_a_component_needs_cores_instead_of_a_gpu(monkeypatch, account, inference):
    monkeypatch.setenv("DATAFORGE_SERVING_INSTANCE", "ml.m7i.xlarge")
    settings.get.cache_clear()
    patiently(inference, account)

    [component] = account.called("CreateInferenceComponent")

    assert component["Specification"]["ComputeResourceRequirements"]["NumberOfCpuCoresRequired"] == 1


def test_the_network_and_the_key_of_the_deployment_are_used(monkeypatch, account, inference):
    monkeypatch.setenv("DATAFORGE_TRAINING_SUBNETS", "subnet-1, subnet-2")
    monkeypatch.setenv("DATAFORGE_TRAINING_SECURITY_GROUPS", "sg-1")
    monkeypatch.setenv("DATAFORGE_TRAINING_KMS_KEY", "arn:aws:kms:us-east-1:123456789012:key/k")
    settings.get.cache_clear()
    patiently(inference, account)

    [config] = account.called("CreateEndpointConfig")

    assert config["VpcConfig"] == {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    assert config["KmsKeyId"].endswith("key/k")


def test_bedrock_imports_the_merged_weights_of_an_architecture_that_it_knows(monkeypatch, account, inference):
    import_by_bedrock(monkeypatch)

    address, tries = patiently(inference, account)

    assert address.service == "bedrock"
    assert address.model_arn.startswith("arn:aws:bedrock:us-east-1:")
    assert tries == 1
    [job] = account.called("CreateModelImportJob")
    assert job["modelDataSource"]["s3DataSource"]["s3Uri"] == f"s3://{BUCKET}/{MODEL.files_prefix}/merged/"
    assert job["importedModelTags"] == [
        {"key": "application", "value": "dataforge"},
        {"key": "stage", "value": "dev"},
    ]
    assert account.endpoints == {}


def test_an_imported_model_is_deleted_with_the_model(monkeypatch, account, inference):
    import_by_bedrock(monkeypatch)
    patiently(inference, account)

    inference.remove(MODEL)

    assert account.imported == {}


def test_an_architecture_that_bedrock_does_not_import_answers_from_the_endpoint(monkeypatch, account, inference):
    import_by_bedrock(monkeypatch)
    key = f"{MODEL.files_prefix}/merged/config.json"
    inference._files.write(key, json.dumps({"architectures": ["FalconForCausalLM"]}).encode())

    assert patiently(inference, account)[0].service == "sagemaker"


def test_an_import_that_failed_says_why_and_names_the_other_way(monkeypatch, account, inference):
    import_by_bedrock(monkeypatch)
    with pytest.raises(ModelLoading):
        inference.set_up(MODEL)
    account.imports[NAME] |= {"status": "Failed", "reason": "the tokenizer is missing"}

    with pytest.raises(Conflict, match=r"tokenizer is missing.*DATAFORGE_SERVING=endpoint"):
        inference.set_up(MODEL)


def test_the_table_of_architectures_has_those_that_are_asked_for_most():
    assert {"LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"} <= importable()


def test_without_an_image_or_with_a_misspelt_setting_the_answer_says_what_to_do(monkeypatch, account, inference):
    monkeypatch.setenv("DATAFORGE_TRAINING_IMAGE", "")
    settings.get.cache_clear()
    with pytest.raises(NotConfigured, match="dataforge deploy --training"):
        inference.prepare(MODEL)
    with pytest.raises(NotConfigured, match="dataforge deploy --training"):
        inference.set_up(MODEL)

    monkeypatch.setenv("DATAFORGE_SERVING", "lambda")
    settings.get.cache_clear()
    assert "endpoint or import" in str(inference.missing())


def test_the_base_model_is_compared_on_one_machine(account, inference):
    with pytest.raises(NotConfigured, match="one machine"):
        inference.prepare(MODEL, base=True)
