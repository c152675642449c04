"""A training that is killed, inside this process."""

from contextlib import contextmanager

import pytest

from lib.train_steps import Stepper


class Killed(BaseException):
    """Nothing catches it, as nothing catches a SIGKILL."""


def die_after(patch, calls, name="take", home=Stepper):
    """From call `calls` + 1 on, `home`'s function `name` raises Killed; "take" is an optimizer step."""
    real, left = getattr(home, name), [calls]

    def dies(*arguments, **options):
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return real(*arguments, **options)

    patch.setattr(home, name, dies)


@contextmanager
def dies_after(calls, name="take", home=Stepper):
    """A block that ends so; that it does not is a failure."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        die_after(patch, calls, name, home)
        yield
