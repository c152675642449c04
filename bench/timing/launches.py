"""What launching work on a GPU costs the CPU, and how a CUDA graph avoids it."""

import torch
from torch import nn

from bench.timing.stopwatch import timed
from kernels import _cuda, shift3d
from lib.models import in_format

LAUNCHES = 200  # one after the other, for one figure


@torch.no_grad()
def launch_costs(device):
    """Microseconds of the CPU's time per call, for work that takes the GPU next to none: the median of 20 rounds."""
    x, shift = torch.zeros(1, 8, 2, 4, 4, device=device), torch.zeros(3, 8, device=device)
    empty, graph = _cuda.kernel(_empty_kernel), torch.cuda.CUDAGraph()
    shift3d(x, shift)
    with torch.cuda.graph(graph):
        shift3d(x, shift)
    calls = {
        "torch add": lambda: x.add(1),
        "empty Numba kernel": lambda: _cuda.launch(empty, 1, x.device),
        "shift3d": lambda: shift3d(x, shift),
        "shift3d, recorded in a CUDA graph": graph.replay,
    }
    return {name: _median_us(call) for name, call in calls.items()}


def _empty_kernel():
    def nothing():
        pass

    return nothing


def _median_us(call):
    call()
    rounds = []
    for _ in range(20):
        ms, _ = timed(lambda: [call() for _ in range(LAUNCHES)], "cuda")
        rounds.append(1e3 * ms / LAUNCHES)
    return round(sorted(rounds)[len(rounds) // 2], 2)


class GraphedNet(nn.Module):
    """A net whose forward pass is recorded once per shape, and then launched as a whole. No gradients."""

    def __init__(self, net):
        super().__init__()
        self.net, self.recorded = net, {}

    def forward(self, clips):
        if clips.shape not in self.recorded:
            self.recorded[clips.shape] = self._record(clips)
        graph, seen, logits = self.recorded[clips.shape]
        seen.copy_(clips)
        graph.replay()
        return logits

    def _record(self, clips):
        seen, side = in_format(self.net, clips).clone(), torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # kernels are compiled, buffers found, before anything is recorded
            for _ in range(3):
                self.net(seen)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            logits = self.net(seen)
        return graph, seen, logits
