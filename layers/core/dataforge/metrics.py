"""What the dashboard of a deployment counts: one line of CloudWatch's embedded metric format for each piece of work.

CloudWatch reads the metrics out of the function's log, so a count costs no request and holds nothing up. What may be
counted stands in `data/metrics.json`, which the dashboard reads as well. On one machine nothing is printed.

| Service                       | Delivered             | Rejected, Failed          | the rest                   |
|---|---|---|---|
| `parse`                       | documents             | Failed: documents         | Seconds                    |
| `generate`, `synthetic`       | pairs or records      | pairs or records          | all                        |
| `export`                      | pairs in the file     |                           | Seconds                    |
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import orjson
from aws_lambda_powertools.metrics import EphemeralMetrics

from dataforge import clock, settings
from dataforge.platform import current


def emit(service: str, values: Mapping[str, float], **facts: str) -> None:
    """Count what one run or export came to. facts: what the line can be searched for (ids), and no dimension.

    Raises KeyError for a metric that is not in the file.
    """
    known = _known()
    units = {name: known["metrics"][name] for name in values}
    if current().name != "aws":
        return
    # One line, one set of metrics. An empty service: Powertools would make it a dimension of its own.
    line = EphemeralMetrics(namespace=known["namespace"], service="")
    line.set_timestamp(clock.milliseconds())
    for name, value in {"Service": service, "Stage": settings.get().stage}.items():
        line.add_dimension(name, value)
    for name, value in facts.items():
        line.add_metadata(name, value)
    for name, unit in units.items():
        line.add_metric(name, unit, values[name])
    # Powertools writes a list for each value; plain numbers are easier to search for.
    print(orjson.dumps({**line.serialize_metric_set(), **values}).decode(), flush=True)


@cache
def _known() -> dict[str, Any]:
    return dict(orjson.loads(resources.files("dataforge").joinpath("data", "metrics.json").read_bytes()))
