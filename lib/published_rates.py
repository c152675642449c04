"""Learning rates of the published recipes, exactly as the five systems' own code sets them, at any epoch and iteration.

Epochs and iterations count from 0, except where said. `iterations` is per epoch.
"""

import math


def csn_steps(epoch, base_rate=1.25e-4, milestones=(32, 48)):
    """CSN fine-tuned, mmaction2 0.x, after its warm-up: a tenth at each milestone. 1.25e-4 is for batches of 24."""
    return base_rate * 0.1 ** sum(epoch >= milestone for milestone in milestones)


def csn_cosine(epoch, base_rate=0.08, epochs=180):
    """CSN from scratch, mmaction2 0.x, after its warm-up: half a cosine, by epoch. 0.08 is for batches of 32."""
    return 0.5 * base_rate * (1 + math.cos(math.pi * epoch / epochs))


def csn_0x(epoch, iteration, iterations, *, after=csn_steps, warmup_epochs=16, **options):
    """CSN, mmaction2 0.x: `after` times a factor that rises from 0.1 to 1 in the warm-up; from scratch, 40 epochs."""
    share = min(1, (epoch * iterations + iteration) / (warmup_epochs * iterations))
    return after(epoch, **options) * (1 - (1 - share) * 0.9)


def csn_1x(epoch, base_rate=5e-4, milestones=(32, 48)):
    """CSN, mmaction2 1.x: linear from a tenth at epoch 0 to 1 at epoch 15, then a tenth at each milestone."""
    return csn_steps(epoch, base_rate, milestones=milestones) * min(1, 0.1 + 0.9 * epoch / 15)


# parameter groups of CAKES and TSM: multiples of the learning rate and of the weight decay
CAKES_GROUPS = {
    "first_conv_weight": (1, 1),
    "first_conv_bias": (2, 0),
    "normal_weight": (1, 1),
    "normal_bias": (2, 0),
    "BN scale/shift": (1, 0),
}


def cakes(group, epoch, iteration, iterations, *, base_rate=0.04, weight_decay=3e-4, milestones=(50, 60)):
    """CAKES: 5 epochs of linear warm-up from 0.01, then a tenth at each milestone.  -> (rate, weight decay)

    The published code applies the multiples of the groups only from epoch 6 on.
    """
    rate = csn_steps(epoch, base_rate, milestones=milestones)
    if epoch < 5:
        rate = 0.01 + (base_rate - 0.01) * (epoch * iterations + iteration + 1) / (5 * iterations + 1e-8)
    rate_multiple, decay_multiple = CAKES_GROUPS[group] if epoch > 5 else (1, 1)
    return rate * rate_multiple, weight_decay * decay_multiple


def efficient3dcnns(epoch, base_rate=0.1, milestones=(40, 55, 65, 70, 200, 250)):
    """Efficient-3DCNNs: a tenth at each milestone; its epochs count from 1."""
    return csn_steps(epoch, base_rate, milestones=milestones)
