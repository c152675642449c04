"""Time the training steps of whole nets against the plain way.

Four clips, forward, backward and update, every version in turn, with 1 and 2 threads; the columns are those of
`bench latency`.
"""

EXAMPLE = "python -m bench training --nets ircsn_50"


def add_arguments(parser):
    from bench.timing import whole_nets

    whole_nets.add_arguments(parser, "training.csv")


def run(**options):
    from bench.timing import whole_nets

    whole_nets.run("training step", "training.csv", **options)
