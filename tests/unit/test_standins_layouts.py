"""Stand-ins by their official layouts: names of folders and files, counts, tables, mappings."""

import json
import re
import tarfile
import tempfile
from collections import Counter
from fnmatch import fnmatch
from functools import cache

import pandas as pd
import pytest
from PIL import Image
from standin_trees import files, images, provenance, tree

from replidg.data import registry
from replidg.data.standins.folders import Options
from replidg.data.standins.pictures import PROVENANCE, backgrounds, pool, table
from replidg.data.standins.web_lists import picture_of
from replidg.data.standins.wordnet import PICTURES, SYNSETS, lemmas

NAMES = {
    "PACS": r"(art_painting|cartoon)/\w+/pic_\d{3}\.jpg|photo/\w+/\d{3}_\d{4}\.jpg"
    r"|sketch/\w+/\d{16}\.png",
    "VLCS": r"(Caltech101|LabelMe|SUN09|VOC2007)/\w+/imgs_\d{6}\.jpg",
    "office_home": r"(Art|Clipart|Product|Real World)/\w+/\d{5}\.jpg",
    "domain_net": r"(clipart|infograph|painting|real|sketch)/\w+/\1_\d{3}_\d{6}\.jpg"
    r"|quickdraw/\w+/\d{16}\.png",
    "terra_incognita": r"eccv_18_all_images_sm/[0-9a-f-]{36}\.jpg|caltech_images_20210113\.json",
    "fmow": r"fmow_v1\.1/(images/rgb_img_\d+\.png|rgb_metadata\.csv|country_code_mapping\.csv"
    r"|RELEASE_v1\.1\.txt)",
    "iwildcam": r"iwildcam_v2\.0/(train/[0-9a-f-]{36}\.jpg|(metadata|categories)\.csv"
    r"|RELEASE_v2\.0\.txt)",
    "imagenet_train": r"train/(n\d{8})/\1_\d+\.JPEG",
    "imagenet_val": r"val/ILSVRC2012_val_\d{8}\.JPEG|ILSVRC2012_devkit_t12/data/"
    r"(ILSVRC2012_validation_ground_truth\.txt|meta\.mat)",
    "imagenet_v2": r"imagenetv2-matched-frequency-format-val/\d+/[0-9a-f]{40}\.jpeg",
    "imagenet_a": r"imagenet-a/n\d{8}/0\.0\d{5}_([\w ]+) _ \1_0\.\d{8}\.jpg",
    "imagenet_r": r"imagenet-r/n\d{8}/(graphic|cartoon|toy|sticker)_\d+\.jpg",
    "imagenet_sketch": r"sketch/n\d{8}/sketch_\d+\.JPEG",
    "objectnet": r"objectnet-1\.0/(images/\w+/[0-9a-f]{15}\.png|mappings/"
    r"(folder_to_objectnet_label|objectnet_to_imagenet_1k|pytorch_to_imagenet_2012_id)\.json"
    r"|mappings/imagenet_to_label_2012_v2)",
    "pictograms": r"\w+/\w+/[^/]+\.png|metadata\.csv",
}
NAMES["domain_net_cleaned"] = NAMES["domain_net"] + r"|domain_net_duplicates\.txt"
SYNSET_SETS = [key for key in NAMES if key.startswith("imagenet_")]


@pytest.mark.parametrize("key", NAMES)
def test_every_file_has_an_official_name(key):
    odd = [name for name in files(tree(key)) if not re.fullmatch(NAMES[key], name)]
    assert odd in ([], [PROVENANCE])


@pytest.mark.parametrize("key", ["PACS", "VLCS", "office_home", "domain_net"])
def test_domain_folders_have_the_numbers_that_the_options_say(key):
    standin = registry.load(key).standin
    found = Counter(tuple(name.split("/")[:2]) for name in images(tree(key)))
    wanted = {}
    for domain, drawing in Options.model_validate(standin.options).domains.items():
        for class_name in standin.classes:
            have = len(pool(drawing, class_name))
            wanted[domain, class_name] = min(have, standin.options["per_class"])
    assert found == wanted
    assert 200 <= sum(found.values()) <= 910
    assert min(found.values()) >= 4


def test_the_duplicates_are_duplicates():
    folder = tree("domain_net_cleaned")
    listed = (folder / "domain_net_duplicates.txt").read_text().split()
    assert len(listed) == len(set(listed)) == 18
    assert Counter(name.split("/")[0] for name in listed) == dict.fromkeys(
        registry.load("domain_net").domains, 3
    )
    kept = sorted(set(images(folder)) - set(listed))
    assert kept == images(tree("domain_net"))
    for name in listed:
        twins = [other for other in kept if other.rpartition("/")[0] == name.rpartition("/")[0]]
        assert any((folder / name).read_bytes() == (folder / twin).read_bytes() for twin in twins)


