"""`weights:` in a suite: an ImageNet ResNet inflated, and a run's own best.pt; what does not fit is said at once."""

import pytest
import torch
import yaml
from family_clips import splits
from flat_nets import flat_resnet

from bench.report import tables
from bench.runner.job import run_job
from bench.runner.run import _write_jobs
from bench.runner.suite import load_suite
from lib import create_model
from lib.data import PIXELS
from lib.run import done
from lib.train import fit
from lib.weights.fine_tune import start_from

SMALL = {"frames": 2, "size": 32, "epochs": 1, "batch_size": 4, "recipe": {"clips_per_epoch": 8}}


def suite_of(folder, manifest, *runs):
    path = folder / "started.yaml"
    path.write_text(yaml.safe_dump({"data": {"manifest": str(manifest)}, "train": {"runs": list(runs)}}))
    return load_suite(path)


def test_an_imagenet_resnet(tiny_shapes, tmp_path):
    """Its report is in the run's log, and its tensors, frozen, are in the run's weights."""
    flat = flat_resnet(18)
    torch.save(flat, tmp_path / "resnet18.pth")
    run = {**SMALL, "model": "p3d_18", "weights": str(tmp_path / "resnet18.pth"), "freeze": "backbone"}
    suite = suite_of(tmp_path, tiny_shapes / "motion", {**run, "options": {"early_stride": 1}})
    _write_jobs(tmp_path / "runs", suite, tmp_path, "cpu", 1)
    run_job(tmp_path / "runs" / "jobs.json", suite.jobs[0].id, 1)
    folder = tmp_path / "runs" / suite.jobs[0].id
    best = torch.load(folder / "best.pt", weights_only=True)
    assert torch.equal(best["net"]["stages.3.1.second.spatial.weight"][:, :, 0], flat["layer4.1.conv2.weight"])
    assert best["net"]["fc.weight"].shape == (8, 512) and best["run"]["protocol"]["pixels"]["mean"][0] == 0.485
    text = (folder / "notebook.ipynb").read_text()
    assert "resnet18.pth: 120 tensors of the 2D net inflated into Net" in text
    row = tables.trade_off(tmp_path / "runs").iloc[0]
    assert row.weights.startswith("resnet18.pth-") and done(folder)["test"]["videos"] == 10


def test_a_best_pt_of_ours(tiny_shapes, tmp_path):
    """The net of the run is known, and what its pixels are, too, wherever the file is copied to."""
    net, options = create_model("c2d_nano", num_classes=3, early_stride=2), {"early_stride": 2}
    identity = {"model": "c2d_nano", "options": options}
    fit(tmp_path / "run", net, *splits(tmp_path / "noise", 8, 32), identity=identity, epochs=1, batch_size=2)
    best = (tmp_path / "run" / "best.pt").rename(tmp_path / "mine.pt")
    run = {**SMALL, "model": "c2d_nano", "weights": str(best), "freeze": "backbone"}
    job, _ = suite_of(tmp_path, tiny_shapes / "motion", {**run, "options": options}).jobs
    assert job.weights == str(best) and job.options["weights"].startswith("mine.pt-")
    started, pixels = start_from("c2d_nano", best, 8, "backbone", **options)
    assert torch.equal(started.stem[0][0].weight, net.stem[0][0].weight) and pixels == PIXELS["own"]
    with pytest.raises(ValueError, match=r"mine.pt holds a c2d_nano .* write options: \{'early_stride': 2\}"):
        suite_of(tmp_path, tiny_shapes / "motion", run)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ({"model": "ircsn_26"}, "resnet18.pth is a 2D net's and cannot start ircsn_26: CSN has no 2D twin"),
        ({"model": "p3d_34"}, "resnet18.pth is a 2D net's and cannot start p3d_34: .*is not in the 2D net"),
        ({"model": "p3d_18", "pixels": "kinetics"}, "resnet18.pth knows its pixels.*not Pixels"),
        ({"model": "p3d_18", "pixels": "imagenett"}, "pixels='imagenett'; there are own, imagenet"),
        ({"model": "p3d_18", "weights": "", "pixels": "imagenet"}, "pixels: imagenet is of published weights, but"),
        ({"model": "c2d_nano", "weights": "bare.pth"}, "bare.pth expects of its pixels is unknown.*pixels"),
    ],
)
def test_what_does_not_fit(run, message, tiny_shapes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(flat_resnet(18), "resnet18.pth")
    torch.save(create_model("c2d_nano", num_classes=3).state_dict(), "bare.pth")
    with pytest.raises(ValueError, match=message):
        suite_of(tmp_path, tiny_shapes / "motion", {**SMALL, "weights": "resnet18.pth", "frames": 16, **run})
