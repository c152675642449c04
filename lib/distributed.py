"""Several processes that train one net together: who they are, what each does, what they tell each other.

`torchrun` starts them: on a CPU they talk by gloo, on GPUs, one process each, by nccl. Without a process group there is
one process, and everything here does nothing. What is called a batch is always that of all processes.

    with joined("cuda") as device:                   # what torchrun started becomes a group
        fit(run_dir, net, train, val, device=device) # all processes call it, with the same arguments

Whatever fails in one process ends all of them: `together` names the one that is lost.
"""

import os
import pickle
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import cache, wraps
from itertools import zip_longest

import torch
from torch import distributed as dist

from lib.checkpoints import checksum
from lib.files import locked
from lib.orphans import end_with_parent

HERE, NOTHING = "here", object()
ANSWERS_WITHIN_S = 20  # how long the others wait for a process that may be lost


def processes():
    """How many processes there are."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def place():
    """Which of them this one is, from 0 on."""
    return dist.get_rank() if processes() > 1 else 0


@contextmanager
def joined(device="cpu"):
    """Join the processes that torchrun started beside this one, for a block.  -> the device of this process

    device  "cpu", or "cuda": every process takes the GPU of its number on its machine
    Elsewhere than under torchrun, or in a group already, `device` is given back as it is.
    Whoever is killed beside it, this process goes on with nothing alone: with torchrun gone, it ends.
    ValueError: more processes on this machine than it has GPUs, or a numbered GPU
    """
    if "WORLD_SIZE" not in os.environ or dist.is_initialized():
        yield device
        return
    if "TORCHELASTIC_RUN_ID" in os.environ:  # torchrun's own; whoever sets the variables may leave
        end_with_parent()
    gpu = torch.device(device).type == "cuda"
    if gpu:
        local, most = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if torch.device(device).index is not None or local >= most:
            raise ValueError(f"device={device!r}: under torchrun it is cuda, one process for each of {most} GPUs here")
        torch.cuda.set_device(device := f"cuda:{local}")
    dist.init_process_group("cpu:gloo,cuda:nccl" if gpu else "gloo")
    yield device
    dist.destroy_process_group()  # not after an error: nccl would wait for those that are lost


@cache
def shares(count, parts, mixed=False):
    """Which of `count` clips each process gets: a list of rising numbers per process, as even as can be.

    mixed  a clip and the one that it is mixed with, count - 1 - i, go together: the reversed share is the partners'
    """
    units = [[i, count - 1 - i] for i in range((count + 1) // 2)] if mixed else [[i] for i in range(count)]
    cuts = [len(units) * part // parts for part in range(parts + 1)]
    return [sorted({i for unit in units[a:b] for i in unit}) for a, b in zip(cuts, cuts[1:], strict=False)]


@contextmanager
def together(run_dir):
    """A block in which the processes train in a folder, of which the first alone is the writer and holds the lock.

    Lost, in all processes but the lost one: it names that, and why it ended
    """
    with ExitStack() as stack:
        try:
            if place() == 0:
                stack.enter_context(locked(run_dir))
            yield
        except BaseException as error:
            if processes() > 1 and not isinstance(error, Lost):
                _tell(f"{type(error).__name__}: {error}")
            raise


class Lost(ConnectionError):
    """Another process does not answer any more."""


def first(function, *arguments):
    """What `function(*arguments)` gives in the first process, which alone calls it; its error is raised in all."""
    if processes() == 1:
        return function(*arguments)
    value, error = None, None
    if place() == 0:
        try:
            value = function(*arguments)
        except Exception as raised:
            error = raised
    told = [(value, error and _plain(error))]
    _talk(dist.broadcast_object_list, told)
    if place():
        value, error = told[0]
    if error:
        raise error
    return value


def by_first(method):
    """Decorator of a method that writes: the first process alone calls it."""

    @wraps(method)
    def called(self):
        if place() == 0:
            method(self)

    return called


def only_one(what):
    """ValueError: there are several processes, and `what` cannot be done by them."""
    if processes() > 1:
        raise ValueError(f"{what} is done by one process, without torchrun; there are {processes()}")


def same_tensors(tensors):
    """Give all processes the numbers of the first one's tensors, in place."""
    for tensor in tensors if processes() > 1 else ():
        _talk(dist.broadcast, tensor.detach(), 0)


