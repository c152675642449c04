"""Learning-rate schedules as closed forms of the step, so that a resumed run needs no scheduler state."""

import math


def cosine(progress, **_):
    """From 1 to 0 along half a cosine (Loshchilov and Hutter, SGDR, ICLR 2017, eq. 5, one cycle)."""
    return 0.5 * (1 + math.cos(math.pi * progress))


def steps(progress, *, milestones=(), decay=0.1):
    """1, times `decay` at every milestone; milestones are fractions of the training, such as 0.6."""
    return decay ** sum(progress >= milestone for milestone in milestones)


def constant(progress, **_):
    return 1.0


SCHEDULES = {"cosine": cosine, "steps": steps, "constant": constant}


def learning_rate_factor(step, total_steps, schedule="cosine", *, warmup_steps=0, **options):
    """What the base learning rate is multiplied by at `step`, 0-based, of `total_steps`.

    The first `warmup_steps` rise linearly to 1 (Goyal et al., arXiv:1706.02677, sec. 2.2), the schedule has the rest.
    """
    if schedule not in SCHEDULES:
        raise ValueError(f"no schedule {schedule!r}; there are {', '.join(SCHEDULES)}")
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    return SCHEDULES[schedule]((step - warmup_steps) / max(1, total_steps - warmup_steps), **options)
