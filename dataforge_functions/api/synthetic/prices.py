from __future__ import annotations

from fastapi import APIRouter

from dataforge.recipes.synthetic import pricing
from dataforge_functions.api.routing import Route
from dataforge_functions.api.wire import synthetic_jobs as answers

router = APIRouter(tags=["synthetic"], route_class=Route)


@router.get("/pricing", operation_id="synthetic_pricing")
def prices() -> answers.Pricing:
    """Public. Dollars per 1,000 accepted records, by schema and tier."""
    return answers.Pricing.model_validate(pricing.price_list())
