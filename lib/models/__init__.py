"""The nets. Importing this package fills the registry."""

from lib.models import (  # noqa: F401
    c3d,
    cakes,
    csn,
    dg_p3d,
    efficientnet_zoo,
    gst,
    lgd_p3d,
    mobilenet,
    mobilenetv2,
    p3d_zoo,
    resnet2d,
    resnet3d,
    rubiksnet,
    s3d,
    shufflenet,
    shufflenetv2,
    squeezenet,
    tsm,
    vit_zoo,
    volume,
    x3d,
)
from lib.models.fast import use_backend
from lib.models.registry import (
    create_model,
    in_format,
    list_models,
    memory_format,
    model_options,
    register,
    system_of,
    unwrapped,
)
from lib.models.video_net import VideoNet

__all__ = [
    "VideoNet",
    "create_model",
    "in_format",
    "list_models",
    "memory_format",
    "model_options",
    "register",
    "system_of",
    "unwrapped",
    "use_backend",
]
