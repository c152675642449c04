"""Test in two steps: `extract` runs a net over every view and keeps the scores, `merge` reports what they say."""

from lib.data.protocols import weights_protocol
from lib.evaluate.metrics import mean_class_accuracy
from lib.evaluate.scores import evaluate_scores, extract_averaged, extract_scores, merge_scores


def extract(name, checkpoint, folder, out, *, split="test", protocol=None, how=None, pixels=None, **other):
    """Load published weights, run every view of a split of the manifest in `folder`, write the file `out`.

    protocol  a name in lib.data.protocols.TEST_PROTOCOLS; None: that of the weights' system
    other     what is other than published: frames, frame_stride, clips, size, crop, as `test_protocol` takes them
    how       batch_size, device, workers, precision: "fp32", or the faster and coarser "bf16"
    pixels    a name in lib.data.PIXELS, for weights that do not say theirs
    Pixels, frames and their stride are the weights' own.
    """
    from lib.data import ClipDataset, read_manifest
    from lib.fusing import fused_for
    from lib.weights.loading import load_weights, with_pixels

    loaded, manifest = load_weights(name, checkpoint), read_manifest(folder)
    loaded.check_whole("be tested")
    protocol = weights_protocol(with_pixels(checkpoint, loaded.preprocessing, pixels), protocol, **other)
    how = dict(how or {})
    net = fused_for(loaded.model, protocol, how.pop("precision", "fp32"), how.get("device", "cpu"))
    views = {protocol.views(len(video.frame_range())) for video in manifest.split(split)}
    if len(views) > 1:
        extract_averaged(out, net, manifest, split, protocol, **how)
    else:
        extract_scores(out, net, ClipDataset(manifest, split, protocol, train=False), **how)
    views = f"{min(views)} to {max(views)}" if len(views) > 1 else max(views, default=0)
    print(f"{protocol.name}: {views} views of {len(manifest.split(split))} videos: {out}")


def merge(files):
    """Print the result of files of scores, and below it what the reference would print."""
    scores, labels = merge_scores(files)
    found = evaluate_scores(scores, labels)
    result, printed = found["all_clips"], found["as_the_reference_prints"]
    print(f"{result['videos']} videos, {result['views']} clips, mean of all:")
    print(f"  top-1 {result['top1']:.2f} % [{result['top1_low']:.2f}, {result['top1_high']:.2f}]")
    print(f"  top-5 {result['top5']:.2f} %")
    print(f"  mean class accuracy {100 * mean_class_accuracy(scores.mean(1), labels):.2f} %")
    if result["views"] == 1:
        return found
    print("as the published code prints it, k chosen on these very labels, so no result:")
    for k, top1 in printed["top1_of_k"].items():
        print(f"  best {k:3} clips a class: top-1 {top1:.2f} %")
    print(f"  best k {printed['best_k']}: " + ", ".join(f"top-{k} {printed[f'top{k}']:.2f} %" for k in (1, 3, 5)))
    return found
