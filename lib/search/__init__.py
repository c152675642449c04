"""Searches: the training schedule (Optimization Planning)."""

from lib.search.edges import EdgeTrainer, planner_metric
from lib.search.graph import grid_graph
from lib.search.planning import NotConverged, Planner, plan
from lib.search.staged import build_stage, fit_strategy, stage_clips
from lib.search.strategies import clip_settings, load_strategy, published_strategies, stages
from lib.search.table import TableTrainer, plan_case

__all__ = [
    "EdgeTrainer",
    "NotConverged",
    "Planner",
    "TableTrainer",
    "build_stage",
    "clip_settings",
    "fit_strategy",
    "grid_graph",
    "load_strategy",
    "plan",
    "plan_case",
    "planner_metric",
    "published_strategies",
    "stage_clips",
    "stages",
]
