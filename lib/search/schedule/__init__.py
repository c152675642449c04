"""The training schedule as a path through a graph of clip settings and learning rates (Optimization Planning)."""

from lib.search.schedule.edge_trainer import EdgeTrainer, planner_metric
from lib.search.schedule.graph import grid_graph
from lib.search.schedule.planner import Planner, find_schedule
from lib.search.schedule.schedules import clip_settings, load_schedule, published_schedules, stages
from lib.search.schedule.staged import build_stage, fit_schedule, stage_clips
from lib.search.schedule.stopping import NotConverged
from lib.search.schedule.table_trainer import TableTrainer

__all__ = [
    "EdgeTrainer",
    "NotConverged",
    "Planner",
    "TableTrainer",
    "build_stage",
    "clip_settings",
    "find_schedule",
    "fit_schedule",
    "grid_graph",
    "load_schedule",
    "planner_metric",
    "published_schedules",
    "stage_clips",
    "stages",
]
