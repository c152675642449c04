"""From a suite's run folder to its finished runs: the records that every table is made of."""

import json
from pathlib import Path

from bench.report.names import label_set, unique_names
from bench.runner.listed import NET, listed_jobs
from lib.bounds import number, whole
from lib.evaluate.records import checked_test
from lib.run import checksum, done, signed
from lib.shapes import MAPPING, TEXT, check_form

# of a net, as the costs' record says them
COSTS = ("params_m", "gmacs", "mbytes_moved", "latency_ms_p50", "latency_ms_p90", "clips_per_s", "peak_memory_mb")


PROVENANCE = {"threads": whole(1, 10**5), **dict.fromkeys(("device", "torch", "commit", "date"), TEXT)}
COST = number(0, 1e12)  # of a net, in any unit
EPOCH = {"seconds": number(0, 1e9), "?train_loss": number(-1e9, 1e9), "?val_top1": number(0, 100)}
# rule: what the tables read of its record
FORMS = {
    "train": {"test": MAPPING, "history": [EPOCH], "?precision": TEXT, "provenance": PROVENANCE},
    "search": {"variants": MAPPING, "provenance": PROVENANCE},
    "costs": {"nets": [{**NET, **{f"?{name}": COST for name in COSTS}}], "provenance": PROVENANCE},
}


def finished(runs, rule):
    """[(job of jobs.json, its done.json)] of one rule: only ids that the suite names, only finished runs.

    ValueError: a record of another form, one whose numbers its own predictions refute, or one that two runs share
    """
    found, known = [], {}
    for job in listed_jobs(runs):
        folder = Path(runs) / job["id"]
        if job["rule"] == rule and (record := record_of(runs, job)):
            where = folder / "done.json"
            found.append((job, checked_record(_of_form(record, rule, where), where)))
            own = json.dumps([record.get(key) for key in ("history", "test", "variants", "provenance")])
            if rule != "costs" and (other := known.setdefault(own, job["id"])) != job["id"]:
                raise ValueError(f"{runs}: {other} and {job['id']} hold the same record, to the millisecond: one is a "
                                 "copy; delete it and run again")  # fmt: skip
    return found


def record_of(runs, job):
    """The done.json of a job of jobs.json; None if it has not ended. Of a shipped one, jobs.json has the checksum.

    ValueError: it is damaged, was changed since it was written or shipped, or is another run's
    """
    record = done(folder := Path(runs) / job["id"])
    if "record" in job and (not record or checksum(record) != job["record"]):
        raise ValueError(f"{folder / 'done.json'} is not the record that was shipped, by its checksum in jobs.json; "
                         "`git checkout` brings that back, or ship the suite again")  # fmt: skip
    return record


def unsigned(runs):
    """The ids of finished runs whose records have no checksum, neither their own nor in jobs.json: nothing but the
    answers that they hold shows whether a figure was changed."""
    ended = [(job, record) for job in listed_jobs(runs) if (record := record_of(runs, job))]
    return [job["id"] for job, record in ended if not signed(record) and "record" not in job]


def _of_form(record, rule, where):
    try:
        check_form(record, FORMS[rule], f"{where}: the record")
    except ValueError as error:
        raise ValueError(f"{error}; delete the file and run again") from None
    return record


def checked_record(record, where):
    """`record` of done.json, read from `where`, with every test in it counted anew."""
    if "test" in record:
        return {**record, "test": checked_test(record["test"], where)}
    if "variants" in record:
        try:
            check_form(variants := record["variants"], {}, "variants")
            check_form(variants, dict.fromkeys(variants, {"test": MAPPING}) or {"what was found": MAPPING}, "variants")
        except ValueError as error:
            raise ValueError(f"{where}: {error}; delete the file and run again") from None
        tested = {name: checked_test(kept["test"], f"{where}, {name}") for name, kept in variants.items()}
        return {**record, "variants": {name: {**kept, "test": tested[name]} for name, kept in variants.items()}}
    return record


def enter(seeds, job, record, runs, said):
    """Put a seed's (job, record) into `seeds`. ValueError, which names both runs: there is one already"""
    if first := seeds.get(seed := job["options"]["seed"]):
        raise ValueError(f"{said} twice with seed {seed}: {Path(runs) / first[0]['id']}, {Path(runs) / job['id']}")
    seeds[seed] = (job, record)


def nets(runs):
    """{(net's name, label set): {seed: (job, record)}} of all finished trainings, in the suite's order.

    ValueError: a net was trained twice with one seed, or two of its seeds were tested in different ways
    """
    trained, found = finished(runs, "train"), {}
    names = unique_names([job["options"] for job, _ in trained])
    for name, (job, record) in zip(names, trained, strict=True):
        seeds = found.setdefault((name, label_set(job["options"])), {})
        enter(seeds, job, record, runs, f"{name} was trained")
        _check_tested_alike(*next(iter(seeds.values())), job, record, runs)
    return found


def _check_tested_alike(first, one, other, two, runs):
    """ValueError: the tests of two seeds of a net, records `one` and `two`, differ in their views or their protocol."""
    for key, unknown in (("views", None), ("protocol", "")):  # records of before it was kept have no protocol
        ways = [record["test"].get(key) or unknown for record in (one, two)]
        if ways[0] != ways[1] and unknown not in ways:
            both = f"{Path(runs) / first['id']} has {key} {ways[0]!r}, {Path(runs) / other['id']} {ways[1]!r}"
            raise ValueError(f"{both}: the seeds of a net are tested alike; delete one and run again")


def tests_of(seeds):
    """{seed: test} of one net of `nets`."""
    return {seed: record["test"] for seed, (_, record) in seeds.items()}