def level(net, when):
    """All processes get the first one's running statistics. ValueError: their weights are not the same"""
    if processes() > 1:
        same_tensors(net.buffers())
        agree(f"the weights after {when}", checksum(net.state_dict()))


def _plain(error):
    """An error that can be sent: itself, or one of its words."""
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")


def gathered(value):
    """The values that all processes have, in their order."""
    if processes() == 1:
        return [value]
    found = [None] * processes()
    _talk(dist.all_gather_object, found, value)
    return found


def agree(what, value):
    """ValueError: the processes have different values; of mappings, it names what differs."""
    first, *others = gathered(value)
    for number, other in enumerate(others, 1):
        if other != first:
            pairs = {"it": (first, other)}
            if isinstance(first, dict):
                pairs = {key: (first[key], other.get(key)) for key in first if first[key] != other.get(key)}
            rows = "; ".join(f"{key} is {a!r} in process 0, {b!r} in process {number}" for key, (a, b) in pairs.items())
            raise ValueError(f"the processes differ in {what}: {rows}")


def in_turn(own):
    """One list of the lists that all processes have, in which they take turns: what `every_other` took apart."""
    turns = zip_longest(*gathered(own), fillvalue=NOTHING)
    return [item for turn in turns for item in turn if item is not NOTHING]


def every_other(items):
    """Every `processes()`-th of the items: this process's."""
    return items[place() :: processes()]


def add_up(tensor):
    """The sum of a tensor over all processes, in place.  -> the tensor"""
    if processes() > 1:
        _talk(dist.all_reduce, tensor)
    return tensor


def stacked(tensor):
    """A tensor of all processes: (processes, *its shape)."""
    parts = [torch.empty_like(tensor) for _ in range(processes())]
    _talk(dist.all_gather, parts, tensor) if processes() > 1 else parts[0].copy_(tensor)
    return torch.stack(parts)


def add_up_gradients(parameters):
    """Give every parameter the sum of its gradients over all processes; one that none of them has stays without."""
    if processes() == 1 or not (parameters := [p for p in parameters if p.requires_grad]):
        return
    has = torch.tensor([p.grad is not None for p in parameters], dtype=torch.float32, device=parameters[0].device)
    has = add_up(has).tolist()
    for p, count in zip(parameters, has, strict=True):
        p.grad = torch.zeros_like(p) if p.grad is None and count else p.grad
    grads = [p.grad for p in parameters if p.grad is not None]
    for dtype in {grad.dtype for grad in grads}:
        alike = [grad for grad in grads if grad.dtype == dtype]
        flat = add_up(torch.cat([grad.reshape(-1) for grad in alike]))
        for grad, summed in zip(alike, flat.split([grad.numel() for grad in alike]), strict=True):
            grad.copy_(summed.view_as(grad))


def _talk(function, *arguments):
    try:
        return function(*arguments)
    except (RuntimeError, ValueError) as error:  # gloo's and nccl's
        raise _lost(error) from error


def _lost(error):
    """Who does not answer any more, and what they said last: a roll call over the store that the group began with."""
    store, told = dist.distributed_c10d._get_default_store(), {}
    _tell(HERE)
    for number in range(processes()):
        try:
            store.wait([key := f"efficient3d/{number}"], timedelta(seconds=ANSWERS_WITHIN_S))
            told[number] = store.get(key).decode()
        except RuntimeError:  # it has not answered, or the store went with the process that keeps it
            told[number] = "it was killed, hangs, or its machine is gone"
    lost = [f"process {number} of {processes()} is lost: {why}" for number, why in told.items() if why != HERE]
    lost = lost or [f"the processes cannot talk to each other: {str(error).splitlines()[0]}"]
    return Lost(f"{'; '.join(lost)}; the same command goes on from the last checkpoint")


def _tell(words):
    """Leave this process's last words where the others find them; the first ones count."""
    try:
        dist.distributed_c10d._get_default_store().compare_set(f"efficient3d/{place()}", "", words)
    except RuntimeError:
        pass
