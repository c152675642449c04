"""Batches on a GPU before they are asked for: the next one travels while the present one is computed with."""

import torch


def ahead(batches, send, receive):
    """The same batches, each `send(batch)` one batch before `receive` of that is yielded."""
    waiting = []
    for batch in batches:
        waiting.append(send(batch))
        if len(waiting) > 1:
            yield receive(waiting.pop(0))
    yield from map(receive, waiting)


class SideStream:
    """Copies to a CUDA device on a stream of their own, from page-locked memory, so that neither side waits."""

    def __init__(self, device):
        self.device, self.stream = device, torch.cuda.Stream(device)

    def send(self, batch):
        """Begin to copy the clips and labels of (clips, labels, items)."""
        with torch.cuda.stream(self.stream):
            *tensors, items = batch
            return *(tensor.pin_memory().to(self.device, non_blocking=True) for tensor in tensors), items

    def receive(self, batch):
        """The same, for the present stream: it goes on when they are there, and they stay until it is done."""
        present = torch.cuda.current_stream(self.device)
        present.wait_stream(self.stream)
        for tensor in batch[:-1]:
            tensor.record_stream(present)
        return batch