def test_camera_traps_are_annotated_as_coco_does():
    folder, entry = tree("terra_incognita"), registry.load("terra_incognita")
    content = json.loads((folder / "caltech_images_20210113.json").read_text())
    assert list(content) == ["info", "categories", "images", "annotations"]
    names = {row["id"]: row["name"] for row in content["categories"]}
    assert names[11] == "bird" and names[30] == "empty"
    assert set(names.values()) == {*entry.standin.classes, "sky", "tool"}
    shown = {row["image_id"]: names[row["category_id"]] for row in content["annotations"]}
    assert len(shown) == len(content["annotations"]) == len(content["images"])
    official = {"id", "file_name", "rights_holder", "location", "width", "height", "date_captured"}
    official |= {"seq_id", "seq_num_frames", "frame_num"}
    assert all(
        set(row) == official and isinstance(row["location"], str) for row in content["images"]
    )
    there = {name.rpartition("/")[2] for name in images(folder)}
    listed = {row["file_name"] for row in content["images"]}
    assert there < listed and len(listed - there) == entry.standin.options["without_image"]
    rows = provenance("terra_incognita")
    for row in content["images"]:
        if row["file_name"] in there:
            made_of = rows.loc[f"eccv_18_all_images_sm/{row['file_name']}"]
            assert made_of["class_name"] == shown[row["id"]].replace("empty", "")
            assert (made_of["image_id"] in backgrounds()) == (shown[row["id"]] == "empty")
    found = Counter((row["location"], shown[row["id"]]) for row in content["images"])
    kept = [name.removeprefix("location_") for name in entry.domains]
    most = entry.standin.options["per_class"]
    for location in kept:
        for class_name in entry.standin.classes:
            assert 5 <= found[location, class_name] <= most
        assert found[location, "empty"] == most
        assert found[location, "sky"] == found[location, "tool"] == 3
    assert {location for location, _ in found} - set(kept) == {"5", "0"}


def test_locations_of_camera_traps_share_neither_pictures_nor_places():
    content = json.loads((tree("terra_incognita") / "caltech_images_20210113.json").read_text())
    rows = provenance("terra_incognita")["image_id"]
    used: dict[str, set[str]] = {}
    for row in content["images"]:
        name = f"eccv_18_all_images_sm/{row['file_name']}"
        if name in rows.index:
            used.setdefault(row["location"], set()).add(rows[name])
    assert sum(map(len, used.values())) == len(set().union(*used.values()))


@pytest.mark.parametrize("key", [*SYNSET_SETS, "objectnet"])
def test_the_imagenet_family_has_one_list_of_real_synsets(key):
    classes = registry.load(key).standin.classes
    assert classes == sorted(SYNSETS.values()) == registry.load("imagenet_val").standin.classes
    for wnid in classes:
        assert lemmas(wnid)  # a KeyError if timm's list did not have it
    assert lemmas(SYNSETS["bird"]) == "bird"


@pytest.mark.parametrize("key", SYNSET_SETS)
def test_synset_folders_hold_pictures_of_the_synset(key):
    entry = registry.load(key)
    classes, options = entry.standin.classes, entry.standin.options
    labels = _validation_labels() if key == "imagenet_val" else None
    seen = set()
    for path, class_name in provenance(key)["class_name"].items():
        folder = path.split("/")[1]
        if key == "imagenet_val":
            wnid = labels[int(path[-13:-5]) - 1]
        else:
            wnid = classes[int(folder)] if key == "imagenet_v2" else folder
        assert PICTURES[wnid] == class_name, path
        seen.add(wnid)
    assert seen == set(classes) - set(options.get("left_out", []))
    assert 60 <= len(images(tree(key))) <= 300


@cache
def _validation_labels() -> list[str]:
    """As torchvision reads the development kit, up to the archive's own hash."""
    from torchvision.datasets import imagenet

    with tempfile.TemporaryDirectory() as root, pytest.MonkeyPatch.context() as patch:
        with tarfile.open(f"{root}/ILSVRC2012_devkit_t12.tar.gz", "w:gz") as archive:
            archive.add(tree("imagenet_val") / "ILSVRC2012_devkit_t12", "ILSVRC2012_devkit_t12")
        patch.setattr(imagenet, "_verify_archive", lambda *_: None)
        imagenet.parse_devkit_archive(root)
        words, labels = imagenet.load_meta_file(root)
    assert {wnid: ", ".join(several) for wnid, several in words.items()} == {
        wnid: lemmas(wnid) for wnid in SYNSETS.values()
    }
    return labels


