"""What a net says of videos that nobody labelled.

loaded = load_published("ircsn_152", "file.pth")
for answer in classify(loaded, ["a.mp4", "b.mp4"], classes=open("classes.txt").read().split("\n")):
    print(answer.path, answer.status, answer.top)
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from lib.data.manifest import make_manifest
from lib.data.manifest_rows import Video
from lib.data.protocols import weights_protocol
from lib.data.verify import verify_video
from lib.evaluate.metrics import softmax
from lib.evaluate.predictions import predict_videos


class Answer(NamedTuple):
    """Of one video."""

    path: str
    status: str  # ok, or why the video cannot be read
    top: list  # [(class, name, score)], the largest score first; scores of all classes sum to 1


def classify(loaded, paths, classes=None, *, protocol=None, top=5, reader="pyav", **how):
    """Show each video to the net, by the protocol of its weights.  -> iterator of Answer

    loaded    what `load_published` or `load_weights` returned
    classes   names, one per class of the net; None: their numbers
    protocol  a Protocol; None: `weights_protocol` of these weights
    reader    PyAV's is right in every container, decord's is faster in long videos
    how       batch_size, device, as `predict` takes them
    Views are averaged as the protocol says; of raw scores, the softmax of their mean is given. A broken video has a
    status and no answer. ValueError: as many names as the net has classes are needed, and weights that are whole
    """
    loaded.check_whole("say what it sees")
    count = loaded.report.options["num_classes"]
    names = [str(number) for number in range(count)] if classes is None else list(classes)
    if len(names) != count:
        raise ValueError(f"{len(names)} names of classes, but the net has {count}")
    protocol = protocol or weights_protocol(loaded.preprocessing)
    loaded.model.to(how.get("device", "cpu"))
    return (_answer(loaded.model, Path(path), names, protocol, top, reader, how) for path in paths)


def _answer(net, path, names, protocol, top, reader, how):
    try:
        manifest = _alone(path, len(names))
        scores, _ = predict_videos(net, manifest, "test", protocol, reader=reader, **how)
    except torch.cuda.OutOfMemoryError:
        raise
    except (ValueError, OSError) as error:
        return Answer(str(path), " ".join(str(error).split()), [])
    scores = scores[0] if protocol.average == "prob" else softmax(scores[0])
    best = np.argsort(-scores, kind="stable")[:top]
    return Answer(str(path), "ok", [(int(k), names[k], float(scores[k])) for k in best])


def _alone(path, classes):
    """A manifest of one video, whose label nobody knows. It is decoded whole once: a damaged one is refused."""
    with verify_video(path) as video:
        row = Video(path.name, 0, "test", None, None, len(video), video.fps, video.width, video.height)
    names = [str(number) for number in range(classes)]
    return make_manifest(name="unlabelled", classes=names, videos=[row], mirror_pairs=None, root=path.absolute().parent)
