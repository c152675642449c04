"""A suite's tables for its claims: nets with three seeds, one with one, and a search with an even and a random deal."""

from helpers.suite_runs import write_runs, write_search

from bench.report.csv_files import write
from bench.report.searches import searches
from bench.report.trainings import differences, trade_off, trainings
from lib.files import read_json, write_json

NETS = [
    ("mobilenetv2_3d_nano", {0: 90, 1: 92, 2: 91}),
    ("mobilenetv2_3d_nano", {0: 60, 1: 63, 2: 61}, {"options": {"width": 0.5}}),
    ("csn_r3d_nano", {0: 80, 1: 60, 2: 70}),
    ("ircsn_nano", {0: 70, 1: 80, 2: 60}),
    ("rubiksnet_nano", {0: 60, 1: 61, 2: 60}),
    ("rubiksnet_nano", {0: 88, 1: 89, 2: 89}, {"options": {"shift": "fixed"}}),
    ("rubiksnet_nano", {0: 12}, {"options": {"shift": "none"}}),
]
LOSS = {"csn_r3d_nano": 0.2, "ircsn_nano": 0.5}


def write_tables(folder):
    """Tables in results/mine, of the runs in `runs` and `dealt`.  -> their folder"""
    runs = write_runs(folder / "runs", NETS, {"ircsn_nano": 0.03, "csn_r3d_nano": 0.05}, videos=100)
    for job in read_json(runs / "jobs.json")["jobs"]:
        if job["options"].get("model") in LOSS:
            file = runs / job["id"] / "done.json"
            loss = LOSS[job["options"]["model"]] + 0.01 * job["options"]["seed"] ** 2
            write_json(file, {**read_json(file), "history": [{"seconds": 1.0, "train_loss": loss}]})
    found = {"priority": "cost"}
    rows = {seed: {"searched": (80 + seed, found), "uniform": (60 + seed, found), "random 1": (81 - seed, found)}
            for seed in range(3)}  # fmt: skip
    named = {("11_search_sub_kernels", seed): row for seed, row in rows.items()}
    dealt = write_search(folder / "dealt", named, model="cakes_deep_nano")
    for name, make, source in (("trade_off", trade_off, runs), ("runs", trainings, runs),
                               ("differences", differences, runs), ("searches", searches, dealt)):  # fmt: skip
        write(make(source), folder / "results" / "mine", name)
    return folder / "results" / "mine"
