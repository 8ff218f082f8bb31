"""All stand-ins: options of the pages, bytes, provenance, classes that the pictures really show."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from standin_trees import KEYS, contents, files, images, nearest_classes, provenance, tree

from replidg.data import registry, standins
from replidg.data.registry.schema import Standin
from replidg.data.standins import StandinError
from replidg.data.standins.pictures import PROVENANCE, encode, pool, table


def changed(key: str, **options: object) -> registry.Entry:
    """A page with some other options."""
    entry = registry.load(key)
    standin = entry.standin.model_dump()
    standin["options"] |= options
    return entry.model_copy(update={"standin": Standin.model_validate(standin)})


@pytest.mark.parametrize("key", KEYS)
def test_every_page_writes_a_small_stand_in_with_the_members_of_its_layout(key):
    folder = tree(key)
    entry = registry.load(key)
    for member in entry.layouts[0].members:
        assert any((folder / member.name).glob("*")) or (folder / member.name).is_file(), member
    size = sum(len(content) for content in contents(folder).values())
    assert size < (20e6 if key == "pictograms" else 5e6)
    assert not [name for name in files(folder) if ".part" in name]


@pytest.mark.parametrize("key", KEYS)
def test_a_second_write_gives_the_same_bytes(key, tmp_path):
    standins.write(registry.load(key), tmp_path)
    assert contents(tmp_path) == contents(tree(key))


def test_another_process_gives_the_same_bytes(tmp_path):
    keys = ["imagenet_val", "iwildcam", "terra_incognita", "laion400m"]
    code = (
        "import sys, pathlib\n"
        "from replidg.data import registry, standins\n"
        "for key in sys.argv[2:]:\n"
        "    standins.write(registry.load(key), pathlib.Path(sys.argv[1]) / key)\n"
    )
    # Sets of texts come in another order in every process.
    command = [sys.executable, "-c", code, str(tmp_path), *keys]
    subprocess.run(command, check=True, env={"PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo"})
    for key in keys:
        assert contents(tmp_path / key) == contents(tree(key)), key


@pytest.mark.parametrize("key", [key for key in KEYS if key != "pictograms"])
def test_the_provenance_names_every_image_once(key):
    found = pd.read_csv(tree(key) / PROVENANCE) if images(tree(key)) else None
    if found is None:
        assert "laion" in key
        return
    assert sorted(found["path"]) == images(tree(key))
    assert found["path"].is_unique
    assert found["licence"].notna().all()
    assert set(found["image_id"]) <= set(table().index)


FOLDERS = ["PACS", "VLCS", "office_home", "domain_net", "domain_net_cleaned"]


@pytest.mark.parametrize("key", [*FOLDERS, "pictograms"])
def test_class_folders_are_the_classes_of_the_pictures_inside(key):
    entry = registry.load(key)
    if key == "pictograms":
        rows = pd.DataFrame(index=pd.Index(images(tree(key))))
        rows["class_name"] = table()["class_name"].rename(index=lambda name: f"{name}.png")
    else:
        rows = provenance(key)
    assert len(rows) == len(images(tree(key)))
    for path, class_name in rows["class_name"].items():
        domain, folder, _ = path.split("/")
        assert (folder, domain in entry.domains) == (class_name, True), path


PLAIN = {
    "PACS": ["art_painting", "cartoon", "photo", "sketch"],
    "office_home": ["Clipart", "Product", "Real World"],
    "domain_net": ["clipart", "real"],
    "VLCS": ["Caltech101"],
}


@pytest.mark.parametrize("key", PLAIN)
def test_pixels_alone_give_the_class_folder(key):
    """Without the writer's own bookkeeping: by the nearest of all 4,686 pictures."""
    paths = [path for domain in PLAIN[key] for path in sorted((tree(key) / domain).glob("*/*"))]
    found = nearest_classes(paths)
    wrong = [
        path for path, classes in zip(paths, found, strict=True) if path.parent.name not in classes
    ]
    assert not wrong
    # The measure would notice: hardly any picture looks like those of two classes.
    assert sum(len(classes) == 1 for classes in found) > 0.95 * len(found)


