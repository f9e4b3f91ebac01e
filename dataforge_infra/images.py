"""The training images: a repository in ECR and a CodeBuild project that builds them there, with the option `training`.

Nobody needs Docker: the project takes `training_images/` from the bucket of archives, where the deployment puts it.
`dataforge images build` starts a build (`dataforge_infra/deploy/images.py`).
"""

from __future__ import annotations

from aws_cdk import CfnOutput, Duration, IgnoreMode, RemovalPolicy, Stack
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from dataforge_infra.arns import arn
from dataforge_infra.code import ROOT
from dataforge_infra.lambdas import log_group
from dataforge_infra.nag_suppressions import suppress_nag
from dataforge_infra.stages import Stage

SOURCE = ROOT / "training_images"
NAMES = ("huggingface", "unsloth")
"""Folders of SOURCE with a Dockerfile, and tags of the newest image of each."""
KEPT = 2
"""Images of each name: the newest and the one before."""
LONGEST = Duration.hours(2)


class Images(Construct):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        if not SOURCE.is_dir():
            raise ValueError(f"-c training=yes builds images from {SOURCE}, which is not there: deploy from a checkout")
        self._stage, self._project_name = stage, f"{stage.prefix}images"
        self._source = assets.Asset(
            self, "Source", path=str(SOURCE), exclude=["__pycache__", "*.pyc"], ignore_mode=IgnoreMode.GIT
        )
        self.repository = self._repository()
        self._log = log_group(self, "Log", f"/dataforge/{stage.name}/images", stage)
        project = self._project()
        for name, value, what in (
            ("ImageProject", project.project_name, "CodeBuild project that builds the training images"),
            ("ImageRepository", self.repository.repository_uri, "Where the training images are"),
            ("ImageSource", self._source_id, "What the newest training images are built from"),
        ):
            CfnOutput(scope, name, value=value, description=what)

    @property
    def _source_id(self) -> str:
        return self._source.asset_hash[:12]

    def image(self, name: str) -> str:
        """URI of the newest one. A build that ends well moves the tag, so that there is always one that can be used."""
        return self.repository.repository_uri_for_tag(name)

    def _repository(self) -> ecr.Repository:
        return ecr.Repository(
            self,
            "Repository",
            repository_name=f"{self._stage.prefix}training",
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.MUTABLE,
            # They can be built again at any time; no customer's data is in them.
            removal_policy=RemovalPolicy.DESTROY,
            empty_on_delete=True,
            lifecycle_rules=[
                *(_newest(name) for name in NAMES),
                ecr.LifecycleRule(
                    description="what has no name", tag_status=ecr.TagStatus.UNTAGGED, max_image_age=Duration.days(1)
                ),
            ],
        )

    def _project(self) -> codebuild.Project:
        role = self._role()
        project = codebuild.Project(
            self,
            "Builder",
            project_name=self._project_name,
            description="Builds the training images of Data Forge",
            # Without the updates, because the construct would grant reading the whole bucket of archives.
            role=role.without_policy_updates(),
            source=codebuild.Source.s3(bucket=self._source.bucket, path=self._source.s3_object_key),
            environment=codebuild.BuildEnvironment(
                build_image=codebuild.LinuxBuildImage.AMAZON_LINUX_2023_5,
                compute_type=codebuild.ComputeType.MEDIUM,
                privileged=True,
            ),
            environment_variables={
                name: codebuild.BuildEnvironmentVariable(value=value)
                for name, value in (
                    ("IMAGE", NAMES[0]),
                    ("SOURCE", self._source_id),
                    ("REPOSITORY", self.repository.repository_uri),
                )
            },
            build_spec=codebuild.BuildSpec.from_object(BUILD),
            logging=codebuild.LoggingOptions(cloud_watch=codebuild.CloudWatchLoggingOptions(log_group=self._log)),
            timeout=LONGEST,
            queued_timeout=LONGEST,
            grant_report_group_permissions=False,
        )
        project.node.add_dependency(role)
        suppress_nag(
            project,
            CB3="docker build needs the privileged mode; the project has no VPC, and its role writes to one repository",
            CB4="there are no artifacts to encrypt: the result is an image in ECR",
        )
        return project

    def _role(self) -> iam.Role:
        role = iam.Role(
            self,
            "Role",
            # Only for builds of this project.
            assumed_by=iam.ServicePrincipal(
                "codebuild.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": Stack.of(self).account},
                    "ArnLike": {"aws:SourceArn": arn(self, "codebuild", "project", self._project_name, slash=True)},
                },
            ),
            description=f"Builds and stores the training images ({self._stage.name})",
        )
        self._log.grant_write(role)
        bucket = self._source.bucket
        for statement in (
            iam.PolicyStatement(
                actions=["s3:GetObject", "s3:GetObjectVersion"],
                resources=[bucket.arn_for_objects(self._source.s3_object_key)],
            ),
            iam.PolicyStatement(actions=["s3:GetBucketAcl", "s3:GetBucketLocation"], resources=[bucket.bucket_arn]),
            iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]),
            iam.PolicyStatement(
                actions=[
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:CompleteLayerUpload",
                    "ecr:GetDownloadUrlForLayer",
                    "ecr:InitiateLayerUpload",
                    "ecr:PutImage",
                    "ecr:UploadLayerPart",
                ],
                resources=[self.repository.repository_arn],
            ),
        ):
            role.add_to_policy(statement)
        return role


def _newest(name: str) -> ecr.LifecycleRule:
    return ecr.LifecycleRule(description=f"the last of {name}", tag_prefix_list=[f"{name}-"], max_image_count=KEPT)


BUILD = {
    "version": "0.2",
    "env": {"shell": "bash", "variables": {"DOCKER_BUILDKIT": "1"}},
    "phases": {
        "pre_build": {
            "commands": [
                'aws ecr get-login-password | docker login --username AWS --password-stdin "$(dirname "$REPOSITORY")"',
            ]
        },
        # Pushed in this phase, which ends at the first command that fails; the next one would run all the same.
        "build": {
            "commands": [
                'docker build --progress plain --file "$IMAGE/Dockerfile" --tag "$REPOSITORY:$IMAGE" .',
                'docker tag "$REPOSITORY:$IMAGE" "$REPOSITORY:$IMAGE-$SOURCE"',
                'docker push "$REPOSITORY:$IMAGE-$SOURCE"',
                'docker push "$REPOSITORY:$IMAGE"',
            ]
        },
    },
}
"""The build: `training_images/` is the context of every Dockerfile in it."""
