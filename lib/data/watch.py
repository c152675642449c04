"""Decoders at work: several at once, and one that hangs becomes an error that names the file."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

STALLED_AFTER_S = 600


def within(seconds, what, function, *args):
    """function(*args), in a thread of its own. TimeoutError: it has not come back after `seconds`; it names `what`."""
    answer = []

    def call():
        try:
            answer.append((function(*args), None))
        except BaseException as error:
            answer.append((None, error))

    thread = Thread(target=call, daemon=True)  # a thread that hangs must not keep the process alive
    thread.start()
    thread.join(seconds)
    if not answer:
        raise TimeoutError(f"{what}: its decoder has not come back after {seconds} s; check this file, or leave it out")
    value, error = answer[0]
    if error is not None:
        raise error
    return value


def ahead(function, items):
    """function(item) of each item, in their order, by as many threads as PyTorch may use; they run no further ahead.

    Decoders let go of Python's lock, so that two threads fill a cache in half the time.
    """
    import torch

    threads, waiting = torch.get_num_threads(), deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for left in waiting:
                left.cancel()
