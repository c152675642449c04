import json
from pathlib import Path

import pytest

from lib import published_rates as rates

GOLDEN = Path(__file__).parents[1] / "golden"


def golden(name):
    return json.loads((GOLDEN / f"{name}.golden.json").read_text())


def test_csn():
    protocol = golden("csn/protocol")
    fine_tuned, from_scratch = protocol["lr_0x"]
    cosine = {"after": rates.csn_cosine, "warmup_epochs": 40, "epochs": from_scratch["epochs"]}
    recipes = [(fine_tuned, {}), (from_scratch, cosine)]
    for recipe, options in recipes:
        for epoch, iteration, rate in recipe["epoch_iter_lr"]:
            found = rates.csn_0x(epoch, iteration, recipe["iters_per_epoch"], base_rate=recipe["base_lr"], **options)
            assert found == pytest.approx(rate, rel=1e-5), (epoch, iteration)
    for epoch, rate in protocol["lr_1x"]["epoch_lr"]:
        assert rates.csn_1x(epoch) == pytest.approx(rate, rel=1e-5), epoch


def test_cakes():
    (schedule,) = golden("cakes/data_schedule")["schedule"]
    assert set(schedule["groups_size"]) == set(rates.CAKES_GROUPS)
    for row in schedule["rows"]:
        for group, expected in row["groups"].items():
            found = rates.cakes(group, row["epoch"], row["iter"], schedule["iters_per_epoch"])
            assert found == pytest.approx(tuple(expected), rel=1e-6), (row["epoch"], group)


def test_efficient3dcnns():
    (schedule,) = golden("efficient3dcnns/pipeline")["lr_schedule"]
    for epoch, rate in schedule["lr"].items():
        assert rates.efficient3dcnns(int(epoch)) == pytest.approx(rate)
