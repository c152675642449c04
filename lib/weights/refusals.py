"""Why a file of weights was not read, in a sentence that names it and says what helps."""

import io
import pickle
import pickletools
import re
import zipfile
from itertools import islice

from lib.weights.foreign import NO_PYTORCH
from lib.weights.outline import LEGACY_MAGIC

KEEP = (
    "keep the ones that you mean, such as "
    "python -c \"import torch; c = torch.load('file.pth', map_location='cpu', weights_only=False); "
    "torch.save({'state_dict': c['state_dict_ema']}, 'weights.pth')\""
)
KEEP_LIST = (
    "keep the ones that you mean, where they were made: of the net itself its state_dict alone; of the average that "
    "too, after `ema.copy_to(net.parameters())`"
)
CONVERT = (
    "keep its weights alone where it was made, and load those: "
    "python -c \"import torch; c = torch.load('epoch_N.pth', map_location='cpu', weights_only=False); "
    "torch.save({'state_dict': c['state_dict']}, 'weights.pth')\""
)
TRUST = "that runs whatever the file says, so only if you trust who made it"
CAFFE2 = (
    "is a Caffe2 pickle, as VMZ published them; to read its NumPy arrays is to run what it says. mmaction2 publishes "
    "the same weights as PyTorch files, vmz_ircsn_*.pth and vmz_ipcsn_*.pth"
)
PROTOCOL, NEWEST = 2, 5  # of pickle: torch.save's own and the only one that PyTorch's safe reader knows; there is
LOOKED_AT = 2**16  # bytes of a pickle


def refusal(path, error):
    """Why a file was not read, by the error of `torch.load`."""
    if _is_caffe2(path):
        return f"{path} {CAFFE2}"
    protocol, saved, outermost = _first_words(path)
    if PROTOCOL < protocol <= NEWEST:
        how = f"PyTorch's safe reader knows {PROTOCOL} alone" if saved else "torch.save did not write it"
        return (
            f"{path} was not loaded: it is a pickle of protocol {protocol}, and {how}: give its state dict "
            "to torch.save, without pickle_protocol, where it was made"
        )
    if not isinstance(error, pickle.UnpicklingError):
        said = f"{error!s:.200}".partition(" (Could this error")[0]
        return f"{path} is not a checkpoint that PyTorch can read: {said}"
    found = re.search(r"GLOBAL (\S+)", str(error))
    if not found:
        return f"{path} was not loaded: it {NO_PYTORCH}{_detail(error) if saved else ''}"
    if found[1].startswith("mmengine"):
        return f"{path} is a training checkpoint of mmengine, which holds its objects ({found[1]}); {CONVERT}"
    what = f"{path} was not loaded: it holds more than data ({found[1]})"
    if outermost == found[1]:
        return f"{what}, such as the whole net: torch.save its net.state_dict() where it was made, and load that"
    return f"{what}; {CONVERT} ({TRUST})"


def _first_words(path):
    """(protocol, whether torch.save wrote it, the class of the whole or "") of the pickle with a file's tensors."""
    try:
        with open(path, "rb") as file:
            begin = io.BytesIO(file.read(LOOKED_AT))
        saved = begin.getvalue().startswith(b"PK")
        if saved:
            with zipfile.ZipFile(path) as archive, archive.open(_listed(archive)) as pickled:
                begin = io.BytesIO(pickled.read(LOOKED_AT))
        elif LEGACY_MAGIC in _words(begin, 4):
            saved = True
            _words(begin), _words(begin)  # protocol version, machine
        else:
            begin.seek(0)
        words = [(code.name, word) for code, word, _ in islice(pickletools.genops(begin), 8)]
    except Exception:  # no pickle
        return 0, False, ""
    protocol = next((word for name, word in words if name == "PROTO"), 0)
    outer = next((pair for pair in words if pair[0] in ("GLOBAL", "EMPTY_DICT", "EMPTY_LIST")), ("", ""))
    return protocol, saved, outer[1].replace(" ", ".") if outer[0] == "GLOBAL" else ""


def _words(file, most=None):
    """What the opcodes of the next pickle hold, at most so many; the file is then behind them."""
    return [word for _, word, _ in islice(pickletools.genops(file), most)]


def _listed(archive):
    return f"{archive.namelist()[0].partition('/')[0]}/data.pkl"


def _detail(error):
    """What PyTorch's reader did not know, out of its long text."""
    found = re.search(r"WeightsUnpickler error: ([^\n]{1,120})", str(error))
    return f" that its safe reader can read: {found[1].strip()}" if found else ""


def _is_caffe2(path):
    """Whether "blobs" is among the first words of a pickle, which is looked at and not run."""
    try:
        with open(path, "rb") as file:
            words = (word for _, word, _ in pickletools.genops(file) if isinstance(word, str | bytes))
            return any(word in ("blobs", b"blobs") for word in islice(words, 16))
    except Exception:  # no pickle
        return False
