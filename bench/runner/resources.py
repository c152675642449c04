"""What a suite's jobs ask of a cluster, by rule: its section `resources`. Nothing in it changes a number.

resources:
  restarts: 3                                    how often a job that was killed is submitted again
  defaults: {cpus: 2, memory: 8GB, minutes: 240}
  train: {gpus: 1, minutes: 1440, partition: gpu, account: video}

A rule is prepare, search, train, costs or lesson. What it does not say is as in `defaults`, then as here: as many cpus
as the suite has threads, 8 GB, 240 minutes, the cluster's own partition and account, and a GPU where trainings use one.
cpus beyond the threads decode videos; a training by several `processes` asks for as many times the cpus and the GPUs,
on one node. On this machine, without --executor, nothing is asked for.
"""

import re

from lib.bounds import whole

RULES = ("prepare", "search", "train", "costs", "lesson")
TRAINING = ("search", "train", "lesson")  # what computes with the suite's threads
MEMORY = re.compile(r"(\d+(?:\.\d+)?) ?(MB|GB)")
LARGEST = 64 * 10**6  # MB
NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")  # of a partition or an account, or several after commas


def megabytes(text):
    """The MB in "8GB", "0.5 GB" or "500MB". ValueError: it says no amount of memory, or more than a computer has"""
    found = MEMORY.fullmatch(text) if isinstance(text, str) else None
    amount = float(found[1]) * {"MB": 1, "GB": 1000}[found[2]] if found else 0
    if not 1 <= amount <= LARGEST:
        raise ValueError("an amount such as 8GB or 500MB")
    return int(amount)


def _whole(least, most):
    def check(value):
        if not (bounds := whole(least, most)).right(value):
            raise ValueError(bounds.words())
        return value

    return check


def _name(value):
    if not isinstance(value, str) or not all(map(NAME.fullmatch, value.split(","))):
        raise ValueError("a name of the cluster's")
    return value


# key: f(value in the YAML) -> value for the job. ValueError: what is right
REQUEST = {
    "cpus": _whole(1, 1024),
    "memory": megabytes,
    "gpus": _whole(0, 64),
    "minutes": _whole(1, 60 * 24 * 60),
    "partition": _name,
    "account": _name,
}
SHAPE = {"restarts": _whole(0, 100), "defaults": REQUEST, **dict.fromkeys(RULES, REQUEST)}
RESTARTS = 3


def asked(section, rule, suite=None, device=""):
    """What a job of `rule` asks for.  -> {"cpus", "memory" in MB, "gpus", "minutes", "partition", "account"}

    section  a suite's `resources`, whose shape is right
    suite    its `threads` and `processes`; None: one each
    device   of the trainings; "": not known yet
    ValueError: fewer cpus than the suite trains with, or a GPU that is not used, or one that is used and not asked for
    """
    threads, together = (suite.threads, suite.processes) if suite else (1, 1)
    processes = together if rule == "train" else 1
    gpus = processes if device.startswith("cuda") and rule != "prepare" else 0
    usual = {"cpus": threads * processes, "memory": "8GB", "gpus": gpus, "minutes": 240, "partition": "", "account": ""}
    said = {**section.get("defaults", {}), **({"gpus": 0} if rule == "prepare" else {}), **section.get(rule, {})}
    found = {**usual, **{key: REQUEST[key](value) for key, value in said.items()}}
    found["memory"] = megabytes(said.get("memory", usual["memory"]))
    if rule in TRAINING and found["cpus"] < threads * processes:
        by = f"threads: {threads}" + (f" in each of {processes} processes" if processes > 1 else "")
        raise ValueError(f"resources: {rule} has cpus: {found['cpus']}, but the suite trains with {by}")
    if rule == "prepare" and found["gpus"]:
        raise ValueError("resources: prepare has gpus: 1, but preparing videos uses none; leave it out")
    if gpus and found["gpus"] != gpus:
        raise ValueError(
            f"resources: {rule} has gpus: {found['gpus']}, but on --device {device} a job uses {gpus}: say gpus: {gpus}"
        )
    if device and found["gpus"] and not gpus:
        raise ValueError(f"resources: {rule} asks for a GPU, which --device {device} leaves idle: add --device cuda")
    return found
