"""moving_shapes, the embedded dataset; `prepare` writes it, `render` draws one of its videos."""

from data_prep.moving_shapes.dataset import LABEL_SETS, prepare, render, split_counts

__all__ = ["LABEL_SETS", "prepare", "render", "split_counts"]
