"""From a suite's run folder to its finished runs: the records that every table is made of."""

from pathlib import Path

from bench.report.names import label_set, unique_names
from lib.evaluate.records import checked_test
from lib.files import read_json
from lib.run import done


def finished(runs, rule):
    """[(job of jobs.json, its done.json)] of one rule: only ids that the suite names, only finished runs.

    ValueError: a record whose numbers its own predictions refute
    """
    found = []
    for job in read_json(Path(runs) / "jobs.json")["jobs"]:
        folder = Path(runs) / job["id"]
        if job["rule"] == rule and (record := done(folder)):
            found.append((job, checked_record(record, folder / "done.json")))
    return found


def checked_record(record, where):
    """`record` of done.json, read from `where`, with every test in it counted anew."""
    if "test" in record:
        return {**record, "test": checked_test(record["test"], where)}
    if "variants" in record:
        kept = record["variants"]
        if not isinstance(kept, dict) or not all(isinstance(one, dict) and "test" in one for one in kept.values()):
            raise ValueError(f"{where}: variants must map a name to a test's record; delete the file and run again")
        variants = {
            name: {**variant, "test": checked_test(variant["test"], f"{where}, {name}")}
            for name, variant in record["variants"].items()
        }
        return {**record, "variants": variants}
    return record


def nets(runs):
    """{(net's name, label set): {seed: (job, record)}} of all finished trainings, in the suite's order.

    ValueError: a net was trained twice with one seed
    """
    trained, found = finished(runs, "train"), {}
    names = unique_names([job["options"] for job, _ in trained])
    for name, (job, record) in zip(names, trained, strict=True):
        seeds = found.setdefault((name, label_set(job["options"])), {})
        if job["options"]["seed"] in seeds:
            raise ValueError(f"{name} was trained twice with seed {job['options']['seed']}: {job['id']}")
        seeds[job["options"]["seed"]] = (job, record)
    return found


def tests_of(seeds):
    """{seed: test} of one net of `nets`."""
    return {seed: record["test"] for seed, (_, record) in seeds.items()}
