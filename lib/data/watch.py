"""A decoder that hangs becomes an error that names the file, instead of a training that never ends."""

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
