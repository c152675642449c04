"""Learning-rate schedules as closed forms of the step: a resumed run needs no state of a scheduler."""

import math


def cosine(progress, **_):
    """From 1 to 0 along half a cosine (Loshchilov and Hutter, SGDR, ICLR 2017, eq. 5, one cycle)."""
    return 0.5 * (1 + math.cos(math.pi * progress))


def steps(progress, *, milestones=(), decay=0.1):
    """From 1, multiplied by `decay` at every milestone; a milestone is a fraction of the training, such as 0.6."""
    return decay ** sum(progress >= milestone for milestone in milestones)


def constant(progress, **_):
    return 1.0


SCHEDULES = {"cosine": cosine, "steps": steps, "constant": constant}


def learning_rate_factor(step, total_steps, schedule="cosine", *, warmup_steps=0, **options):
    """The factor of the base learning rate at `step`, counted from 0, of `total_steps`.

    It rises linearly to 1 in the first `warmup_steps` (Goyal et al., arXiv:1706.02677, sec. 2.2); then the schedule
    starts.
    """
    if schedule not in SCHEDULES:
        raise ValueError(f"no schedule {schedule!r}; there are {', '.join(SCHEDULES)}")
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    return SCHEDULES[schedule]((step - warmup_steps) / max(1, total_steps - warmup_steps), **options)
