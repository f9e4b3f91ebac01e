"""One catalogue maps every public name to what can run here; deployments and organisations have the last word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataforge import platform, settings, teachers
from dataforge.errors import Invalid
from dataforge.store import model_settings, organisations
from dataforge.teachers import catalogue
from dataforge.teachers.prices import Price
from tests.support.embedded_platform import embedded_platform

KEYS = (
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "OPENAI_BASE_URL",
    "DATAFORGE_MODELS",
    "AWS_BEARER_TOKEN_BEDROCK",
    "DATAFORGE_TEACHERS",
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A machine that has no key of any provider."""
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    settings.get.cache_clear()
    with embedded_platform(tmp_path):
        yield monkeypatch
    settings.get.cache_clear()


def give(env: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        env.setenv(name, value)
    settings.get.cache_clear()


def listed(org_id: str | None = None) -> dict[str, str]:
    return {e.id: e.provider for e in teachers.available(org_id)}


# checklist 48
def test_only_what_can_run_here_is_listed(here: pytest.MonkeyPatch) -> None:
    assert listed() == {"extractive": "built-in"}

    give(here, ANTHROPIC_API_KEY="key")
    assert listed()["claude-sonnet-4-6"] == "anthropic"
    assert "gpt-4o" not in listed()

    give(here, OPENAI_API_KEY="key", AWS_ACCESS_KEY_ID="key", AWS_REGION="eu-west-1")
    sample = {"gpt-4o": "openai", "llama-3.1-70b": "bedrock", "claude-3-5-sonnet": "anthropic"}
    assert sample.items() <= listed().items()


# checklist 25
@pytest.mark.parametrize(
    ("name", "sets", "needs"),
    [
        ("gpt-4o", {}, "OPENAI_API_KEY"),
        ("openai:o9", {}, "OPENAI_API_KEY"),
        ("claude-sonnet-4-6", {}, "ANTHROPIC_API_KEY"),
        ("anthropic:claude-x", {}, "ANTHROPIC_API_KEY"),
        ("bedrock:amazon.nova-lite-v1:0", {}, "AWS_PROFILE"),
        ("nova-lite", {"AWS_PROFILE": "p"}, "AWS_REGION"),
        ("sagemaker:ours", {}, "AWS_PROFILE"),
        ("fast", {}, "OPENAI_API_KEY"),
    ],
)
def test_what_is_not_set_up_says_what_to_set(
    here: pytest.MonkeyPatch, name: str, sets: dict[str, str], needs: str
) -> None:
    give(here, **sets)

    with pytest.raises(Invalid, match=needs) as refused:
        teachers.resolve(name)

    assert refused.value.code == "TEACHER_NOT_CONFIGURED"
    assert refused.value.errors[0].field == "model_id"


@pytest.mark.parametrize("name", ["", "gpt-9", "openai:", "azure:gpt", "bedrock:"])
def test_an_unknown_name_is_refused_with_the_known_ones(here: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(Invalid, match=r"Available here: extractive.*bedrock:<model>"):
        teachers.resolve(name)


# checklist 60, 66
@pytest.mark.parametrize(
    ("name", "with_openai", "on_aws"),
    [
        ("fast", "openai:gpt-4o-mini", "bedrock:eu.amazon.nova-lite-v1:0"),
        ("economy", "openai:gpt-4o-mini", "bedrock:eu.amazon.nova-lite-v1:0"),
        ("balanced", "openai:gpt-4.1-mini", "bedrock:eu.amazon.nova-pro-v1:0"),
        ("standard", "openai:gpt-4.1-mini", "bedrock:eu.amazon.nova-pro-v1:0"),
        ("diverse", "openai:gpt-5.4-mini", "bedrock:global.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("premium", "bedrock:global.anthropic.claude-sonnet-4-6", "bedrock:global.anthropic.claude-sonnet-4-6"),
    ],
)
def test_a_tier_is_the_first_of_its_models_that_can_run(
    here: pytest.MonkeyPatch, name: str, with_openai: str, on_aws: str
) -> None:
    give(here, AWS_PROFILE="p", AWS_REGION="eu-central-1")
    assert teachers.resolve(name).backend == on_aws

    give(here, OPENAI_API_KEY="key")
    assert teachers.resolve(name).backend == with_openai


def test_a_backend_named_directly_has_the_price_of_its_model_whatever_its_inference_profile(
    here: pytest.MonkeyPatch,
) -> None:
    give(here, AWS_PROFILE="p", AWS_REGION="us-east-1", ANTHROPIC_API_KEY="key")
    names = ["bedrock:amazon.nova-lite-v1:0", "bedrock:us.amazon.nova-lite-v1:0", "anthropic:claude-sonnet-4-6"]

    found = [teachers.resolve(n) for n in names]

    assert [m.price.input for m in found if m.price] == [0.06, 0.06, 3.0]
    assert [m.backend for m in found] == names
    assert teachers.resolve("bedrock:some.new-model").price is None


@pytest.mark.parametrize(("profile", "price"), [("global.", 3.0), ("eu.", 3.3), ("", 3.3)])
def test_a_region_s_own_profile_may_cost_more(here: pytest.MonkeyPatch, profile: str, price: float) -> None:
    give(here, AWS_ACCESS_KEY_ID="key", AWS_REGION="eu-west-1")

    found = teachers.resolve(f"bedrock:{profile}anthropic.claude-sonnet-4-6").price

    assert found is not None
    assert (found.input, found.output, found.batched.output) == pytest.approx((price, 5 * price, 2.5 * price))


def test_a_server_of_ones_own_lists_nothing_by_itself_and_its_models_have_no_price(here: pytest.MonkeyPatch) -> None:
    give(here, OPENAI_BASE_URL="http://127.0.0.1:8000/v1/")

    assert teachers.resolve("openai:our-own").price is None
    assert listed() == {"extractive": "built-in"}


@pytest.mark.parametrize(
    ("name", "public"),
    [
        ("openai:gpt-4o-mini", "gpt-4o-mini"),
        ("openai:openai/gpt-4o-mini", "gpt-4o-mini"),
        ("openai:gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("openai:anthropic/claude-haiku-4-5", "claude-haiku-4-5"),
        ("openai:openrouter/anthropic/claude-haiku-4-5-20251001", "claude-haiku-4-5"),
    ],
)
def test_a_public_model_behind_a_gateway_keeps_its_price(here: pytest.MonkeyPatch, name: str, public: str) -> None:
    give(here, OPENAI_BASE_URL="https://gateway.corp/v1", ANTHROPIC_API_KEY="k")

    model = teachers.resolve(name)

    assert model.price is not None
    assert model.price == teachers.resolve(public).price
    assert (model.id, model.backend) == (name, name)


def test_a_model_without_a_known_price_takes_that_of_the_settings(here: pytest.MonkeyPatch) -> None:
    give(here, OPENAI_BASE_URL="http://127.0.0.1:8000/v1", DATAFORGE_PRICE_IN="0.5", DATAFORGE_PRICE_OUT="1.5")

    assert teachers.resolve("openai:our-own").price == Price(0.5, 1.5)
    assert teachers.resolve("openai:gpt-4o-mini").price == Price(0.15, 0.6, cached=0.075, batch=0.5)
    assert teachers.resolve("ollama:small").price is None


@pytest.mark.parametrize("price", ["", "cheap", "-1", "inf"])
def test_half_a_price_or_none_in_the_settings_is_refused(here: pytest.MonkeyPatch, price: str) -> None:
    give(here, OPENAI_BASE_URL="http://127.0.0.1:8000/v1", DATAFORGE_PRICE_IN="0.5", DATAFORGE_PRICE_OUT=price)

    with pytest.raises(Invalid, match="DATAFORGE_PRICE_OUT must both be"):
        teachers.resolve("openai:our-own")


def test_a_deployment_adds_models_prices_limits_and_addresses(here: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answer = {
        "models": [
            {
                "id": "qwen",
                "backends": ["openai:Qwen3-32B"],
                "base_url": "http://gpu:8000/v1",
                "key": "GPU_KEY",
                "price": {"input": 0, "output": 0},
                "requests_per_minute": 600,
            },
            {"id": "gpt-4o", "price": {"input": 2.0, "output": 8.0}},
        ],
        "aliases": {"fast": ["qwen"]},
    }
    (tmp_path / "models.json").write_text(json.dumps(answer))

    for value in (json.dumps(answer), str(tmp_path / "models.json")):
        give(here, OPENAI_API_KEY="key", DATAFORGE_MODELS=value)

        fast, gpt = teachers.resolve("fast"), teachers.resolve("gpt-4o")
        assert (fast.backend, fast.base_url) == ("openai:Qwen3-32B", "http://gpu:8000/v1")
        assert fast.requests_per_minute == 600
        assert gpt.price is not None
        assert (gpt.price.input, gpt.context) == (2.0, 128_000)
        assert {"qwen", "gpt-4o"} <= set(listed())


def test_an_organisation_chooses_for_itself_alone_and_cannot_send_keys_elsewhere(here: pytest.MonkeyPatch) -> None:
    give(here, OPENAI_API_KEY="key")
    mine, _ = organisations.create("mine")
    other, _ = organisations.create("other")
    sly = {"id": "house", "backends": ["openai:ft:house"], "base_url": "http://evil", "key": "OPENAI_API_KEY"}
    model_settings.put(mine, catalogue.checked({"models": [sly], "aliases": {"fast": ["house"]}}, "models"))

    house = teachers.resolve("fast", org_id=mine)

    assert (house.backend, house.base_url, house.key) == ("openai:ft:house", None, None)
    assert "house" in listed(mine)
    assert teachers.resolve("fast", org_id=other).backend == "openai:gpt-4o-mini"
    assert "house" not in listed(other)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("/no/such/file", "neither JSON nor the path"),
        ("{", "neither JSON"),
        ('{"models": 7}', "must look like"),
        ('{"models": [{"name": "x"}]}', "needs an id"),
        ('{"models": [{"id": "x"}]}', "needs backends"),
        ('{"models": [{"id": "gpt-4o", "price": {"input": 1}}]}', "input and output"),
        ('{"models": [{"id": "gpt-4o", "price": {"input": -1, "output": 1}}]}', "input and output"),
        ('{"models": [{"id": "gpt-4o", "context": true}]}', "context of gpt-4o"),
        ('{"models": [{"id": "gpt-4o", "form": "xml"}]}', "form of gpt-4o"),
        ('{"aliases": {"a": "gpt-4o"}}', "alias a"),
    ],
)
def test_a_wrong_catalogue_says_what_is_wrong(here: pytest.MonkeyPatch, answer: str, says: str) -> None:
    give(here, DATAFORGE_MODELS=answer)

    with pytest.raises(Invalid, match=says):
        teachers.available()


def test_aliases_in_a_circle_end(here: pytest.MonkeyPatch) -> None:
    give(here, DATAFORGE_MODELS='{"aliases": {"a": ["b"], "b": ["a"]}}')

    with pytest.raises(Invalid, match="names no teacher"):
        teachers.resolve("a")


def test_the_shipped_catalogue_is_sound_and_survives_a_table(here: pytest.MonkeyPatch) -> None:
    book = catalogue.load()

    models = book.list(lambda _: True)
    assert catalogue.checked(json.loads(Path(catalogue.__file__).with_name("models.json").read_text()), "shipped")
    assert {i for targets in book.aliases.values() for i in targets} <= set(book.models) | set(book.aliases)
    assert all(m.price and m.price.input <= m.price.output and m.context and m.max_output for m in models)
    for model in models:
        platform.current().tables.put("orgs", {"org_id": "o", "item": "x", "teacher": catalogue.to_item(model)})
        kept = platform.current().tables.get("orgs", {"org_id": "o", "item": "x"})
        assert kept is not None
        assert catalogue.from_item(kept["teacher"]) == model  # type: ignore[arg-type]
