"""Which frames of a video a clip shows: segment sampling, with dense sampling as a special case.

Wang et al., Temporal Segment Networks, ECCV 2016, arXiv:1608.00859, sec. 3.1: a video is cut into K equal segments
and each gives one frame. Here each gives `run` frames, `frame_stride` apart, so K = 1 is the dense clip of I3D.
"""

import numpy as np


def sample_frames(frames_in_video, segments, rng=None, *, run=1, frame_stride=1, clips=1):
    """Frame numbers of a video's clips, 0-based.  -> int64 (clips, segments * run)

    The frames at which a run can start are cut into `segments` equal parts. Training (`rng`, a numpy Generator) draws
    one start uniformly from each part. Testing (rng None) takes the centre of each part; for several clips each part
    is cut into as many pieces, and a clip takes the centre of its piece. A video that is too short repeats frames: with
    run = 1 neighbouring segments share a frame, a longer run starts again at frame 0.
    """
    options = {"frames_in_video": frames_in_video, "segments": segments, "run": run, "frame_stride": frame_stride}
    for name, value in (options | {"clips": clips}).items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value}")
    starts = max(1, frames_in_video - (run - 1) * frame_stride)
    if rng is None:
        piece = np.arange(segments) * clips + np.arange(clips)[:, None]
        first = (2 * piece + 1) * starts // (2 * clips * segments)
    else:
        place = np.arange(segments) + rng.random((clips, segments))
        first = np.minimum(place * starts / segments, starts - 1).astype(np.int64)
    return (first[:, :, None] + frame_stride * np.arange(run)).reshape(clips, -1) % frames_in_video
