"""When numbers stop being numbers: what was not finite first, said in one line that names the files."""

import torch


class NotFinite(FloatingPointError):
    """A loss that is no number: (loss, the clips (N, 3, T, H, W) that the net saw).

    Where it was found later than it happened: (loss, None, its step within the epoch from 0, the items of its batch).
    """

    def __str__(self):
        return f"the loss is {self.args[0]}"


def explain(training, error, describe, items):
    """Where a training's loss stopped being a number, why, and what is left of it.  -> text

    training  a lib.training.Training
    error     NotFinite
    describe  f(item) -> its file
    items     of the present batch
    """
    loss, clips, *late = error.args
    step, items = late or (training.step, items)
    shown = [describe(int(i)) for i in items]
    last, rate = training.run_dir / "last.pt", training.recipe["learning_rate"]
    return (
        f"epoch {training.epoch + 1}, step {step + 1}: the loss is {loss}; "
        f"{_found_late(shown) if late else _found_at_once(training, clips, shown)}; "
        f"{f'the last good state is {last}' if last.exists() else 'no state was kept yet'}; "
        f"lower learning_rate ({rate}), or set clip_norm"
    )


def not_finite(net, clips, shown):
    """What was not finite first: the input, the weights, or the output of a module.  -> text

    net  one more forward pass is made through it, in its present mode
    """
    listed = _listed(shown)
    if not torch.isfinite(clips).all():
        return f"the input was not finite first; the batch: {listed}"
    for name, tensor in net.state_dict().items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            return f"the weights were not finite first, {name}: an earlier step did it; the batch: {listed}"
    module = _first_module(net, clips)
    if module is not None:
        return f"the output of {module} was not finite first; the batch: {listed}"
    return f"net, input and output are finite, the loss alone is not; the batch: {listed}"


def _found_at_once(training, clips, shown):
    precision = training.stepper.precision
    with precision.guarded(), precision.passes():
        return not_finite(training.net, clips, shown)


def _found_late(shown):
    return f"it was read some steps later, a CPU would tell what was not finite first; the batch: {_listed(shown)}"


def _listed(shown):
    return ", ".join(shown[:4]) + (f" and {len(shown) - 4} more" if len(shown) > 4 else "")


@torch.no_grad()
def _first_module(net, clips):
    """The name of the innermost module that first gave something that is not finite, None if none does."""
    found, hooks = [], []
    for name, module in net.named_modules():

        def look(_, inputs, output, name=name):
            outputs = output if isinstance(output, tuple | list) else [output]
            if any(isinstance(o, torch.Tensor) and not torch.isfinite(o).all() for o in outputs):
                found.append(name or type(net).__name__)

        hooks.append(module.register_forward_hook(look))
    try:
        net(clips)
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else None
