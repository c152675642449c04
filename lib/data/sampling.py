"""Which frames of a video a clip shows: segment sampling, dense sampling as its special case.

Wang et al., Temporal Segment Networks, ECCV 2016, arXiv:1608.00859, sec. 3.1: a video is cut into K equal segments
and each gives one frame. Here each gives `run` frames, `frame_stride` apart, so K = 1 is the dense clip of I3D.
"""

import numpy as np


def sample_frames(frames_in_video, segments, rng=None, *, run=1, frame_stride=1, view=0, views=1):
    """Frame numbers of one clip, 0-based.  -> int64 (segments * run,)

    The starts at which a run of frames fits into the video are cut into `segments` equal parts. Training (`rng`, a
    numpy Generator) draws one start uniformly from each part, testing (None) takes each part's centre; of several
    `views` each takes the centre of its own piece of every part. A video that is too short repeats its frames: with
    run = 1 neighbouring segments share a frame, a longer run starts anew.
    """
    for name, value in (("frames_in_video", frames_in_video), ("segments", segments), ("run", run)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value}")
    if frame_stride < 1:
        raise ValueError(f"frame_stride must be at least 1, not {frame_stride}")
    starts = max(1, frames_in_video - (run - 1) * frame_stride)
    part = np.arange(segments)
    if rng is None:
        first = (2 * (views * part + view) + 1) * starts // (2 * views * segments)
    else:
        first = np.minimum((part + rng.random(segments)) * starts / segments, starts - 1).astype(np.int64)
    return (first[:, None] + frame_stride * np.arange(run)).ravel() % frames_in_video
