"""Published weights as safetensors: our own keys, and in the file's metadata all that is needed to use them again."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from lib.checkpoints import CHECKSUM, checksum
from lib.files import replacing


def save_converted(name, loaded, source, path):
    """Write what `load_weights(name, source)` returned to `path`, a .safetensors file, which `load_weights` reads.

    Metadata: model, options and preprocessing (JSON), layout, source (its file name), source_sha256, and a checksum of
    the tensors. ValueError: the source lacks weights, which would look like its own
    """
    loaded.check_whole("be converted")
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
    metadata[CHECKSUM] = checksum(tensors)
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata)


def sha256(path):
    """The SHA-256 of a file, 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
