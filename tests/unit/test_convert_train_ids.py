"""Label maps to Cityscapes' train ids, pixel by pixel."""

import pytest
from convert_helpers import GREYSCALE, PALETTE, RGB, chunk, entry, files, png, put, read_grey, run
from convert_helpers import snapshot as taken

from replidg.data.convert import ConversionError, label_maps

# Ids of the 19 classes in the order of the train ids, written down from the data sets' own lists.
CITYSCAPES = {
    "road": [7],
    "sidewalk": [8],
    "building": [11],
    "wall": [12],
    "fence": [13],
    "pole": [17],
    "traffic light": [19],
    "traffic sign": [20],
    "vegetation": [21],
    "terrain": [22],
    "sky": [23],
    "person": [24],
    "rider": [25],
    "car": [26],
    "truck": [27],
    "bus": [28],
    "train": [31],
    "motorcycle": [32],
    "bicycle": [33],
}
SYNTHIA = {
    "road": [3],
    "sidewalk": [4],
    "building": [2],
    "wall": [21],
    "fence": [5],
    "pole": [7],
    "traffic light": [15],
    "traffic sign": [9],
    "vegetation": [6],
    "terrain": [16],
    "sky": [1],
    "person": [10],
    "rider": [17],
    "car": [8],
    "truck": [18],
    "bus": [19],
    "train": [20],
    "motorcycle": [12],
    "bicycle": [11],
}
MAPILLARY = {
    "road": [13, 24, 41],
    "sidewalk": [2, 15],
    "building": [17],
    "wall": [6],
    "fence": [3],
    "pole": [45, 47],
    "traffic light": [48],
    "traffic sign": [50],
    "vegetation": [30],
    "terrain": [29],
    "sky": [27],
    "person": [19],
    "rider": [20, 21, 22],
    "car": [55],
    "truck": [61],
    "bus": [54],
    "train": [58],
    "motorcycle": [57],
    "bicycle": [52],
}
TABLES = {
    "gta5": CITYSCAPES,
    "cityscapes": CITYSCAPES,
    "synthia": SYNTHIA,
    "mapillary_vistas": MAPILLARY,
}
ALL_IDS = [[16 * row + column for column in range(16)] for row in range(16)]
GREY = png(GREYSCALE, 8, [[0] * 16] * 16)


def expected(name: str, ids: list[list[int]]) -> list[list[int]]:
    found = {i: place for place, ids_ in enumerate(TABLES[name].values()) for i in ids_}
    return [[found.get(pixel, 255) for pixel in row] for row in ids]


def rgb(ids: list[list[int]]) -> list[list[tuple[int, int, int]]]:
    """Put the class into red, the last channel as OpenCV reads it; instances into the others."""
    return [[(pixel, 7, (1000 + pixel) % 65536) for pixel in row] for row in ids]


def label_of(name: str, ids: list[list[int]]) -> bytes:
    if name == "synthia":
        return png(RGB, 16, rgb(ids))
    return png(GREYSCALE if name == "cityscapes" else PALETTE, 8, ids)


#: Part -> (image, label) in the official layout, and (image, label) as the reader has them.
PLACES = {
    "gta5": {
        "train": (
            ("images/{}.png", "labels/{}.png"),
            ("images/{}.png", "labels/{}_labelTrainIds.png"),
        )
    },
    "synthia": {
        "train": (
            ("RAND_CITYSCAPES/RGB/{}.png", "RAND_CITYSCAPES/GT/LABELS/{}.png"),
            ("images/{}.png", "labels/{}_labelTrainIds.png"),
        )
    },
    "mapillary_vistas": {
        part: (
            (folder + "/images/{}.jpg", folder + "/labels/{}.png"),
            (folder + "/images/{}.jpg", folder + "/labels/{}_labelTrainIds.png"),
        )
        for part, folder in (("train", "training"), ("val", "validation"))
    },
    "cityscapes": {
        part: (
            (
                f"leftImg8bit/{part}/ulm/" + "{}_leftImg8bit.png",
                f"gtFine/{part}/ulm/" + "{}_gtFine_labelIds.png",
            ),
            (
                f"leftImg8bit/{part}/ulm/" + "{}_leftImg8bit.png",
                f"gtFine/{part}/ulm/" + "{}_gtFine_labelTrainIds.png",
            ),
        )
        for part in ("train", "val")
    },
}


