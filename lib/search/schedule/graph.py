"""The graph that Optimization Planning searches: states (clip setting x learning rate) and the edges between them.

Paper   Qiu, Yao, Ngo, Mei, Optimization Planning for 3D ConvNets, ICML 2021 (PMLR 139:8726-8736)

A graph is data: {"states": [None, [setting, factor], ...], "edges": [[start, end], ...]}. Node 0 is the initial model;
node i trains clip setting `setting` (an index into the settings, shortest clip first) at `factor` times the setting's
base rate. Edges stand in the order in which they are trained; the highest node is the goal.
"""

from itertools import pairwise

# The options of a stage, by their published names. A clip setting has all but `epochs`; a schedule has lists of all.
# A clip is num_segments x clip_length frames, num_steps video frames apart. A step sums iter_size batches.
SETTING_OPTIONS = ("num_segments", "clip_length", "num_steps", "batch_size", "iter_size", "frozen_bn")
STAGE_OPTIONS = (*SETTING_OPTIONS, "base_learning_rate", "epochs")


def grid_graph(settings=3, factors=(1, 0.1, 0.01), *, extended=False):
    """A graph with every setting at every rate. An edge goes to a longer clip or to a lower rate.

    settings  number of clip settings; training starts at the first factor of the first or of the second one
    factors   of the base learning rate, falling; nodes are numbered setting by setting, factor by factor
    extended  adds edges that lower the rate and go back to the next shorter clip at once
    The defaults give the paper's base graph with 9 states and 14 edges; the extended one has 18 edges.
    """
    rates = len(factors)
    edges = []
    for diagonal in range(settings + rates - 1):  # longest clip first on each: a topological order
        for setting in reversed(range(settings)):
            rate = diagonal - setting
            if not 0 <= rate < rates:
                continue
            node = 1 + setting * rates + rate
            starts = [
                (0, rate == 0 and setting < 2),
                (node - rates, setting > 0),  # a longer clip
                (node - 1, rate > 0),  # a lower rate
                (node + rates - 1, extended and rate > 0 and setting + 1 < settings),
            ]
            edges += [[start, node] for start, there in sorted(starts) if there]
    return {"states": [None] + [[s, factor] for s in range(settings) for factor in factors], "edges": edges}


def check_graph(graph, settings):
    """Raise a ValueError that names the state, edge or setting that the planner cannot use, and why."""
    wanted = {*SETTING_OPTIONS, "base_learning_rate"}
    for i, setting in enumerate(settings):
        if wrong := sorted(wanted ^ set(setting)):
            raise ValueError(f"setting {i}: {', '.join(wrong)} missing or unknown; it must hold {sorted(wanted)}")
    states, edges = graph["states"], graph["edges"]
    if len(states) < 2 or not edges:
        raise ValueError("the graph has no state to train; states[0] stands for the initial model")
    for node, state in enumerate(states[1:], 1):
        if not (state and len(state) == 2 and state[0] in range(len(settings)) and state[1] > 0):
            raise ValueError(f"state {node} is {state}; it must be [setting 0..{len(settings) - 1}, factor > 0]")
    seen, left = set(), {0}
    for start, end in edges:
        name = f"edge {start}->{end}"
        if end not in range(1, len(states)) or start not in range(len(states)):
            raise ValueError(f"{name}: the states are 1..{len(states) - 1}, and 0 is the initial model")
        if (start, end) in seen or start == end:
            raise ValueError(f"{name} is there twice, or a loop")
        if start and start not in {e for _, e in seen}:
            raise ValueError(f"{name} stands before any edge into {start}: list the edges in the order of training")
        if end in left:
            raise ValueError(f"{name} comes after an edge that leaves {end}: list all edges into {end} first")
        seen.add((start, end))
        left.add(start)
    if unreached := sorted(set(range(1, len(states))) - {end for _, end in seen}):
        raise ValueError(f"no edge leads to state {unreached[0]}")


def learning_rate(graph, settings, node):
    """The constant rate of a node: the base rate of its setting times its factor."""
    setting, factor = graph["states"][node]
    return settings[setting]["base_learning_rate"] * factor


def unroll(graph, settings, path):
    """A path [[node, epochs], ...] from node 0 on as the eight lists of STAGE_OPTIONS. 0 epochs make no stage."""
    edges = {tuple(edge) for edge in graph["edges"]}
    for start, end in pairwise([0, *(node for node, _ in path)]):
        if (start, end) not in edges:
            raise ValueError(f"the path {path} takes {start}->{end}, which is no edge of the graph")
    stages = [(node, epochs) for node, epochs in path if epochs]
    chosen = [settings[graph["states"][node][0]] for node, _ in stages]
    return {
        **{option: [setting[option] for setting in chosen] for option in SETTING_OPTIONS},
        "base_learning_rate": [learning_rate(graph, settings, node) for node, _ in stages],
        "epochs": [epochs for _, epochs in stages],
    }
