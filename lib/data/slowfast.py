"""Which frames SlowFast's code shows X3D: spread over a clip of seconds, its first and last frame included."""

import numpy as np
import torch

TARGET_FPS = 30


def slowfast(frames_in_video, frames, rng=None, *, frame_stride, clips=10, fps=30):
    """SlowFast's dense clips, of a fully decoded video.  -> int64 (clips, frames)

    A clip spans frames * frame_stride / 30 seconds; a video that is too short repeats its last frame. Training: one
    clip, anywhere. Testing: starts evenly spaced, the last clip ends before the video does.
    fps  of the video. A protocol knows no video's rate and takes 30: at 25 the original's clips are a sixth shorter
    Source: Feichtenhofer, X3D, CVPR 2020, arXiv:2004.04730; SlowFast's datasets/decoder.py
    """
    span = frame_stride * frames / TARGET_FPS * fps
    room = max(frames_in_video - span, 0)
    starts = [room * clip / clips for clip in range(clips)] if rng is None else [float(rng.uniform(0, room))]
    spread = torch.stack([torch.linspace(start, start + span - 1, frames) for start in starts])  # float32, as there
    return np.asarray(spread.clamp(0, frames_in_video - 1).long())