def write(name: str, source, ids=ALL_IDS, numbers=range(2)) -> None:
    """Write pairs of every part; images hold zeros and have the size of the labels."""
    image = png(GREYSCALE, 8, [[0] * len(ids[0])] * len(ids))
    for part, (places, _) in PLACES[name].items():
        for number in numbers:
            put(source / places[0].format(f"{part}{number:05d}"), image)
            put(source / places[1].format(f"{part}{number:05d}"), label_of(name, ids))
    if name == "cityscapes":
        put(source / "leftImg8bit/test/bonn/b_leftImg8bit.png", image)
        put(source / "gtFine/test/bonn/b_gtFine_labelIds.png", image)
        put(source / "gtFine/train/ulm/train00000_gtFine_color.png", b"no label")
        put(source / "gtFine/train/ulm/train00000_gtFine_polygons.json", "{}")


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_id_from_0_to_255(name, tmp_path):
    assert len(TABLES[name]) == 19
    source = tmp_path / "source"
    write(name, source)
    facts, out = run(entry(name), source)
    wanted = set()
    for part, (places, results) in PLACES[name].items():
        for number in range(2):
            key = f"{part}{number:05d}"
            wanted |= {place.format(key) for place in results}
            image = out / results[0].format(key)
            assert image.is_symlink()
            assert image.samefile(source / places[0].format(key))
            label = out / results[1].format(key)
            assert not label.is_symlink()
            assert read_grey(label) == expected(name, ALL_IDS)
        assert facts["parts"][part] == {"images": 2, "dropped": {}, "labels without a class": 0}
    if name == "cityscapes":
        wanted.add("leftImg8bit/test/bonn/b_leftImg8bit.png")
        assert facts["parts"]["test"] == {"images": 1, "dropped": {}}
    assert files(out) == wanted
    assert facts["images"] == sum(part["images"] for part in facts["parts"].values())


def test_twice_the_same_bytes(tmp_path):
    source = tmp_path / "source"
    write("gta5", source, numbers=range(20))
    first, second = (run(entry("gta5"), source, out=name) for name in "ab")
    assert first[0] == second[0]
    assert taken(first[1]) == taken(second[1])


def test_ids_of_16_bit_are_not_cut_to_8(tmp_path):
    source = tmp_path / "source"
    # 259 is 3 (road) in its last 8 bits, 772 has 3 in its first.
    write("synthia", source, [[3, 259, 772, 65535]])
    out = run(entry("synthia"), source)[1]
    assert read_grey(out / "labels/train00000_labelTrainIds.png") == [[0, 255, 255, 255]]


def test_the_channel_is_the_last_of_opencv_that_is_red(tmp_path):
    source = tmp_path / "source"
    write("synthia", source)
    put(
        source / "RAND_CITYSCAPES/GT/LABELS/train00000.png",
        png(RGB, 16, [[(3, 4, 2)] * 16] * 16),
    )
    out = run(entry("synthia"), source)[1]
    assert read_grey(out / "labels/train00000_labelTrainIds.png") == [[0] * 16] * 16


def test_the_table_covers_all_16_bit_ids():
    table = label_maps.lookup({7: 0, 65535: 18})
    assert table.shape == (65536,)
    assert (table[7], table[65535], table[0], (table != 255).sum()) == (0, 18, 255, 2)


def damaged() -> dict[str, tuple[bytes, str]]:
    whole = png(PALETTE, 8, ALL_IDS)
    flipped = bytearray(whole)
    flipped[-20] ^= 1
    head, rest = whole[:33], whole[33:]
    data = rest.index(b"IDAT") - 4
    short = head + rest[:data] + chunk(b"IDAT", b"x\x9c\x03\x00\x00\x00\x00\x01")
    return {
        "a": (whole[:-30], "label is truncated"),
        "b": (whole[:-4], "label is truncated"),
        "c": (bytes(flipped), "label is corrupt (checksum)"),
        "d": (short + chunk(b"IEND", b""), "label is corrupt (pixels)"),
        "e": (b"JFIF or so", "label is no PNG"),
        "f": (
            png(RGB, 8, [[(1, 2, 3)] * 16] * 16),
            "label is neither palette nor 8-bit greyscale (colour type 2, 8 bit)",
        ),
        "g": (
            png(GREYSCALE, 16, ALL_IDS),
            "label is neither palette nor 8-bit greyscale (colour type 0, 16 bit)",
        ),
        "h": (png(PALETTE, 8, ALL_IDS[:9]), "image (16 x 16) and label (16 x 9) differ"),
    }


