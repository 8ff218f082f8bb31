"""Every wrong configuration gives one error that names the key and what to do."""

import copy
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from replidg.config import Config, ConfigError, load
from replidg.config.check import fine_tuning, nearest
from replidg.config.inputs import Prompts, Splits
from replidg.config.schema import Thresholds

ROOT = Path(__file__).parents[2]
DEMO = yaml.safe_load((ROOT / "config.yaml").read_text())


def changed(path: str, value) -> dict:
    """Return the demo's configuration with one key set; a dict replaces what was there."""
    content = copy.deepcopy(DEMO)
    *folders, last = path.split("/")
    node = content
    for key in folders:
        node = node.setdefault(key, {})
    node[last] = value
    return content


def without(path: str) -> dict:
    content = copy.deepcopy(DEMO)
    *folders, last = path.split("/")
    node = content
    for key in folders:
        node = node[key]
    del node[last]
    return content


def problems(content: dict) -> list[str]:
    """Return the lines of the one error that `content` gives."""
    with pytest.raises(ConfigError) as caught:
        load(content)
    assert caught.value.__cause__ is None
    first, *lines = str(caught.value).split("\n")
    assert first == "the configuration has errors:"
    assert all(line.startswith("  - ") for line in lines)
    return [line.removeprefix("  - ") for line in lines]


def problem(content: dict) -> str:
    """Return the only problem of `content`."""
    (line,) = problems(content)
    return line


def test_the_demo_loads():
    config = load(DEMO)
    assert isinstance(config, Config) and config.scale == "demo"
    assert config.datasets["pictograms"].splits.train == 0.7
    assert config.models["tiny_clip"].training.lr == 0.001
    assert config.methods["miro_swad"].averaging == "swad"
    assert config.methods["erm"].swad_tolerate == 6  # a default


@pytest.mark.parametrize("overlay", sorted((ROOT / "config").glob("*.yaml")), ids=lambda p: p.name)
def test_overlays_have_known_top_level_keys(overlay):
    assert set(yaml.safe_load(overlay.read_text())) <= set(Config.model_fields)


def test_the_configuration_is_not_changed_by_loading():
    content = copy.deepcopy(DEMO)
    load(content)
    assert content == DEMO
    with pytest.raises(ValidationError):
        load(DEMO).scale = "other"


# --- unknown keys ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "suggestion"),
    [
        ("scales", "scale"),
        ("plots/fontsize", "font_size"),
        ("alignment/seed", "seeds"),
        ("alignment/training/step", "steps"),
        ("alignment/training/augmentation/greyscale", "grayscale"),
        ("alignment/curve/binwidth", "bin_width"),
        ("alignment/scores/clip/prompt", "prompts"),
        ("alignment/thresholds/lower", "low"),
        ("datasets/pictograms/domain", "domains"),
        ("datasets/pictograms/splits/valid", "validation"),
        ("datasets/pictograms/pretraining/held_out_class", "held_out_classes"),
        ("models/tiny_clip/archtecture", "architecture"),
        ("models/tiny_clip/training/epoch", "epochs"),
        ("methods/swad/swad_converged", "swad_converge"),
        ("preprocessing/clip/normalize", "normalise"),
        ("prompts/code/template", "templates"),
        ("embedding/shardsize", "shard_size"),
    ],
)
def test_unknown_key(path, suggestion):
    line = problem(changed(path, 1))
    assert line == f"unknown key {path.replace('/', '.')!r}; did you mean {suggestion!r}?"


def test_unknown_key_that_resembles_none_lists_the_valid_ones():
    line = problem(changed("plots/zzz", 1))
    assert line == "unknown key 'plots.zzz'; known: dpi, font_size, grid"


def test_a_key_of_another_kind_of_data_set_is_not_suggested():
    content = changed("datasets/own", {"source": "folder", "domains": ["a", "b"], "trees": []})
    assert "'tree'" not in problem(content)


def test_unknown_key_in_overrides():
    line = problem(changed("alignment/training_overrides", {"pictograms": {"step": 5}}))
    assert (
        line == "unknown key 'alignment.training_overrides.pictograms.step'; did you mean 'steps'?"
    )


@given(st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=12))
def test_any_unknown_key_is_named(key):
    if key not in Config.model_fields:
        assert f"unknown key {key!r}" in problem(changed(key, 1))


def test_all_problems_are_listed_at_once():
    content = changed("scales", 1)
    content["alignment"]["seed"] = 1
    content["plots"] = {"dpi": "many"}
    assert len(problems(content)) == 3


@pytest.mark.parametrize(
    "path", ["scale", "alignment", "alignment/model", "datasets/pictograms/tree",
             "models/tiny_clip/training", "methods/erm/objective", "alignment/thresholds/low"]
)  # fmt: skip
def test_missing_key(path):
    assert problem(without(path)) == f"missing key {path.replace('/', '.')!r}"


