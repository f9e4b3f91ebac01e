"""The checks of one record, by name. A new check is a function in a module here and a line in its table."""

from __future__ import annotations

from dataforge.quality.checks import entities, focus, form, gates, invented, labels, logic, numbers, roles
from dataforge.quality.checks.check import Check

CHECKS: dict[str, Check] = {
    **form.CHECKS,
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