def test_pairs_that_cannot_be_used_are_dropped_whole_and_named(tmp_path, caplog):
    source = tmp_path / "source"
    write("gta5", source)
    reasons = {}
    for key, (content, reason) in damaged().items():
        put(source / f"images/{key}.png", GREY)
        put(source / f"labels/{key}.png", content)
        reasons.setdefault(reason, []).append(key)
    put(source / "images/i.png", GREY)
    put(source / "labels/j.png", png(PALETTE, 8, ALL_IDS))
    put(source / "images/k.png", b"no image")
    put(source / "labels/k.png", png(PALETTE, 8, ALL_IDS))
    reasons |= {"image without label": ["i"], "label without image": ["j"]}
    reasons["image cannot be read"] = ["k"]

    facts, out = run(entry("gta5", most_dropped=11 / 13), source)
    assert facts["parts"]["train"]["dropped"] == reasons
    assert facts["images"] == 2
    assert files(out) == {
        f"{folder}/train0000{i}{end}"
        for i in range(2)
        for folder, end in (("images", ".png"), ("labels", "_labelTrainIds.png"))
    }
    for reason in reasons:
        assert reason in caplog.text
    with pytest.raises(ConversionError, match=r"11 of 13 \(i: image without label, .*most_dropped"):
        run(entry("gta5", most_dropped=0.5), source, out="again")


@pytest.mark.parametrize("cut", [4, 20, 400])
def test_corrupt_labels_of_synthia_are_dropped(tmp_path, cut):
    source = tmp_path / "source"
    write("synthia", source, numbers=range(3))
    label = source / "RAND_CITYSCAPES/GT/LABELS/train00001.png"
    label.write_bytes(label.read_bytes()[:-cut])
    put(source / "RAND_CITYSCAPES/GT/LABELS/train00002.png", png(PALETTE, 8, ALL_IDS))
    facts, out = run(entry("synthia", most_dropped=0.7), source)
    assert facts["parts"]["train"]["dropped"] == {
        "label is truncated": ["train00001"],
        "label is not 16-bit RGB (colour type 3, 8 bit)": ["train00002"],
    }
    assert files(out) == {"images/train00000.png", "labels/train00000_labelTrainIds.png"}


def test_pixels_of_16_bit_that_end_early_are_corrupt(tmp_path):
    whole = png(RGB, 16, rgb(ALL_IDS))
    path = put(
        tmp_path / "a.png",
        whole[:33] + chunk(b"IDAT", b"x\x9c\x03\x00\x00\x00\x00\x01") + chunk(b"IEND", b""),
    )
    with pytest.raises(label_maps.LabelError, match=r"corrupt \(pixels\)"):
        label_maps.read_ids(path, "last_channel")


def test_results_of_an_earlier_conversion_beside_the_labels_are_no_labels(tmp_path):
    source = tmp_path / "source"
    write("gta5", source)
    put(source / "labels/train00000_labelTrainIds.png", b"made by another tool")
    facts, _ = run(entry("gta5"), source)
    assert facts["parts"]["train"]["dropped"] == {}


def test_labels_without_any_class_are_counted_and_all_of_them_an_error(tmp_path):
    source = tmp_path / "source"
    write("gta5", source)
    put(source / "labels/train00000.png", png(PALETTE, 8, [[1] * 16] * 16))
    facts, _ = run(entry("gta5"), source)
    assert facts["parts"]["train"]["labels without a class"] == 1
    put(source / "labels/train00001.png", png(PALETTE, 8, [[255] * 16] * 16))
    with pytest.raises(ConversionError, match="no label has an id of the map"):
        run(entry("gta5"), source, out="again")


def test_a_failed_write_leaves_no_part_of_a_label(tmp_path, monkeypatch):
    source = tmp_path / "source"
    write("gta5", source)

    def half(image, path, format):
        path.write_bytes(b"half a label")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("PIL.Image.Image.save", half)
    with pytest.raises(OSError, match="No space left"):
        run(entry("gta5"), source)
    assert not files(tmp_path / "out")


def test_missing_folders_and_parts_are_errors(tmp_path):
    source = tmp_path / "source"
    write("cityscapes", source)
    parts = {"train": {"images": "leftImg8bit/train", "labels": "gtFine/train"}}
    with pytest.raises(ConversionError, match=r"must be the reader's parts \['test', 'train'"):
        run(entry("cityscapes", parts=parts), source, out="a")
    (source / "leftImg8bit/val").rename(source / "leftImg8bit/validation")
    with pytest.raises(ConversionError, match=r"no folder .*leftImg8bit/val"):
        run(entry("cityscapes"), source, out="b")
    (source / "leftImg8bit/val").mkdir()
    with pytest.raises(ConversionError, match=r"leftImg8bit/val has no \*_leftImg8bit\.png"):
        run(entry("cityscapes"), source, out="c")