# --- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "key", "remedy"),
    [
        ("alignment/model", "tiny_clp", "alignment.model", "did you mean 'tiny_clip'?"),
        ("alignment/methods", ["clipood", "vl2v_sd", "swat"], "alignment.methods", "'swad'"),
        ("alignment/figure_method", "miro_swat", "alignment.figure_method", "'miro_swad'"),
        ("alignment/datasets", ["pictogram"], "alignment.datasets", "'pictograms'"),
        ("alignment/score", "clap", "alignment.score", "'clip'"),
        ("alignment/scores/code/preprocessing", "domainbad", "alignment.scores.code.preprocessing",
         "'domainbed'"),
        ("alignment/scores/code/prompts", "pictures", "alignment.scores.code.prompts", "'picture'"),
        ("alignment/zero_shot/preprocessing", "domainbad", "alignment.zero_shot.preprocessing",
         "'domainbed'"),
        ("alignment/zero_shot/prompts", "papers", "alignment.zero_shot.prompts", "'paper'"),
        ("alignment/training/preprocessing", "clib", "alignment.training.preprocessing", "'clip'"),
        ("alignment/training_overrides", {"pacs": {}}, "alignment.training_overrides",
         "'PACS'"),
        ("models/tiny_clip/training/dataset", "pictogram", "models.tiny_clip.training.dataset",
         "'pictograms'"),
        ("data_root", {"pictogramms": "/"}, "data_root", "'pictograms'"),
    ],
)  # fmt: skip
def test_a_name_that_refers_to_nothing(path, value, key, remedy):
    line = problem(changed(path, value))
    wrong = next(iter(value)) if isinstance(value, dict) else value
    wrong = wrong[-1] if isinstance(wrong, list) else wrong
    assert line.startswith(f"{key}: {wrong!r} is not defined; ")
    assert remedy in line


def test_the_figures_method_must_be_a_row_of_the_table():
    content = changed("alignment/methods", ["erm", "clipood"])
    expected = "alignment.figure_method: 'vl2v_sd' is not defined; known: clipood, erm"
    assert expected in problem(content)


def test_unknown_preprocessing_in_an_override():
    override = {"pictograms": {"preprocessing": "clib"}}
    line = problem(changed("alignment/training_overrides", override))
    assert "alignment.training_overrides.pictograms" in line and "'clip'" in line


@pytest.mark.parametrize("part", ["domains", "pretraining/domains"])
def test_domain_that_is_not_in_the_tree(part):
    content = changed(f"datasets/pictograms/{part}", ["photo", "noto_mon"])
    assert problem(content) == (
        "datasets.pictograms: domain 'noto_mon' is not in the tree; did you mean 'noto_mono'?"
    )


def test_one_domain_is_too_few():
    line = problem(changed("datasets/pictograms/domains", ["photo"]))
    assert line.startswith("datasets.pictograms.domains") and "at least two" in line


def test_unknown_source():
    line = problem(changed("datasets/pictograms/source", "web"))
    assert line.startswith("datasets.pictograms") and "'embedded', 'folder'" in line


# --- values ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("alignment/training/steps", "many", ["alignment.training.steps", "integer", "'many'"]),
        ("alignment/training/steps", 0, ["alignment.training.steps", "greater than 0", "got 0"]),
        ("alignment/seeds", [0, "x"], ["alignment.seeds.1", "integer", "'x'"]),
        ("alignment/seeds", [], ["alignment.seeds", "at least 1"]),
        ("alignment/runs_per_job", "two", ["alignment.runs_per_job", "'one'", "'all'"]),
        ("methods/erm/objective", "emr", ["methods.erm.objective", "'erm'", "got 'emr'"]),
        ("methods/erm/lr", -1, ["methods.erm.lr", "greater than 0"]),
        (
            "models/tiny_clip/channels_last",
            "perhaps",
            ["models.tiny_clip.channels_last", "boolean"],
        ),
        ("models/tiny_clip/training/lr", 0, ["models.tiny_clip.training.lr", "greater than 0"]),
        ("datasets/pictograms/images", {"photo": "x"}, ["datasets.pictograms.images.photo"]),
        ("datasets/pictograms/tree", "photo", ["datasets.pictograms.tree", "list"]),
        ("datasets", 3, ["datasets", "dictionary", "got 3"]),
        ("prompts/code/templates", ["A photo."], ["prompts.code", "'A photo.'", "exactly one {}"]),
        ("alignment/training/augmentation/flip", 1.5, ["alignment.training.augmentation.flip"]),
    ],
)
def test_wrong_value(path, value, words):
    line = problem(changed(path, value))
    assert line.startswith(words[0]) and all(word in line for word in words), line


@pytest.mark.parametrize("levels", [(0.3, 0.2, 0.4), (0.1, 0.5, 0.4), (0.9, 0.5, 0.1)])
def test_thresholds_out_of_order(levels):
    values = dict(zip(("low", "split", "high"), levels, strict=True))
    line = problem(changed("alignment/thresholds", {"kind": "absolute", **values}))
    assert line.startswith("alignment.thresholds: thresholds out of order")
    assert f"low {levels[0]} <= split {levels[1]} <= high {levels[2]} must hold" in line