def test_meta_mat_has_the_official_fields_and_inner_synsets():
    from scipy.io import loadmat

    path = tree("imagenet_val") / "ILSVRC2012_devkit_t12/data/meta.mat"
    synsets = loadmat(path, squeeze_me=True)["synsets"]
    assert synsets.dtype.names == (
        "ILSVRC2012_ID", "WNID", "words", "gloss", "num_children", "children", "wordnet_height",
        "num_train_images",
    )  # fmt: skip
    assert Counter(synsets["num_children"] > 0) == {False: 14, True: 2}
    # Whoever takes ILSVRC2012_IDs for positions in the sorted list gets the labels wrong.
    assert list(synsets["WNID"][:14]) != sorted(synsets["WNID"][:14])


def test_natural_sets_show_different_things():
    keys = ["imagenet_train", "imagenet_val", "imagenet_v2", "imagenet_a"]
    seen = [set(provenance(key)["instance"]) for key in keys]
    rows = provenance("objectnet")
    seen.append(set(rows.loc[rows["class_name"].isin(SYNSETS), "instance"]))
    for key in [*keys, "objectnet"]:
        assert set(provenance(key)["domain"]) == {"photo"}
    assert sum(map(len, seen)) == len(set().union(*seen))
    assert set(provenance("imagenet_r")["domain"]) == {
        "openclipart",
        "noto",
        "fluent_3d",
        "twemoji",
    }
    assert set(provenance("imagenet_sketch")["domain"]) == {"openclipart", "noto_mono"}


def test_objectnet_maps_its_folders_to_synsets_as_its_owners_do():
    root, classes = tree("objectnet") / "objectnet-1.0", registry.load("objectnet").standin.classes
    read = lambda name: json.loads((root / "mappings" / name).read_text())  # noqa: E731
    folders = read("folder_to_objectnet_label.json")
    assert folders["marine_animal"] == "Marine animal"
    assert set(folders) == {path.name for path in (root / "images").iterdir()}
    answers = read("objectnet_to_imagenet_1k.json")
    lines = (root / "mappings/imagenet_to_label_2012_v2").read_text().splitlines()
    numbers = read("pytorch_to_imagenet_2012_id.json")
    assert sorted(numbers, key=int) == [str(label) for label in range(len(classes))]
    label_of_line = {number: int(label) for label, number in numbers.items()}
    accepted = {
        folder: [classes[label_of_line[lines.index(one)]] for one in answers[label].split("; ")]
        for folder, label in folders.items()
        if label in answers
    }
    assert {folder: wnids[0] for folder, wnids in accepted.items()} == SYNSETS
    assert accepted["flower"] == [SYNSETS["flower"], SYNSETS["plant"]]
    assert set(folders) - set(accepted) == {"drink", "electronics", "stationery"}
    for path, class_name in provenance("objectnet")["class_name"].items():
        assert path.split("/")[2] == class_name


def test_objectnet_images_have_their_red_border():
    folder = tree("objectnet")
    for name in images(folder)[::9]:
        picture = Image.open(folder / name)
        assert picture.size == (68, 68)
        edge = [picture.crop((0, 0, 68, 2)), picture.crop((66, 0, 68, 68))]
        assert all(part.getextrema() == ((255, 255), (0, 0), (0, 0)) for part in edge)
        assert picture.crop((2, 2, 66, 66)).getextrema() != ((255, 255), (0, 0), (0, 0))


@pytest.mark.parametrize("key", ["laion400m", "laion_natural_rendition"])
def test_web_lists_have_laions_columns_and_fit_the_reader(key):
    entry, folder = registry.load(key), tree(key)
    for domain, glob in entry.reader.parts.items():
        part = entry.standin.options["parts"][domain]
        found = [name for name in files(folder) if fnmatch(name, glob)]
        assert len(found) == part["files"]
        rows = pd.concat([pd.read_parquet(folder / name) for name in found])
        assert len(rows) == part["rows"]
        assert list(rows) == [
            "SAMPLE_ID", "URL", "TEXT", "HEIGHT", "WIDTH", "LICENSE", "NSFW", "similarity",
        ]  # fmt: skip
        assert set(entry.reader.columns.values()) <= set(rows)
        assert rows["SAMPLE_ID"].is_unique and rows["URL"].is_unique
        assert rows["URL"].str.fullmatch(r"https://images\.example\.org/.+\.jpg").all()
        drawings = {
            (table().at[name, "domain"], look) for name, look in map(picture_of, rows["URL"])
        }
        assert drawings == {tuple((f"{style}/plain").split("/")[:2]) for style in part["styles"]}
        assert rows["TEXT"].str.len().min() > 3
        assert rows["similarity"].between(0.3, 0.45).all()


def test_pictograms_are_all_embedded_pictures_with_a_class():
    known = table()
    known = known[known["class_name"] != ""]
    assert images(tree("pictograms")) == sorted(known["image_id"] + ".png")
