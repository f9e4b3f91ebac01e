"""What a deployment costs while nobody works, from its templates, and what the pages say of it."""

from __future__ import annotations

import json

import pytest

from dataforge_infra.cost import __main__ as command
from dataforge_infra.cost.__main__ import resources
from dataforge_infra.cost.idle import idle
from dataforge_infra.cost.prices import beyond_free, dollars, total
from dataforge_infra.cost.report import without_waf
from tests.support.paths import ROOT


def test_an_idle_deployment_stays_below_two_dollars_without_the_web_acl(dev, prod):
    for deployment in (dev, prod):
        month = idle(resources(deployment.folder))

        assert total(without_waf(month)) < 2
        assert total(beyond_free(without_waf(month))) < 0.01


def test_the_web_acl_a_dashboard_a_snapshot_and_an_image_are_what_options_add(prod, full):
    with_all, as_it_is = idle(resources(full.folder)), idle(resources(prod.folder))

    more = {name: usd for name, usd in dollars(with_all).items() if usd != dollars(as_it_is).get(name, 0)}

    assert set(more) == {"dashboards", "snapshot_gb_seconds", "web_acl_rules", "image_gb_months"}
    assert more["dashboards"] == 3
    assert more["web_acl_rules"] == 3  # the two groups of AWS beside our own
    assert more["snapshot_gb_seconds"] == pytest.approx(3.95, abs=0.01)
    assert more["image_gb_months"] == pytest.approx(0.32)  # all that training costs while nobody trains
    assert total(as_it_is) - total(without_waf(as_it_is)) == 6


def test_a_ready_training_image_costs_nothing_here(dev, ready):
    assert idle(resources(ready.folder)) == idle(resources(dev.folder))


@pytest.mark.parametrize("page", ["README.md", "docs/cost.md"])
def test_the_pages_say_what_the_templates_cost(dev, prod, page):
    text = (ROOT / page).read_text()
    idle_dev, idle_prod = idle(resources(dev.folder)), idle(resources(prod.folder))

    assert total(without_waf(idle_dev)) == total(without_waf(idle_prod))
    assert f"| {total(idle_dev):.2f} / {total(idle_prod):.2f} |" in text


def test_a_stage_without_a_web_acl_pays_for_none(dev, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(command, "synthesised", lambda context: asked.append(context) or resources(dev.folder))
    monkeypatch.setattr("sys.argv", ["cost", "--pairs", "5000", "--pages", "40"])

    code = command.main()

    answer = json.loads(capsys.readouterr().out)
    assert (code, asked) == (0, [{"stage": "dev"}])
    assert answer["idle_usd"] == answer["idle_usd_without_waf"] < 2
    assert not any("WAF requests" in line["what"] for line in answer["used"])
    assert sum(line["usd"] for line in answer["used"]) == pytest.approx(answer["used_usd"])