@pytest.mark.parametrize("levels", [(-0.1, 0.2, 0.4), (0.1, 0.2, 1.1)])
def test_quantile_outside_0_and_1(levels):
    values = dict(zip(("low", "split", "high"), levels, strict=True))
    line = problem(changed("alignment/thresholds", {"kind": "quantile", **values}))
    assert line == "alignment.thresholds: quantile thresholds lie between 0 and 1"
    assert Thresholds(kind="absolute", **values).low == levels[0]


@given(st.tuples(*[st.floats(-1, 1)] * 3))
def test_thresholds_are_accepted_if_and_only_if_in_order(levels):
    low, split, high = levels
    try:
        Thresholds(kind="absolute", low=low, split=split, high=high)
        accepted = True
    except ValidationError:
        accepted = False
    assert accepted == (sorted(levels) == list(levels))


def test_splits_must_sum_to_1():
    shares = {"train": 0.7, "validation": 0.2, "test": 0.2}
    line = problem(changed("datasets/pictograms/splits", shares))
    assert line == "datasets.pictograms.splits: train + validation + test must be 1"
    Splits(train=0.1, validation=0.2, test=0.7)  # 0.1 + 0.2 + 0.7 is 0.9999999999999999


def test_a_template_with_two_places():
    with pytest.raises(ValidationError, match="exactly one"):
        Prompts(templates=["a {} of {}"])


# --- models ------------------------------------------------------------------------------------


def open_clip_model(name: str) -> dict:
    return changed("models/big", {"source": "open_clip", "name": name, "pretrained": "x"})


def test_unknown_architecture():
    line = problem(open_clip_model("ViT-B16"))
    assert line.startswith("models.big.name: open_clip has no architecture 'ViT-B16'")
    assert "did you mean 'ViT-B-16" in line


@pytest.mark.parametrize("name", ["ViT-B-16", "ViT-B-16-quickgelu", "RN50", "hf-hub:a/b"])
def test_known_architectures(name):
    assert load(open_clip_model(name)).models["big"].name == name


def test_a_timm_model_loads():
    content = changed("models/dino", {"source": "timm", "name": "vit_base_patch14_dinov2.lvd142m"})
    assert load(content).models["dino"].pretrained is True


# --- folders -----------------------------------------------------------------------------------


def folder_config(root: Path | None) -> dict:
    content = changed("datasets/pacs", {"source": "folder", "domains": ["art", "photo"]})
    content["alignment"]["datasets"] = ["pictograms", "pacs"]
    if root is not None:
        content["data_root"] = {"pacs": str(root)}
    return content


def test_folder_without_data_root():
    assert problem(folder_config(None)) == (
        "datasets.pacs is a folder that you have: set data_root.pacs to its path"
    )


def test_data_root_that_is_not_there(tmp_path):
    line = problem(folder_config(tmp_path / "none"))
    assert line == f"data_root.pacs: there is no folder {tmp_path / 'none'}"


def test_missing_domain_folder(tmp_path):
    for name in ("photo", "arts"):
        (tmp_path / name).mkdir()
    line = problem(folder_config(tmp_path))
    assert line.startswith("data_root.pacs: domain 'art' has no folder in")
    assert line.endswith("did you mean 'arts'?")


def test_whole_folder(tmp_path):
    for name in ("photo", "art"):
        (tmp_path / name).mkdir()
    assert load(folder_config(tmp_path)).data_root == {"pacs": str(tmp_path)}


def test_a_folder_that_no_paper_uses_need_not_be_there():
    load(changed("datasets/pacs", {"source": "folder", "domains": ["art", "photo"]}))


# --- overrides ---------------------------------------------------------------------------------


def test_overrides_are_applied():
    config = load(
        changed("alignment/training_overrides", {"pictograms": {"steps": 77, "evaluate_every": 7}})
    )
    own = fine_tuning(config, "pictograms")
    assert (own.steps, own.evaluate_every) == (77, 7)
    assert own.batch_per_domain == config.alignment.training.batch_per_domain == 8
    assert fine_tuning(config, "another") == config.alignment.training


def test_an_override_of_one_nested_key_keeps_the_others():
    content = changed(
        "alignment/training_overrides", {"pictograms": {"augmentation": {"flip": 0.0}}}
    )
    content["alignment"]["training"]["augmentation"] = {"jitter": 0.1}
    own = fine_tuning(load(content), "pictograms").augmentation
    assert (own.flip, own.jitter) == (0.0, 0.1)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ({"steps": "many"}, ["alignment.training_overrides.pictograms.steps", "integer"]),
        ({"steps": -3}, ["alignment.training_overrides.pictograms.steps", "greater than 0"]),
        (
            {"augmentation": {"flop": 1}},
            ["alignment.training_overrides.pictograms.augmentation.flop", "'flip'"],
        ),
    ],
)
def test_bad_override(override, words):
    line = problem(changed("alignment/training_overrides", {"pictograms": override}))
    assert all(word in line for word in words), line


# --- hints -------------------------------------------------------------------------------------


def test_nearest():
    assert nearest("stpes", ["steps", "seeds"]) == "did you mean 'steps'?"
    assert nearest("zzz", ["b", "a"]) == "known: a, b"
    assert nearest("zzz", []) == "known: none"
