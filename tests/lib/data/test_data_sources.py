"""What is not a sound video file: folders of images, damaged files."""

import contextlib

import av
import lmdb
import numpy as np
import pytest
from PIL import Image
from video_files import moving_pattern, write_dataset, write_video

from lib.data import ClipDataset, Video, build_cache, open_video, own_protocol, write_manifest
from lib.data.verify import verify_video


def write_frames(tmp_path, *, source="frames", **pattern):
    """Two videos as PNG folders, numbered from 1.  -> Manifest, their frames"""
    clips = [moving_pattern(10 + i, 32, 40, seed=i) for i in range(2)]
    for i, clip in enumerate(clips):
        (tmp_path / "frames" / str(i)).mkdir(parents=True)
        for number, frame in enumerate(clip, start=1):
            Image.fromarray(frame).save(tmp_path / "frames" / str(i) / f"img_{number:05d}.png")
    rows = [Video(f"frames/{i}", i, "train", None, None, len(clip), 25.0, 40, 32) for i, clip in enumerate(clips)]
    options = dict(name="folders", source=source, root="..", classes=["a", "b"], videos=rows, mirror_pairs=())
    return write_manifest(tmp_path / "folders", contents=False, **options, **pattern), clips


def test_folders_of_images(tmp_path):
    manifest, clips = write_frames(tmp_path, frame_pattern="img_{:05d}.png", first_index=1)
    cache = build_cache(manifest, tmp_path / "cache", 32, progress=False)
    for video, clip in zip(manifest.videos, clips, strict=True):
        np.testing.assert_array_equal(cache[video.path], clip)
    protocol = own_protocol(5, 32)
    from_cache, from_images = (ClipDataset(manifest, "train", protocol, train=True, cache=c) for c in (cache, None))
    assert all((from_cache[3, i][0] == from_images[3, i][0]).all() for i in range(2))
    (tmp_path / "frames" / "1" / "img_00003.png").unlink()
    dense = ClipDataset(manifest, "train", own_protocol(11, 32), train=False)
    with pytest.raises(ValueError, match="frames/1 cannot be read by FrameFolder: .*img_00003.png"):
        dense[0, 1]


def test_wrong_sources(tmp_path):
    with pytest.raises(ValueError, match="source frames needs frame_pattern and first_index"):
        write_frames(tmp_path / "a")
    with pytest.raises(ValueError, match="source lmdb needs frame_pattern and first_index"):
        write_frames(tmp_path / "b", source="lmdb")


def test_databases_of_images(tmp_path):
    manifest, clips = write_frames(tmp_path, source="lmdb", frame_pattern="{:06d}.png", first_index=1)
    for i in range(2):
        images = sorted((tmp_path / "frames" / str(i)).iterdir())
        with lmdb.open(str(tmp_path / "frames" / str(i)), map_size=2**20) as database:
            with database.begin(write=True) as transaction:
                for number, image in enumerate(images[: 11 - i], start=1):
                    transaction.put(f"{number:06d}.png".encode(), image.read_bytes())
    dense = ClipDataset(manifest, "train", own_protocol(10, 32, segments=1), train=False)
    np.testing.assert_array_equal(dense[0, 0][0].permute(1, 2, 3, 0), clips[0][:, :, 4:36])
    with pytest.raises(ValueError, match="frames/1 cannot be read by FrameDatabase: .*no image 000011.png"):
        ClipDataset(manifest, "train", own_protocol(11, 32), train=False)[0, 1]


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_turned_videos_are_upright(tmp_path, degrees):
    """A phone's video: both readers turn it as players do."""
    write_video(tmp_path / "a.mp4", moving_pattern(6, 32, 64))
    with av.open(str(tmp_path / "a.mp4")) as given, av.open(str(tmp_path / "turned.mp4"), "w") as made:
        copy = made.add_stream_from_template(given.streams.video[0])
        copy.set_display_rotation(degrees)
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = copy
                made.mux(packet)
    with open_video(tmp_path / "a.mp4") as plain, open_video(tmp_path / "turned.mp4") as decord:
        with open_video(tmp_path / "turned.mp4", "pyav") as pyav:
            frames = pyav.read(range(6))
            np.testing.assert_array_equal(frames, decord.read(range(6)))
            np.testing.assert_array_equal(frames, np.rot90(plain.read(range(6)), degrees // 90, axes=(1, 2)))
            assert frames.shape[1:3] == (pyav.height, pyav.width) == ((32, 64) if degrees == 180 else (64, 32))


def write_webm(path, frames):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=30)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


@pytest.mark.parametrize("name, write", [("a.mp4", write_video), ("a.webm", write_webm)])
def test_verify_video(tmp_path, name, write):
    file = tmp_path / name
    write(file, moving_pattern(40, 64, 86))
    video = verify_video(file)
    assert (len(video), video.fps, video.width, video.height) == (40, 30, 86, 64)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=name):
        verify_video(file)


def test_verify_finds_what_decord_passes(tmp_path):
    """Flipped bytes: decord returns as many frames as ever, some of them wrong."""
    file = tmp_path / "a.mp4"
    write_video(file, moving_pattern(60, 64, 86))
    with open_video(file) as video:
        sound = video.read(range(60))
    content, rng = bytearray(file.read_bytes()), np.random.default_rng(0)
    for place in rng.integers(len(content) // 4, len(content) * 3 // 4, 40):
        content[place] ^= 255
    file.write_bytes(content)
    with open_video(file) as video, contextlib.suppress(ValueError):  # on a loaded machine decord may notice
        assert (video.read(range(60)) != sound).any()
    with pytest.raises(ValueError, match="a.mp4 cannot be read"):
        verify_video(file)


def test_a_manifest_that_no_longer_fits_its_files(tmp_path):
    manifest = write_dataset(tmp_path)
    write_video(tmp_path / "videos" / "0.mp4", moving_pattern(7, 32, 40))
    with pytest.raises(ValueError, match="0.mp4 has 7 frames .* its row in the manifest says 12 of 40 x 32"):
        ClipDataset(manifest, "train", own_protocol(4, 32), train=True)[0, 0]