def test_stand_ins_of_the_same_style_differ():
    """DomainNet's real and OfficeHome's Real World are photographs; their choice differs."""
    one = provenance("domain_net")
    two = provenance("office_home")
    one = set(one.loc[one.index.str.startswith("real/"), "image_id"])
    two = set(two.loc[two.index.str.startswith("Real World/"), "image_id"])
    # Classes with fewer photographs than either takes are all in both.
    assert len(one & two) < 0.75 * min(len(one), len(two))


@pytest.mark.parametrize(
    ("key", "options", "message"),
    [
        ("PACS", {"per_class": 0}, "per_class"),
        ("PACS", {"colour": "red"}, "colour"),
        ("PACS", {"unknown_classes": ["dragon"]}, "unknown_classes.*dragon"),
        ("PACS", {"domains": {"photo": "photo"}}, "art_painting"),
        ("VLCS", {"domains": dict.fromkeys(("Caltech101", "LabelMe"), "oil")}, "no style 'oil'"),
        ("imagenet_val", {"drawings": ["photo/wet"]}, "no look 'wet'"),
        ("imagenet_val", {"share": [0.5, 0.5]}, "no photo picture of plant"),
        ("iwildcam", {"images": {"val": 100_000}}, "images.val: 100000 asked"),
        ("objectnet", {"not_in_imagenet": ["bird"]}, "not_in_imagenet"),
        ("laion400m", {"parts": {}}, "reader.parts"),
        ("pictograms", {"per_class": 3}, "per_class"),
        (
            "fmow",
            {"regions": {"Asia": {"style": "noto", "countries": ["FRA"], "images": {}}}},
            "FRA is in Europe",
        ),
    ],
)
def test_wrong_options_are_named(key, options, message, tmp_path):
    with pytest.raises(StandinError, match=f"(?s){key}.yaml: standin.*{message}"):
        standins.write(changed(key, **options), tmp_path)


def test_an_unknown_writer_is_named(tmp_path):
    entry = registry.load("PACS")
    other = entry.model_copy(update={"standin": Standin(writer="magic")})
    with pytest.raises(StandinError, match=r"PACS.yaml: standin.writer: no writer 'magic'"):
        standins.write(other, tmp_path)
    own = entry.model_copy(update={"standin": entry.standin.model_copy(update={"classes": None})})
    with pytest.raises(StandinError, match=r"PACS.yaml: standin.classes"):
        standins.write(own, tmp_path)


def test_pages_name_writers_that_exist():
    assert {registry.load(key).standin.writer for key in registry.names()} == set(standins.WRITERS)


def test_formats_follow_the_names():
    magic = {".jpg": b"\xff\xd8\xff", ".jpeg": b"\xff\xd8\xff", ".png": b"\x89PNG"}
    for key in KEYS:
        for name in images(tree(key))[::17]:
            start = (tree(key) / name).read_bytes()[:4]
            assert start.startswith(magic[Path(name).suffix.lower()]), name


def test_scenes_take_cut_outs_only():
    from replidg.data.standins.pictures import Drawing

    all_of, cut = pool(Drawing("photo"), "bird"), pool(Drawing("photo", "scene"), "bird")
    assert set(cut) < set(all_of)
    assert table().loc[cut, "has_alpha"].all()


def test_looks_are_deterministic_and_keep_the_size():
    from replidg.data.standins.looks import LOOKS
    from replidg.data.standins.pictures import draw

    seen = set()
    for look in LOOKS:
        picture = draw("noto/mammal/tiger_face", look, "test")
        assert (picture.size, picture.mode) == ((64, 64), "RGB"), look
        assert encode(picture, ".png") == encode(
            draw("noto/mammal/tiger_face", look, "test"), ".png"
        )
        seen.add(encode(picture, ".png"))
    assert len(seen) == len(LOOKS)
