"""The checks of one record, by name. A new check is a function in a module here and a line in its table."""

from __future__ import annotations

from collections.abc import Iterable

from dataforge.quality.checks import (
    entities,
    focus,
    form,
    gates,
    gibberish,
    invented,
    labels,
    leaks,
    logic,
    numbers,
    passages,
    questions,
    references,
    refusals,
    roles,
    spoken,
)
from dataforge.quality.checks.check import Check
from dataforge.quality.checks.record import CheckedRecord

FORM: dict[str, Check] = {
    **form.CHECKS,
    **leaks.CHECKS,
    **refusals.CHECKS,
    **gibberish.CHECKS,
    **questions.CHECKS,
    **references.CHECKS,
    **spoken.CHECKS,
    **passages.CHECKS,
}
"""Whether a record is well made, whatever it says."""
CHECKS: dict[str, Check] = {
    **FORM,
    **gates.CHECKS,
    **focus.CHECKS,
    **invented.CHECKS,
    **entities.CHECKS,
    **logic.CHECKS,
    **numbers.CHECKS,
    **roles.CHECKS,
    **labels.CHECKS,
}
"""In the order in which findings are shown. The names are public: `config.checks`, flags, reasons, reports."""


def failing(record: CheckedRecord, among: Iterable[str] = FORM) -> list[str]:
    """The names of the checks that speak against the record, in their order."""
    return [name for name in among if CHECKS[name].look(record) is not None]
