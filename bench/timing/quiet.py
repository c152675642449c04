"""Whether a clock can be believed: where others work, every time is too long, and unevenly so."""

import time

import torch

SIDE = 1024  # of the matrices that are multiplied meanwhile
QUIET = 0.9  # of the time that our threads asked for; with less, others were at work


class Quiet:
    """`quiet = Quiet(seconds)` looks how busy the machine is; `look()` once more after what was timed.

    seconds     of timing that the lesson gives each call; with 0, a smoke test, nothing is ever concluded
    shares      what each look found, see `share_of_time`
    conclusive  whether times of this run may carry a conclusion
    """

    def __init__(self, seconds):
        self.seconds, self.shares = seconds, []
        self.look()

    def look(self):
        """Measure for a moment, keep what was found and print it."""
        self.shares.append(share_of_time(max(self.seconds, 0.1)))
        state = "quiet" if self.shares[-1] >= QUIET else "BUSY: look at the times, conclude nothing"
        print(f"our threads got {100 * self.shares[-1]:.0f} % of their time; the machine is {state}")

    @property
    def conclusive(self):
        """Whether every look found a quiet machine, and something was timed at all."""
        return self.seconds > 0 and min(self.shares) >= QUIET

    @property
    def mark(self):
        """What stands before a number that rests on the clock: "" where it may be believed."""
        return "" if self.conclusive else "(no finding) "

    def conclude(self, found):
        """`found`, a sentence or list that rests on the clock; else the words that say why there is none."""
        if self.conclusive:
            return found
        why = "nothing was timed for long enough"
        if self.seconds:
            why = f"our threads got {100 * min(self.shares):.0f} % of their time"
        return f"No conclusion from the clock: {why}. Run it again on a quiet machine."


def share_of_time(seconds=0.3):
    """What part of the time that they asked for our threads got: about 1, or less than QUIET on a busy machine."""
    a = torch.randn(SIDE, SIDE)
    started, worked = time.perf_counter(), time.process_time()
    while (passed := time.perf_counter() - started) < seconds:
        a @ a
    return (time.process_time() - worked) / passed / torch.get_num_threads()
