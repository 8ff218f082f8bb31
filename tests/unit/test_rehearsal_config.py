"""The rehearsal has every kind of job of the full scale, by configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from replidg.config import ConfigError, scipd_arms, vltseg_arms, vltseg_tests
from replidg.config.check import run_protocol
from replidg.config.files import in_order, merged, read
from replidg.config.schema import Config

ROOT = Path(__file__).parents[2]
DEMO, FULL, REHEARSAL = (
    ROOT / name for name in ("config.yaml", "config/full.yaml", "config/rehearsal.yaml")
)


@pytest.fixture(scope="module")
def full() -> Config:
    return read([DEMO, FULL])


@pytest.fixture(scope="module")
def rehearsal() -> Config:
    return read([DEMO, REHEARSAL])


def architecture(config: Config, model: str) -> tuple[str, str]:
    """What is built, whatever its weights are."""
    return model, config.models[model].name


def trained(config: Config) -> set[tuple[object, ...]]:
    """(rule, architecture, objective) of each training but the segmentation networks'."""
    paper, found = config.alignment, set()
    towers = {paper.model: paper.methods, **{k: b.methods for k, b in paper.backbones.items()}}
    for model, methods in towers.items():
        found |= {("train_classifier", architecture(config, model), m) for m in methods}
    for arm in scipd_arms.arms(config).values():
        student = config.scipd.students[arm.student]
        found.add(("train_students", architecture(config, student.model), student.size, arm.method))
    robust = config.robust_ft
    for name, arm in robust.arms.items():
        tower = robust.clip if arm.tower == "clip" else robust.vision
        found.add(("train_robust_ft", architecture(config, tower.model), name))
    domains, training = config.forgotten.domains, config.forgotten.training
    for kind in domains.classifiers.values():
        made = (kind.kind, kind.balanced and kind.kind == "ft")
        found.add(("train_domain_classifiers", architecture(config, domains.model), *made))
    found.add(("train_clip_mixes", training.clip.architecture))
    found.add(("train_subset_nets", training.resnets.architecture))
    return found


def segmented(config: Config) -> dict[str, set[object]]:
    """What can differ between two segmentation networks, each by itself.

    Encoder and decoder meet in four maps of features, so that not every pair is rehearsed.
    """
    paper, arms, found = config.vltseg, vltseg_arms.arms(config), {}
    for run in vltseg_arms.runs(config):
        arm, source = arms[run.arm], paper.sources[run.source]
        encoder = paper.encoders[arm.encoder]
        language = arm.language
        seen = {
            "architecture": architecture(config, encoder.model),
            "decoder": (arm.decoder, language is not None, bool(language and language.context)),
            "frozen": (arm.frozen, bool(arm.frozen_first or arm.frozen_last)),
            "augmentation": arm.augmentation,
            "encoder": (encoder.position_embedding, encoder.inner_attention_norm),
            "kind": source.kind,
            "source": (len(source.datasets), source.starts_from is not None),
        }
        for key, value in seen.items():
            found.setdefault(key, set()).add(value)
    found["tests"] = {result.kind for result in vltseg_tests.results(config)}
    return found


def test_every_training_of_the_full_scale_is_rehearsed(full: Config, rehearsal: Config) -> None:
    assert trained(full) - trained(rehearsal) == set()
    assert len(trained(full)) > 50


def test_every_part_of_a_segmentation_network_is_rehearsed(full: Config, rehearsal: Config) -> None:
    wanted, found = segmented(full), segmented(rehearsal)
    assert {key: wanted[key] - found[key] for key in wanted if wanted[key] - found[key]} == {}
    assert rehearsal.vltseg.scales.real.crop == full.vltseg.scales.real.crop


def test_a_method_that_a_user_adds_is_rehearsed(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "data_root: {PACS: /nowhere}\n"
        "methods: {slow: {objective: erm, lr: 1.0e-7}}\n"
        "alignment: {methods: [zero_shot, vl2v_sd, clipood, slow]}\n"
    )
    config = read([DEMO, FULL, mine, REHEARSAL])
    assert "slow" in config.alignment.methods and config.alignment.training.steps == 2
    assert config.data_root == {} and config.random_weights == "unreachable"


def test_on_a_gpu_its_batches_are_those_of_the_full_scale(full: Config) -> None:
    large = read([DEMO, REHEARSAL, REHEARSAL.with_name("rehearsal_gpu.yaml")])

    def batches(config: Config) -> list[object]:
        kinds = (config.vltseg.scales.synthetic, config.vltseg.scales.real)
        return [
            config.alignment.training.batch_per_domain,
            run_protocol(config, config.alignment.model, "PACS", "coral").batch_per_domain,
            run_protocol(config, config.alignment.model, "PACS", "clipood").batch_per_domain,
            config.scipd.training.batch_per_domain,
            config.robust_ft.training.batch_size,
            *((k.batch_size, k.crop, k.window, k.test_size, k.sizes) for k in kinds),
            *(source.kind for source in config.vltseg.sources.values()),
            config.embedding.batch_size,
        ]

    assert batches(large) == batches(full)


def test_it_is_small_and_reads_nothing_of_the_users(rehearsal: Config) -> None:
    assert {each.source for each in rehearsal.datasets.values()} <= {"standin", "embedded"}
    protocols = [rehearsal.alignment.training, rehearsal.scipd.training]
    assert [p.steps for p in protocols] == [2, 2]
    scales = rehearsal.vltseg.scales
    assert (scales.synthetic.iterations, scales.real.iterations) == (2, 2)
    assert len(scipd_arms.jobs(rehearsal)) + len(vltseg_arms.runs(rehearsal)) < 100


def test_full_scale_never_takes_random_weights(full: Config) -> None:
    assert full.random_weights == "never"
    assert not [name for name, data in full.datasets.items() if data.index_images]


def test_bases_come_first_and_each_file_once(tmp_path: Path) -> None:
    texts = {"low": "x: 1\ny: 1", "mine": "y: 2", "top": "base: low.yaml\nz: 3"}
    files = {name: tmp_path / f"{name}.yaml" for name in texts}
    for name, text in texts.items():
        files[name].write_text(text)
    low, mine, top = files.values()
    assert in_order([mine, top]) == [low, mine, top]
    assert in_order([low, mine, top]) == [low, mine, top]
    assert in_order([top, mine]) == [low, top, mine]
    assert merged([mine, top], {"z": 4}) == {"x": 1, "y": 1, "z": 4}


def test_a_base_that_is_missing_or_is_the_file_itself_is_told(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("base: b.yaml")
    with pytest.raises(ConfigError, match=r"a\.yaml: base: there is no file .*b\.yaml"):
        in_order([first])
    second.write_text("base: a.yaml")
    with pytest.raises(ConfigError, match=r"based on one another: .*a\.yaml -> .*b\.yaml"):
        in_order([first])
    second.write_text("base: [a.yaml]")
    with pytest.raises(ConfigError, match="must be the path of another file"):
        in_order([second])
