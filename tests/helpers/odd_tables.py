"""Tables of trade-offs as they can come: the limits that a figure has to stand."""

import numpy as np
import pandas as pd

SYSTEMS = ("Efficient-3DCNNs", "CSN", "RubiksNet", "CAKES", "Optimization Planning")


def table_of(costs, names=None, seeds=3, systems=SYSTEMS, tops=None):
    """A table of trade-offs with these GMACs; the other costs are missing but for params_m, which are the same."""
    rng = np.random.default_rng(0)
    rows = []
    for number, cost in enumerate(costs):
        by_seed = [float(np.clip(rng.normal(60, 15), 2, 98))] if tops is None else [tops[number]]
        by_seed = [np.clip(by_seed[0] + rng.normal(0, 3), 0, 100) for _ in range(seeds)]
        top1, sd = float(np.mean(by_seed)), float(np.std(by_seed, ddof=1)) if seeds > 1 else np.nan
        half = {1: np.nan, 2: 9.0 * sd, 3: 2.5 * sd}.get(seeds, sd)
        rows.append(
            {
                "net": names[number] if names else f"net_{number}",
                "system": systems[number % len(systems)],
                "labels": "motion",
                "seeds": seeds,
                "top1": top1,
                "top1_low": max(0.0, top1 - half),
                "top1_high": min(100.0, top1 + half),
                "videos_low": max(0.0, top1 - 6),
                "videos_high": min(100.0, top1 + 6),
                "top1_by_seed": " ".join(f"{top:.2f}" for top in by_seed),
                "chance": 12.5,
                "gmacs": cost,
                "params_m": cost,
                **dict.fromkeys(("mbytes_moved", "latency_ms_p50", "peak_memory_mb"), np.nan),
            }
        )
    return pd.DataFrame(rows)


LONG = "mobilenetv2_3d width=0.25 recipe.label_smoothing=0.1 weights=kinetics_{}_from_a_file"
ODD = {
    "plain": table_of([0.008, 0.013, 0.019, 0.028, 0.05]),
    "two seeds": table_of([0.01, 0.02, 0.05], seeds=2),
    "one seed": table_of([0.01, 0.02, 0.05], seeds=1),
    "one point": table_of([0.05]),
    "equal costs": table_of([0.05] * 4, tops=[20, 40, 60, 80]),
    "equal points": table_of([0.05] * 3, tops=[50, 50, 50]),
    "half a decade": table_of([1.0, 1.5, 2.2, 3.1]),
    "three decades": table_of([0.004, 0.03, 0.3, 3.9]),
    "seven decades": table_of([1e-4, 0.01, 1.0, 30.0, 2000.0]),
    "a cost of 0": table_of([0.0, 0.01, 0.05]),
    "all costs 0": table_of([0.0, 0.0]),
    "a cost missing": table_of([np.nan, 0.01, 0.05]),
    "no cost": table_of([np.nan, np.nan]),
    "dollars": table_of([0.01, 0.02, 0.05], ["$a", "a$b$c", r"\$\frac{1$ ^_{"]),
    "control characters": table_of([0.01, 0.02], ["a\x1b[31m\nb", "\u202ec"]),
    "names of 80 characters": table_of([0.01, 0.02, 0.03], [LONG.format(name) for name in ("a", "b", "c")]),
    "60 rows": table_of(list(np.geomspace(0.001, 3, 60))),
    "200 rows": table_of(list(np.geomspace(0.001, 3, 200))),
    "unknown systems": table_of([0.01, 0.02, 0.03], systems=("own", "X3D", "$y$")),
    "0 and 100 %": table_of([0.01, 0.02], tops=[0, 100]),
}
