"""Test in two steps: `extract` runs a net over every view and keeps the scores, `merge` reports what they say."""

from lib.evaluate.scores import evaluate_scores, extract_scores, merge_scores


def extract(name, checkpoint, folder, out, *, split, stage, clips, crop, size, **reading):
    """Load published weights, run every view of a split of the manifest in `folder`, write the file `out`.

    stage  {num_segments, clip_length, num_steps}: how a clip samples its video
    clips  of a video, each cut by all boxes of `crop`; size: of the short side and of the square crop, in pixels
    """
    from lib import load_published
    from lib.data import read_manifest
    from lib.data.crops import TEST_CROPS
    from lib.search.schedule import stage_clips

    loaded = load_published(name, checkpoint)
    seen = loaded.preprocessing
    if seen.channel_order != "RGB" or tuple(seen.value_range) != (0, 1):
        raise ValueError(f"{name}'s weights want {seen.channel_order} in {seen.value_range}; only RGB in (0, 1) here")
    manifest = read_manifest(folder)
    dataset = stage_clips(split, stage, manifest=manifest, size=size, views=clips, crop=crop, short_side=size)
    crops = len(TEST_CROPS[crop](size, size, size))
    extract_scores(out, loaded.model, dataset, crops, mean=seen.mean, std=seen.std, **reading)
    print(f"{dataset.views} views of {len(dataset.videos)} videos: {out}")


def merge(files):
    """Print the result of files of scores, and below it what the published code would print."""
    scores, labels = merge_scores(files)
    found = evaluate_scores(scores, labels)
    result, printed = found["all_clips"], found["as_the_reference_prints"]
    print(f"{result['videos']} videos, {result['views']} clips, mean of all clips' logits:")
    print(f"  top-1 {result['top1']:.2f} % [{result['top1_low']:.2f}, {result['top1_high']:.2f}]")
    print(f"  top-5 {result['top5']:.2f} %")
    print("as the published code prints it, k chosen on these very labels, so no result:")
    for k, top1 in printed["top1_of_k"].items():
        print(f"  best {k:3} clips a class: top-1 {top1:.2f} %")
    print(f"  best k {printed['best_k']}: " + ", ".join(f"top-{k} {printed[f'top{k}']:.2f} %" for k in (1, 3, 5)))
    return found
