"""The nets. Importing this package fills the registry."""

from lib.models import csn, mobilenetv2, p3d  # noqa: F401
from lib.models.registry import create_model, list_models, memory_format, model_options, register

__all__ = ["create_model", "list_models", "memory_format", "model_options", "register"]
