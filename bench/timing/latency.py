"""Time whole nets plain, fused, in bf16; `training` times steps.

Evaluation of one clip and of eight, every version in turn, with 1 and 2 threads. A row each: `p50` and `p90` in ms,
`cpu_ms` (what counts on a busy machine), `faster` than PyTorch's operators in channels_last_3d, `peak_memory_mb` of one
forward pass at batch 1, weights not included.
"""

EXAMPLE = "python -m bench latency --nets 'mobilenet*'"


def add_arguments(parser):
    from bench.timing import whole_nets

    whole_nets.add_arguments(parser, "latency.csv")


def run(**options):
    from bench.timing import whole_nets

    whole_nets.run("evaluation", "latency.csv", **options)
