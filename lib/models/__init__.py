"""The nets. Importing this package fills the registry."""

from lib.models import (  # noqa: F401
    c3d,
    cakes,
    csn,
    dg_p3d,
    gst,
    lgd_p3d,
    mobilenet,
    mobilenetv2,
    p3d,
    resnet3d,
    rubiksnet,
    s3d,
    shufflenet,
    shufflenetv2,
    squeezenet,
    tsm,
    volume,
)
from lib.models.registry import create_model, list_models, memory_format, model_options, register

__all__ = ["create_model", "list_models", "memory_format", "model_options", "register"]
