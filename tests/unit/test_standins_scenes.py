"""Street-scene stand-ins: labels that say what was drawn, pictures kept apart, options."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scene_trees import IMAGES, drawn, expected, ids, labels, mapped, page, tree

from replidg.data import registry, standins
from replidg.data.convert import convert
from replidg.data.embedded_pictures import load_table
from replidg.data.registry.schema import Standin
from replidg.data.standins import scenes
from replidg.data.standins.pictures import PROVENANCE, StandinError
from replidg.data.standins.scenes.labels import train_ids
from replidg.data.standins.scenes.sprites import side_of


@pytest.mark.parametrize("key", [key for key in IMAGES if key != "bdd100k"])
@pytest.mark.parametrize("part", ["train", "val"])
def test_labels_say_what_was_drawn(key, part):
    if part not in IMAGES[key]:
        return
    found = [mapped(ids(path, key), key) for path in labels(key, part)]
    made = expected(key, part)
    assert len(found) == len(made) > 0
    if key in ("cityscapes", "mapillary_vistas"):
        # Files come in another order than scenes: cities, random names.
        assert sorted(mask.tobytes() for mask in found) == sorted(m.tobytes() for m in made)
    else:
        assert all((one == other).all() for one, other in zip(found, made, strict=True))


@pytest.mark.parametrize("key", IMAGES)
def test_every_class_is_in_the_training_part(key):
    absent = {9, 14, 16} if key == "synthia" else set()
    present = {int(label) for mask in expected(key, "train") for label in np.unique(mask)}
    assert present - {255} == set(range(19)) - absent


def test_the_composers_train_ids_agree_with_the_names():
    for key, family in (("gta5", "cityscapes"), ("synthia", "synthia")):
        shot = drawn(key)[0]
        assert (train_ids(shot.kinds, family) == expected(key, "train")[0]).all()


def test_official_labels_of_bdd100k_are_train_ids_already():
    found = [np.asarray(Image.open(path)) for path in labels("bdd100k", "train")]
    made = expected("bdd100k", "train")
    assert sorted(mask.tobytes() for mask in found) == sorted(m.tobytes() for m in made)
    assert {path.suffix for path in (tree("bdd100k") / "images/10k/test").iterdir()} == {".jpg"}
    assert not (tree("bdd100k") / "labels/sem_seg/masks/test").exists()


@pytest.mark.parametrize("key", ["gta5", "synthia", "cityscapes", "mapillary_vistas", "acdc"])
def test_the_conversion_finds_the_same_masks(key, tmp_path):
    entry = page(key)
    convert(entry, tree(key), tmp_path, None)
    for part, place in entry.reader.parts.items():
        if place.labels is None:
            continue
        files = sorted((tmp_path / place.labels).rglob(f"*{entry.reader.seg_map_suffix}"))
        found = [np.asarray(Image.open(path)).tobytes() for path in files]
        assert sorted(found) == sorted(mask.tobytes() for mask in expected(key, part))
        images = list((tmp_path / place.images).rglob(f"*{entry.reader.img_suffix}"))
        assert len(images) == len(files)


def test_mmsegmentation_lists_bdd100k_as_it_is():
    from replidg.compat import prepare_mmseg

    prepare_mmseg()
    from mmseg.datasets import BDD100KDataset

    dataset = BDD100KDataset(
        data_root=str(tree("bdd100k")),
        data_prefix={"img_path": "images/10k/val", "seg_map_path": "labels/sem_seg/masks/val"},
        pipeline=[],
    )
    assert len(dataset) == IMAGES["bdd100k"]["val"]
    for row in dataset:
        image, mask = Image.open(row["img_path"]), Image.open(row["seg_map_path"])
        assert image.size == mask.size == (171, 96)


@pytest.mark.parametrize("key", ["cityscapes", "bdd100k", "mapillary_vistas", "acdc"])
def test_pictures_of_training_scenes_are_in_no_other_part(key):
    rows = pd.read_csv(tree(key) / PROVENANCE)
    instance = load_table().set_index("image_id")["instance"]
    training = rows["path"].str.contains("(?:^|/)train")
    seen, unseen = (set(instance[rows.loc[part, "image_id"]]) for part in (training, ~training))
    assert seen
    assert unseen
    assert not seen & unseen
    assert {side_of(name) for name in seen} == {"seen"}
    images = {p.relative_to(tree(key)).as_posix() for p in tree(key).rglob("*")}
    assert set(rows["path"]) <= images


def test_games_and_cameras_have_other_drawings():
    styles = {}
    for key in ("gta5", "synthia", "cityscapes"):
        rows = pd.read_csv(tree(key) / PROVENANCE)
        styles[key] = set(rows["image_id"].str.split("/").str[0])
    assert styles["gta5"] == {"fluent_3d", "fluent_flat"}
    assert styles["synthia"] == {"twemoji"}
    assert styles["cityscapes"] == {"photo", "openclipart", "noto"}


@pytest.mark.parametrize("key", IMAGES)
def test_a_second_write_gives_the_same_bytes(key, tmp_path):
    entry = page(key, height=64, images=dict.fromkeys(IMAGES[key], 2))
    for name in ("one", "two"):
        standins.write(entry, tmp_path / name)
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
    assert files == sorted(p.relative_to(tmp_path / "two") for p in (tmp_path / "two").rglob("*.*"))
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_another_variant_has_other_streets():
    one, other = (
        next(scenes.shots("gta5", scenes.Options(images={"train": 1}, variant=variant)))
        for variant in ("", "b")
    )
    assert (one.kinds != other.kinds).mean() > 0.1


@pytest.mark.parametrize("key", IMAGES)
def test_the_page_asks_for_what_the_writer_can(key):
    options = scenes.Options.model_validate(registry.load(key).standin.options)
    assert options.height == 96
    assert set(options.images) == set(scenes.SETS[key].parts)


@pytest.mark.parametrize(
    ("key", "options", "message"),
    [
        ("gta5", {"height": 8}, r"gta5\.yaml: standin\.options.*height"),
        ("gta5", {"weather": "fog"}, r"gta5\.yaml: standin\.options.*weather"),
        ("gta5", {"images": {"val": 3}}, r"gta5\.yaml: standin\.options\.images.*train.*val"),
        ("acdc", {"images": {}}, r"acdc\.yaml: standin\.options\.images.*nothing"),
    ],
)
def test_wrong_options_are_named(key, options, message, tmp_path):
    with pytest.raises(StandinError, match=f"(?s){message}"):
        standins.write(page(key, **options), tmp_path)


def test_other_sets_are_refused(tmp_path):
    entry = registry.load("PACS").model_copy(update={"standin": Standin(writer="scenes")})
    with pytest.raises(StandinError, match=r"PACS\.yaml: standin\.writer"):
        standins.write(entry, tmp_path)
