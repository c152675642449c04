"""Each dataset's tree in miniature: label files typed from published examples, and the videos that they list.

A tree: the module and its options; label files, byte for byte; where the videos lie, without suffix or below which the
frames lie; what must come out as {(name, label, split)}, and the classes. Sources: the data sections of the projects'
own documentation; for Diving48 and ActivityNet the published JSON.
"""

from dataclasses import dataclass, field

from tiny_videos import put_database, put_frames, put_video

SOURCES = ("video", "frames", "lmdb")


@dataclass(frozen=True)
class Tree:
    module: str
    files: dict
    videos: tuple
    rows: set
    classes: tuple
    suffix: str = ".mp4"
    pattern: str = "{:05d}.jpg"
    options: dict = field(default_factory=dict)
    home: str = ""
    mirror_pairs: tuple | None = ()
    unmirrored: tuple = ()


KINETICS_VIDEOS = (
    "videos_train/zumba/AAAAAAAAAAA_000005_000015",
    "videos_train/air_drumming/BBBBBBBBBBB_000120_000130",
)
SS_V1 = "20bn-something-something-v1/"
SS_V2 = "20bn-something-something-v2/"
UCF_CLASSES = b"1 ApplyEyeMakeup\n2 ApplyLipstick\n"
UCF_VIDEOS = tuple(
    f"{name}/v_{name}_g{group}_c01" for name in ("ApplyEyeMakeup", "ApplyLipstick") for group in ("08", "09", "01")
)
# which of two groups is held out for val is a matter of the hash of its name
UCF_ROWS = {
    ("v_ApplyEyeMakeup_g08_c01", 0, "train"),
    ("v_ApplyEyeMakeup_g09_c01", 0, "val"),
    ("v_ApplyEyeMakeup_g01_c01", 0, "test"),
    ("v_ApplyLipstick_g08_c01", 1, "train"),
    ("v_ApplyLipstick_g09_c01", 1, "val"),
    ("v_ApplyLipstick_g01_c01", 1, "test"),
}
TREES = {
    "kinetics_csv": Tree(
        "kinetics",
        {
            "kinetics_train.csv": b"label,youtube_id,time_start,time_end,split\n"
            b"zumba,AAAAAAAAAAA,5.0,15.0,train\n"
            b"air drumming,BBBBBBBBBBB,120,130,train\n"
            b"abseiling,abc,10,20,train\n",
            "kinetics_val.csv": b"label,youtube_id,time_start,time_end,split\nabseiling,yq_M1PMw2hY,38,48,val\n",
            "kinetics_test.csv": b"youtube_id,time_start,time_end,split\n0zDTyiFbMXg,0,10,test\n",
        },
        (
            *KINETICS_VIDEOS,
            "videos_train/abseiling/abc_000010_000020",
            "videos_val/abseiling/yq_M1PMw2hY_000038_000048",
        ),
        {
            ("AAAAAAAAAAA_000005_000015", 2, "train"),
            ("BBBBBBBBBBB_000120_000130", 1, "train"),
            ("abc_000010_000020", 0, "train"),
            ("yq_M1PMw2hY_000038_000048", 0, "val"),
        },
        ("abseiling", "air drumming", "zumba"),
        pattern="image_{:05d}.jpg",
    ),
    "kinetics_mmaction": Tree(
        "kinetics",
        {
            "kinetics400_train_list_videos.txt": b"zumba/AAAAAAAAAAA_000005_000015.mp4 1\n",
            "kinetics400_val_list_videos.txt": b"air_drumming/BBBBBBBBBBB_000120_000130.mp4 0\n",
            "label_map_k400.txt": b"air drumming\nzumba\n",
        },
        KINETICS_VIDEOS,
        {("AAAAAAAAAAA_000005_000015", 1, "train"), ("BBBBBBBBBBB_000120_000130", 0, "val")},
        ("air drumming", "zumba"),
    ),
    "kinetics_json": Tree(
        "kinetics",
        {
            "kinetics.json": b"""{"labels": ["abseiling", "acting in play"],
 "database": {"training": {"abc_000010_000020.mp4": {"subset": "training", "annotations": {"label": "abseiling"}, "n_frames": 300}},
              "validation": {"yq_M1PMw2hY_000038_000048.mp4": {"subset": "validation", "annotations": {"label": "abseiling"}, "n_frames": 250}}}}
"""  # noqa: E501
        },
        ("abseiling/abc_000010_000020", "abseiling/yq_M1PMw2hY_000038_000048"),
        {("abc_000010_000020", 0, "train"), ("yq_M1PMw2hY_000038_000048", 0, "val")},
        ("abseiling", "acting in play"),
    ),
    "kinetics_rawframes": Tree(
        "kinetics",
        {
            "kinetics400_train_list_rawframes.txt": b"zumba/AAAAAAAAAAA_000005_000015 3 1\n",
            "kinetics400_val_list_rawframes.txt": b"air_drumming/BBBBBBBBBBB_000120_000130,300,0\n",
            "label_map_k400.txt": b"air drumming\nzumba\n",
        },
        KINETICS_VIDEOS,
        {("AAAAAAAAAAA_000005_000015", 1, "train"), ("BBBBBBBBBBB_000120_000130", 0, "val")},
        ("air drumming", "zumba"),
        pattern="img_{:05d}.jpg",
    ),
    "kinetics_tsn": Tree(
        "kinetics",
        {
            "train_videofolder.txt": b"12345 48 17\n",
            "val_videofolder.txt": b"abseiling/0347ZoDXyP0_000095_000105 300 0\n",
            "category.txt": b"".join(b"class %d\n" % i for i in range(18)),
        },
        ("12345", "abseiling/0347ZoDXyP0_000095_000105"),
        {("12345", 17, "train"), ("0347ZoDXyP0_000095_000105", 0, "val")},
        tuple(f"class {i}" for i in range(18)),
        pattern="img_{:05d}.jpg",
    ),
    "jester_json": Tree(
        "jester",
        {
            "jester.json": b"""{"labels": ["Doing_other_things", "Swiping_Left"],
 "database": {"34870": {"subset": "training", "annotations": {"label": "Swiping_Left"}},
              "9223": {"subset": "validation", "annotations": {"label": "Doing_other_things"}}}}
"""
        },
        ("20bn-jester-v1/34870", "20bn-jester-v1/9223"),
        {("34870", 1, "train"), ("9223", 0, "val")},
        ("Doing_other_things", "Swiping_Left"),
        unmirrored=(1,),  # Swiping_Right is not there
    ),
    "jester_text": Tree(
        "jester",
        {
            "classInd.txt": b"1 Doing_other_things\n2 Swiping_Left\n3 Swiping_Right\n",
            "trainlist.txt": b"34870 2\n100118 3\n",
            "vallist.txt": b"9223 1\n",
        },
        ("20bn-jester-v1/34870", "20bn-jester-v1/100118", "20bn-jester-v1/9223"),
        {("34870", 1, "train"), ("100118", 2, "train"), ("9223", 0, "val")},
        ("Doing_other_things", "Swiping_Left", "Swiping_Right"),
        mirror_pairs=((1, 2),),
    ),
    "jester_20bn": Tree(
        "jester",
        {
            "jester-v1-labels.csv": b"Turning Hand Clockwise\nTurning Hand Counterclockwise\nDoing other things",
            "jester-v1-train.csv": b"34870;Turning Hand Clockwise\n56557;Doing other things",
            "jester-v1-validation.csv": b"9223;Turning Hand Counterclockwise",
        },
        ("34870", "56557", "9223"),
        {("34870", 1, "train"), ("56557", 0, "train"), ("9223", 2, "val")},
        ("Doing other things", "Turning Hand Clockwise", "Turning Hand Counterclockwise"),
        mirror_pairs=((1, 2),),
    ),
    "ucf101": Tree(
        "ucf101",
        {
            "classInd.txt": UCF_CLASSES,
            "trainlist01.txt": b"ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1\n"
            b"ApplyEyeMakeup/v_ApplyEyeMakeup_g09_c01.avi 1\n"
            b"ApplyLipstick/v_ApplyLipstick_g08_c01.avi 2\n"
            b"ApplyLipstick/v_ApplyLipstick_g09_c01.avi 2\n",
            "testlist01.txt": b"ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi\n"
            b"ApplyLipstick/v_ApplyLipstick_g01_c01.avi\n",
        },
        UCF_VIDEOS,
        UCF_ROWS,
        ("ApplyEyeMakeup", "ApplyLipstick"),
        suffix=".avi",
        pattern="image_{:05d}.jpg",
        options={"splits": (1,)},
        home="split1",
    ),
    "ucf101_json": Tree(
        "ucf101",
        {
            "ucf101_02.json": b"""{"labels": ["ApplyEyeMakeup", "ApplyLipstick"],
 "database": {"v_ApplyEyeMakeup_g08_c01": {"subset": "training", "annotations": {"label": "ApplyEyeMakeup"}},
              "v_ApplyEyeMakeup_g09_c01": {"subset": "training", "annotations": {"label": "ApplyEyeMakeup"}},
              "v_ApplyEyeMakeup_g01_c01": {"subset": "validation", "annotations": {"label": "ApplyEyeMakeup"}}}}
"""
        },
        UCF_VIDEOS,
        {row for row in UCF_ROWS if row[1] == 0},
        ("ApplyEyeMakeup", "ApplyLipstick"),
        suffix=".avi",
        options={"splits": (2,)},
        home="split2",
    ),
    "hmdb51": Tree(
        "hmdb51",
        {
            "brush_hair_test_split3.txt": b"April_09_brush_hair_u_nm_np1_ba_goo_0.avi 1 \n"
            b"April_09_brush_hair_u_nm_np1_ba_goo_1.avi 1 \n"
            b"brushing_raychel_hair_brush_hair_u_cm_np2_ri_goo_0.avi 2 \n"
            b"Brushing_my_hair_brush_hair_u_nm_np1_fr_goo_3.avi 1 \n",
            "wave_test_split3.txt": b"20060723sfjffbartsinger_wave_f_cm_np1_ba_med_0.avi 2 \n"
            b"50_FIRST_DATES_wave_u_cm_np1_fr_goo_30.avi 1 \n"
            b"#20_Rhythm_clap_u_nm_np1_fr_goo_0.avi 0 \n",
        },
        (
            "brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0",
            "brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_1",
            "brush_hair/brushing_raychel_hair_brush_hair_u_cm_np2_ri_goo_0",
            "brush_hair/Brushing_my_hair_brush_hair_u_nm_np1_fr_goo_3",
            "wave/20060723sfjffbartsinger_wave_f_cm_np1_ba_med_0",
            "wave/50_FIRST_DATES_wave_u_cm_np1_fr_goo_30",
        ),
        {
            ("April_09_brush_hair_u_nm_np1_ba_goo_0", 0, "train"),
            ("April_09_brush_hair_u_nm_np1_ba_goo_1", 0, "train"),
            ("brushing_raychel_hair_brush_hair_u_cm_np2_ri_goo_0", 0, "test"),
            ("Brushing_my_hair_brush_hair_u_nm_np1_fr_goo_3", 0, "val"),
            ("20060723sfjffbartsinger_wave_f_cm_np1_ba_med_0", 1, "test"),
            ("50_FIRST_DATES_wave_u_cm_np1_fr_goo_30", 1, "train"),
        },
        ("brush_hair", "wave"),
        suffix=".avi",
        options={"splits": (3,)},
        home="split3",
    ),
    "hmdb51_json": Tree(
        "hmdb51",
        {
            "hmdb51_2.json": b"""{"labels": ["brush_hair", "wave"], "database": {
"April_09_brush_hair_u_nm_np1_ba_goo_0": {"subset": "training", "annotations": {"label": "brush_hair"}},
"50_FIRST_DATES_wave_u_cm_np1_fr_goo_30": {"subset": "validation", "annotations": {"label": "wave"}}}}
"""
        },
        (
            "brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0",
            "wave/50_FIRST_DATES_wave_u_cm_np1_fr_goo_30",
        ),
        {
            ("April_09_brush_hair_u_nm_np1_ba_goo_0", 0, "train"),
            ("50_FIRST_DATES_wave_u_cm_np1_fr_goo_30", 1, "test"),
        },
        ("brush_hair", "wave"),
        suffix=".avi",
        pattern="image_{:05d}.jpg",
        options={"splits": (2,), "hold_out": 0},
        home="split2",
    ),
    "something_v1": Tree(
        "something_v1",
        {
            "something-something-v1-labels.csv": b"Pushing something from right to left\nHolding something\n"
            b"Pushing something from left to right\n",
            "something-something-v1-train.csv": b"100218;Pushing something from left to right\n"
            b"24413;Holding something\n",
            "something-something-v1-validation.csv": b"74225;Pushing something from right to left\n",
        },
        (SS_V1 + "100218", SS_V1 + "24413", SS_V1 + "74225"),
        {("100218", 1, "train"), ("24413", 0, "train"), ("74225", 2, "val")},
        ("Holding something", "Pushing something from left to right", "Pushing something from right to left"),
        mirror_pairs=((1, 2),),
    ),
    "something_v1_lists": Tree(
        "something_v1",
        {
            "category.txt": b"Holding something\nPoking something\n",
            "train_videofolder.txt": b"100218 12 1\n",
            "val_videofolder.txt": b"74225 12 0\n",
        },
        (SS_V1 + "100218", SS_V1 + "74225"),
        {("100218", 1, "train"), ("74225", 0, "val")},
        ("Holding something", "Poking something"),
    ),
    "something_v2": Tree(
        "something_v2",
        {
            "something-something-v2-labels.json": b"""{
"Approaching something with your camera":"0",
"Turning the camera right while filming something":"2",
"Turning the camera left while filming something":"1"
}""",
            "something-something-v2-train.json": b"""[
{"id":"78687","label":"approaching a potato with your camera","template":"Approaching [something] with your camera","placeholders":["a potato"]},
{"id":"42326","label":"turning the camera left while filming a bowl","template":"Turning the camera left while filming [something]","placeholders":["a bowl"]}
]""",  # noqa: E501
            "something-something-v2-validation.json": b"""[
{"id":"74225","label":"turning the camera right while filming a wall","template":"Turning the camera right while filming [something]","placeholders":["a wall"]}
]""",  # noqa: E501
        },
        (SS_V2 + "78687", SS_V2 + "42326", SS_V2 + "74225"),
        {("78687", 0, "train"), ("42326", 1, "train"), ("74225", 2, "val")},
        (
            "Approaching something with your camera",
            "Turning the camera left while filming something",
            "Turning the camera right while filming something",
        ),
        suffix=".webm",
        pattern="{:06d}.jpg",
        mirror_pairs=((1, 2),),
    ),
    "something_v2_cakes": Tree(
        "something_v2",
        {
            "category.txt": b"Holding something\nPushing something from left to right\n",
            "train_video_folder.txt": b"12345 48 1\n",
            "val_video_folder.txt": b"78687 12 0\n",
        },
        ("20bn-something-something-v2-frames/12345", "20bn-something-something-v2-frames/78687"),
        {("12345", 1, "train"), ("78687", 0, "val")},
        ("Holding something", "Pushing something from left to right"),
        suffix=".webm",
        pattern="{:06d}.jpg",
        unmirrored=(1,),  # its mirror image is none of the classes
    ),
    "diving48": Tree(
        "diving48",
        {
            "Diving48_vocab.json": b'[["Back", "15som", "05Twis", "FREE"], ["Back", "15som", "15Twis", "FREE"]]',
            "Diving48_V2_train.json": b"["
            b'{"vid_name": "6mCFrFoZXyQ_00001", "label": 0, "start_frame": 0, "end_frame": 138},'
            b' {"vid_name": "_8Vy3dlHg2w_00000", "label": 0, "start_frame": 0, "end_frame": 12},'
            b' {"vid_name": "_8Vy3dlHg2w_00001", "label": 1, "start_frame": 0, "end_frame": 12}]',
            "Diving48_V2_test.json": b'[{"vid_name": "0cg4NKJVIPc_00012", "label": 1,'
            b' "start_frame": 0, "end_frame": 12}]',
        },
        ("rgb/6mCFrFoZXyQ_00001", "rgb/_8Vy3dlHg2w_00000", "rgb/_8Vy3dlHg2w_00001", "rgb/0cg4NKJVIPc_00012"),
        {
            ("6mCFrFoZXyQ_00001", 0, "val"),
            ("_8Vy3dlHg2w_00000", 0, "train"),
            ("_8Vy3dlHg2w_00001", 1, "train"),
            ("0cg4NKJVIPc_00012", 1, "test"),
        },
        ("Back, 15som, 05Twis, FREE", "Back, 15som, 15Twis, FREE"),
    ),
    "activitynet": Tree(
        "activitynet",
        {
            "activity_net.v1-3.min.json": b'{"version": "VERSION 1.3", "taxonomy": [], "database": {'
            b'"sJ1jKxGuFGs": {"duration": 0.4, "subset": "training", "resolution": "40x32", "url": "", "annotations": ['
            b'{"segment": [0.1, 0.2], "label": "Zumba"}, {"segment": [0.2, 0.4], "label": "Archery"}]}, '
            b'"--1DO2V4K74": {"duration": 0.4, "subset": "validation", "resolution": "40x32", "url": "", '
            b'"annotations": ['
            b'{"segment": [0.01, 0.3], "label": "Archery"}]}, '
            b'"gone": {"duration": 1.0, "subset": "testing", "resolution": "40x32", "url": "", "annotations": []}}}',
        },
        ("v_sJ1jKxGuFGs", "Anet/--1DO2V4K74"),
        {("v_sJ1jKxGuFGs", 1, "train"), ("v_sJ1jKxGuFGs", 0, "train"), ("--1DO2V4K74", 0, "val")},
        ("Archery", "Zumba"),
        suffix=".mkv",
        options={"fps": 30.0},
    ),
}


def build(tree, folder, scratch, source):
    """Label files and videos of one tree.  -> root, labels"""
    (folder / "labels").mkdir(parents=True)
    for name, content in tree.files.items():
        (folder / "labels" / name).write_bytes(content)
    for i, video in enumerate(tree.videos):
        place, frames = folder / "root" / video, 11 + i % 2
        if source == "video":
            put_video(place, scratch, suffix=tree.suffix, frames=frames)
        elif source == "frames":
            put_frames(place, pattern=tree.pattern, frames=frames)
        else:
            put_database(place, frames=frames)
    return folder / "root", folder / "labels"
