"""Published weights as safetensors: our own keys, and in the file's metadata all that is needed to use them again."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from lib.data.protocol import Pixels
from lib.files import replacing
from lib.models import create_model
from lib.models.layout import Preprocessing
from lib.weights.published import Loaded, Report


def save_converted(name, loaded, source, path):
    """Write what `load_published(name, source)` returned to `path`, a .safetensors file.

    Metadata: model, options and preprocessing (JSON), layout, source (its file name), source_sha256.
    """
    from safetensors.torch import save_file

    digest = sha256(source)
    metadata = {
        "format": "pt",
        "model": name,
        "options": json.dumps(loaded.report.options, sort_keys=True),
        "preprocessing": json.dumps(asdict(loaded.preprocessing)),
        "layout": loaded.report.layout,
        "source": Path(source).name,
        "source_sha256": digest,
    }
    tensors = {key: value.contiguous() for key, value in loaded.model.state_dict().items()}
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata)


def load_converted(path, name=None):
    """Read a file that `save_converted` wrote.  -> `Loaded`, whose report has nothing renamed, missing or unused

    name  of the net, ValueError if it is another; None: whichever it is
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}
    except SafetensorError as error:
        raise ValueError(f"{path} is not a safetensors file: {error}") from None
    if "model" not in metadata:
        raise ValueError(f"{path} names no model; `python -m bench checkpoint FILE --out {path}` writes one that does")
    if name not in (None, metadata["model"]):
        raise ValueError(f"{path} holds {metadata['model']}, not {name}")
    options = json.loads(metadata["options"])
    model = create_model(metadata["model"], **options)
    model.load_state_dict(tensors)
    report = Report(metadata["layout"], options, {}, [], [])
    return Loaded(model.eval(), _preprocessing(json.loads(metadata["preprocessing"]), path), report)


def _preprocessing(said, path):
    if "pixels" not in said:
        raise ValueError(
            f"{path} was converted by an older version: run `python -m bench checkpoint` again on its source"
        )
    return Preprocessing(**{**said, "pixels": Pixels(**said["pixels"])})


def sha256(path):
    """The SHA-256 of a file, 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
