"""Searches: the training schedule (Optimization Planning)."""

from lib.search.graph import grid_graph
from lib.search.planning import NotConverged, Planner, plan
from lib.search.strategies import clip_settings, load_strategy, published_strategies, stages
from lib.search.table import TableTrainer, plan_case

__all__ = [
    "NotConverged",
    "Planner",
    "TableTrainer",
    "clip_settings",
    "grid_graph",
    "load_strategy",
    "plan",
    "plan_case",
    "published_strategies",
    "stages",
]
