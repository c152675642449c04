"""Optimizer steps: groups of passes, number types, losses that are read late."""

import json

import pytest
import torch
from dying import dies_after
from family_clips import splits
from torch import nn

from lib import checkpoints, create_model, precision
from lib.files import read_json
from lib.not_finite import NotFinite
from lib.pace import CLOCKS
from lib.precision import Precision, check_scaling
from lib.recipe import ADDED, RECIPE, complete, identity
from lib.run import result
from lib.train import fit
from lib.train_steps import LossSum, Stepper

SMALL = {"epochs": 2, "batch_size": 2, "learning_rate": 0.05, "progress": False, "save_minutes": 0}


class Plain(nn.Module):
    """Nothing in it depends on the other clips of a pass."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv3d(3, 4, 3, padding=1), nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(self.conv(x).relu().mean((2, 3, 4)))


class Normed(Plain):
    def __init__(self):
        super().__init__()
        self.norm, self.dropout = nn.BatchNorm3d(4), nn.Dropout(0.3)

    def forward(self, x):
        return self.fc(self.dropout(self.norm(self.conv(x)).relu().mean((2, 3, 4))))


class Spoilt(Plain):
    """From its second training pass on, its answers are no numbers."""

    passes = 0

    def forward(self, x):
        self.passes += self.training
        return super().forward(x) * (float("nan") if self.training and self.passes > 1 else 1)


@pytest.fixture
def noise(tmp_path):
    return splits(tmp_path / "data", 4, 16)


def made(kind):
    torch.manual_seed(0)
    return kind()


def outcome(folder):
    weights = checkpoints.load(folder / "last.pt")["net"]
    rows = [{key: value for key, value in row.items() if key not in CLOCKS} for row in result(folder)["history"]]
    return rows, {key: value.tolist() for key, value in weights.items()}


@pytest.mark.parametrize("clips", [6, 5, 4, 1])
def test_the_gradient_is_the_mean_over_the_clips_that_are_there(clips, noise):
    torch.manual_seed(0)
    batch, labels = torch.randint(0, 256, (clips, 3, 4, 8, 8), dtype=torch.uint8), torch.arange(clips) % 3
    moved = []
    for batch_size, accumulate in ((6, 1), (2, 3)):
        net = made(Plain)
        stepper = Stepper(net, complete({"batch_size": batch_size, "accumulate": accumulate, "weight_decay": 0}))
        losses = LossSum(0.0, 6)
        losses.add(stepper.take(batch, labels, noise[0].pixels), 0, [])
        moved.append([*(p.grad for p in net.parameters()), torch.tensor(losses.read())])
    for one, many in zip(*moved, strict=True):
        torch.testing.assert_close(one, many, rtol=1e-5, atol=1e-6)


def test_the_last_step_is_left_out_or_smaller(noise, tmp_path):
    seen, real = {}, Stepper.take

    for last in ("drop", "keep"):
        counts = seen.setdefault(last, [])

        def count(stepper, batch, *rest, counts=counts):
            counts.append(len(batch))
            return real(stepper, batch, *rest)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Stepper, "take", count)
            fit(tmp_path / last, made(Plain), *noise, **{**SMALL, "batch_size": 3, "last_step": last})
    assert seen == {"drop": [3, 3], "keep": [3, 1, 3, 1]}


def test_an_epochs_loss_is_the_mean_over_its_clips_however_they_are_grouped():
    losses = torch.rand(7).split(1)
    whole, parts = LossSum(0.0, 4), LossSum(0.0, 4)
    whole.add([(torch.stack(losses[:4]).mean(), 4)], 0, [])
    whole.add([(torch.stack(losses[4:]).mean(), 3)], 1, [])
    for step, group in enumerate((losses[:4], losses[4:])):
        parts.add([(loss.squeeze(), 1) for loss in group], step, [])
        parts.read()  # asked for earlier, the sum is the same
    assert whole.read() == pytest.approx(parts.read())
    assert whole.read() / (7 / 4) == pytest.approx(torch.cat(losses).mean().item())


def test_a_loss_that_is_read_late_still_names_its_step_and_files(noise, tmp_path, monkeypatch):
    real = Stepper.__init__

    def blind(self, *args):
        real(self, *args)
        self.looks = False

    monkeypatch.setattr(Stepper, "__init__", blind)
    with pytest.raises(FloatingPointError, match="epoch 1, step 2: .* some steps later.*: .*mp4, .*mp4; no state was"):
        fit(tmp_path / "fast", made(Spoilt), *noise, **SMALL | {"save_minutes": 5})
    assert not (tmp_path / "fast" / "last.pt").exists()
    losses = LossSum(0.0, 2)
    losses.add([(torch.tensor(1.0), 2)], 0, [3])
    losses.add([(torch.tensor(torch.inf), 2)], 1, [4])
    with pytest.raises(NotFinite) as found:
        losses.read()
    assert found.value.args[2:] == (1, [4])


def test_in_bf16_it_trains_otherwise_and_resumes_to_the_bit(noise, tmp_path):
    recipe = {**SMALL, "accumulate": 2, "mixup": 0.8, "precision": "bf16"}
    fit(tmp_path / "whole", made(Normed), *noise, **recipe)
    with dies_after(1):
        fit(tmp_path / "killed", made(Normed), *noise, **recipe)
    fit(tmp_path / "killed", made(Normed), *noise, **recipe)
    fit(tmp_path / "fp32", made(Normed), *noise, **{**recipe, "precision": "fp32"})
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "whole") != outcome(tmp_path / "fp32")
    assert all(
        value.dtype != torch.bfloat16 for value in checkpoints.load(tmp_path / "whole" / "last.pt")["net"].values()
    )
    assert read_json(tmp_path / "whole" / "run.json")["recipe"]["precision"] == "bf16"


def test_a_precision_that_the_device_has_not(noise, tmp_path):
    with pytest.raises(ValueError, match="precision fp16 needs cuda; cpu has fp32, bf16"):
        fit(tmp_path, made(Plain), *noise, precision="fp16", **SMALL)
    with pytest.raises(ValueError, match="precision bf16 needs cpu or cuda; mps has fp32"):
        Precision("bf16", "mps")


def test_a_default_that_came_later_changes_no_record():
    """Runs of before are this run, and go on: their run.json has none of the later options."""
    early = {name: value for name, value in RECIPE.items() if name not in ADDED}
    assert identity(complete({})) == early
    assert identity(complete({"precision": "bf16"})) == {**early, "precision": "bf16"}


def test_a_run_of_before_goes_on(noise, tmp_path):
    fit(tmp_path, made(Plain), *noise, **SMALL)
    said = read_json(tmp_path / "run.json")
    assert not set(said["recipe"]) & set(ADDED) and "epochs" in said["recipe"]
    (tmp_path / "result.json").unlink()
    fit(tmp_path, made(Plain), *noise, **SMALL)
    with pytest.raises(ValueError, match="holds another run .recipe"):
        fit(tmp_path, made(Plain), *noise, **{**SMALL, "precision": "bf16"})


def test_every_epoch_says_how_fast_it_was_and_what_it_waited(noise, tmp_path):
    fit(tmp_path, made(Plain), *noise, **SMALL)
    for row in map(json.loads, (tmp_path / "metrics.jsonl").read_text().splitlines()):
        assert row["clips_per_s"] > 0 and 0 <= row["waiting"] <= 100


def test_auto_is_what_the_device_has_of_the_table_and_stands_in_the_record(noise, tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "AUTO", {"cpu": "bf16"})
    for has, wanted in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr(precision, "has_bf16", lambda device, has=has: has)
        record = fit(tmp_path / wanted, made(Plain), *noise, **SMALL | {"precision": "auto", "epochs": 1})
        assert record["precision"] == wanted
        assert read_json(tmp_path / wanted / "run.json")["recipe"].get("precision", "fp32") == wanted
    with pytest.raises(ValueError, match="holds another run .recipe"):
        fit(tmp_path / "bf16", made(Plain), *noise, **SMALL | {"precision": "auto", "epochs": 1})
    assert precision.settle(complete({"precision": "auto"}), "cuda")["precision"] == "fp32", (
        "nothing was measured there"
    )


@pytest.mark.parametrize("groups", [1, 32])
def test_in_bf16_a_convolution_over_less_than_its_kernel_gives_the_same_bits_every_time(groups):
    """PyTorch's own reads memory that nobody wrote: what was there before, here NaN or not, shows in its gradients."""
    torch.manual_seed(0)
    x, conv = torch.randn(2, 32, 2, 8, 8).contiguous(memory_format=torch.channels_last_3d), nn.Conv3d(32, 32, (3, 1, 1),
        padding=(1, 0, 0), groups=groups)  # fmt: skip
    way, seen = Precision("bf16"), []
    for number in range(6):
        left = [torch.full((1 << k,), (0.0, float("nan"))[number % 2], dtype=torch.bfloat16) for k in range(6, 18)] * 1
        del left
        conv.zero_grad()
        with way.guarded():
            with way.passes():
                y = conv(x)
            y.float().square().sum().backward()
        seen.append([y.detach(), conv.weight.grad.clone(), conv.bias.grad.clone()])
    want = conv(x)
    torch.testing.assert_close(seen[0][0].float(), want.float(), rtol=0.02, atol=0.02)
    assert all(torch.equal(a, b) for one in seen[1:] for a, b in zip(one, seen[0], strict=True))


def test_a_scaled_loss_and_gradients_of_unit_length_do_not_go_together():
    check_scaling(create_model("rubiksnet_nano", shift="fixed"))
    with pytest.raises(ValueError, match="learned shifts.*bf16 or fp32"):
        check_scaling(create_model("rubiksnet_nano"))
