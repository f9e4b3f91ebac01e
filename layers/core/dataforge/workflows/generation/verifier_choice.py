"""Who verifies the records of a run, and which of them: `config.verify` and `config.verifier`."""

from __future__ import annotations

from dataforge import settings
from dataforge.errors import Invalid
from dataforge.platform.ports import Item
from dataforge.quality.rulings import VERIFY, Verify
from dataforge.recipes import verifying
from dataforge.teachers import Model, build, resolve, trained_catalogue
from dataforge.teachers.checkers import checker_of_documents

ROLE = "verifier"


def choose(config: Item, writer: Model, org_id: str) -> tuple[Verify, Model | None]:
    """config: merged and checked. None: nobody is asked. Raises Invalid (field verifier) for a model that cannot run
    here or cannot verify."""
    named = str(config.get("verifier") or "")
    verify = _wanted(config, writer, named)
    if verify == "off":
        return verify, None
    setting = "" if named else settings.get().verifier.strip()
    if not (named or setting):
        return verify, checker_of_documents(writer, org_id=org_id)
    return verify, _named(named or setting, writer, org_id, "verifier" if named else "DATAFORGE_VERIFIER")


def _wanted(config: Item, writer: Model, named: str) -> Verify:
    """By default nobody is asked about what is written offline, which nobody pays for. Nor is a model of the
    organisation's own training asked about itself: it has learnt one kind of answer."""
    chosen = next((known for known in VERIFY if known == config.get("verify")), None)
    if chosen is not None:
        return chosen
    is_trained = writer.provider == trained_catalogue.PROVIDER and not settings.get().verifier.strip()
    return "uncertain" if named or (writer.model and not is_trained) else "off"


def _named(name: str, writer: Model, org_id: str, where: str) -> Model:
    """where: it is named, for messages."""
    try:
        model = resolve(name, org_id=org_id)
        able = build(model).can.kinds
    except Invalid as problem:
        raise Invalid(problem.message.replace("model_id", where, 1), field=ROLE, code=problem.code) from None
    if able is not None and verifying.KIND not in able:
        raise Invalid(f"{where}: {name} cannot verify records: choose a language model", field=ROLE)
    return writer if model.backend == writer.backend else model  # the caller may have named its price


def check_price(config: Item, verifier: Model | None) -> None:
    """Raises Invalid: a cap on what cannot be counted would be no cap."""
    if config.get("max_cost_usd") is not None and verifier is not None and not verifier.is_priced:
        raise Invalid(
            f"max_cost_usd: the price of the verifier {verifier.backend} is not known here; choose another one with "
            'config.verifier (--verifier), set config.verify to "off" (--verify off), or name the price '
            "(DATAFORGE_PRICE_IN, DATAFORGE_PRICE_OUT, DATAFORGE_MODELS)",
            field="max_cost_usd",
            code="PRICE_UNKNOWN",
        )
