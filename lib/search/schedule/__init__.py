"""The training schedule as a path through a graph of clip settings and learning rates (Optimization Planning)."""

from lib.search.schedule.edge_trainer import EdgeTrainer, planner_metric
from lib.search.schedule.graph import grid_graph
from lib.search.schedule.planner import NotConverged, Planner, plan
from lib.search.schedule.staged import build_stage, fit_strategy, stage_clips
from lib.search.schedule.strategies import clip_settings, load_strategy, published_strategies, stages
from lib.search.schedule.table_trainer import TableTrainer, plan_case

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
