"""What a net costs."""


def measure_cost(model, clip=(3, 16, 112, 112), fvcore=False):
    raise ValueError("not counted yet")
