"""Work of the paper on forgotten domain generalization: filters, CLIPs on mixes, ResNets."""

from __future__ import annotations

from replidg.budget.plan import Job
from replidg.budget.work import (
    TRAINING,
    Pass,
    Unknown,
    Work,
    architecture,
    classes,
    gflop,
    kind,
    precision,
    total,
    tower,
    values,
)
from replidg.config import Config
from replidg.config.forgotten_sets import datasets_of

#: Images of the pools, of the paper (docs/forgotten.md); `all` of a pool takes them all.
POOLS = {"natural": 56_690_000, "rendition": 15_750_000, "random": 200_000_000}
POOLS_SOURCE = "pools counted as large as the paper's"
#: OpenAI's templates of ImageNet prompts.
TEMPLATES = 80


def mix_images(config: Config, name: str) -> float:
    """Return the images of a training set."""
    mixes = config.forgotten.training.mixes
    mix = mixes.sets[name]
    amounts = {pool: getattr(mix, pool) for pool in POOLS}
    return sum(
        POOLS[pool] if amount == "all" else amount * mixes.unit for pool, amount in amounts.items()
    )


def runs_of(job: Job, file: str) -> list[str]:
    """Return the training sets whose files a job writes."""
    return [path.split("/")[-3] for path in job.outputs if path.endswith(f"/{file}")]


def train_clip_mixes(config: Config, job: Job) -> Work:
    """All epochs of image-text pairs."""
    clip = config.forgotten.training.clip
    name = _clip_name(config)
    images = sum(mix_images(config, mix) for mix in runs_of(job, "mix.json")) * clip.epochs
    pair = gflop(name, "image") + gflop(name, "text")
    epochs = clip.epochs * len(runs_of(job, "mix.json"))
    return Work(
        passes=(Pass(pair, images, TRAINING, trained=True),),
        read={"small": images},
        processes=max(1, clip.workers) * clip.nodes * max(1, clip.gpus_per_node),
        precision=precision(clip),
        images=images,
        weights=values(name, "image", "text") * (epochs if clip.keep_weights else 1),
        network=values(name, "image", "text"),
        source=POOLS_SOURCE,
    )


def _clip_name(config: Config) -> str:
    name = config.forgotten.training.clip.architecture
    if not isinstance(name, str):
        raise Unknown("forgotten.training.clip.architecture is an own one, not in flops.csv")
    return name


def evaluate_clip_mixes(config: Config, job: Job) -> Work:
    """Test images of every epoch, and the class texts of every suite with all templates."""
    training = config.forgotten.training
    name, runs = _clip_name(config), runs_of(job, "zero_shot.parquet")
    epochs = sum(1 if r in training.zero_shot.released else training.clip.epochs for r in runs)
    tested = datasets_of(config.forgotten.test_sets)
    images = sum(total(config, dataset) for dataset in tested)
    words = sum(classes(config, dataset) for dataset in tested)
    templates = training.zero_shot.templates
    words *= TEMPLATES if templates == "openai" else len(templates)
    at_once = min(training.zero_shot.checkpoints_at_once, epochs)
    return Work(
        passes=(
            Pass(gflop(name, "image"), images * epochs),
            Pass(gflop(name, "text"), words * epochs),
        ),
        read={"photo": images * epochs / at_once},
        processes=max(1, training.zero_shot.workers),
        images=images * epochs,
        # Of the last epoch.
        rows=images * len(runs),
    )


def train_subset_nets(config: Config, job: Job) -> Work:
    """Epochs over a subset of ImageNet, and the test sets."""
    nets = config.forgotten.training.resnets
    names = runs_of(job, "scores.parquet")
    sizes = [float(name.rsplit("_", 1)[1]) * nets.unit for name in names]
    tested = sum(total(config, dataset) for dataset in datasets_of(config.forgotten.test_sets))
    seen = sum(sizes) * nets.epochs
    cost = gflop(nets.architecture, "image", nets.train_size)
    test = gflop(nets.architecture, "image", nets.test_size)
    return Work(
        passes=(Pass(cost, seen, TRAINING, trained=True), Pass(test, tested * len(names))),
        read={"photo": seen + tested * len(names)},
        processes=max(1, nets.workers),
        precision=precision(nets),
        images=seen,
        weights=values(nets.architecture, "image") * len(names),
        network=values(nets.architecture, "image"),
        rows=tested * len(names),
    )


def train_domain_classifiers(config: Config, job: Job) -> Work:
    """Epochs over the labelled web pictures at every rate; nothing is trained for ce and csd."""
    domains = config.forgotten.domains
    cost, labels = tower(config, domains.model), domains.labels
    # Validation and test hold `held_out` pictures of each of three domains.
    train, held = labels.web_images - 6 * labels.held_out, 3 * labels.held_out
    if train <= 0:
        raise Unknown("forgotten.domains.labels.web_images leaves no picture to train on")
    passes, stepped, read = [], 0.0, 0.0
    names = [path.split("/")[-2] for path in job.outputs if path.endswith("/training.json")]
    for name in names:
        how = domains.classifiers[name].kind
        tests = len(config.forgotten.test_sets) * labels.set_images
        passes.append(Pass(cost, labels.web_images + tests))
        read += labels.web_images + tests
        if how in ("ft", "dr"):
            training = getattr(domains, how)
            seen = train * training.epochs * len(training.lr)
            checked = held / 2 * training.epochs * len(training.lr)
            passes += [Pass(cost, seen, TRAINING, trained=True), Pass(cost, checked)]
            stepped, read = stepped + seen, read + seen
    return Work(
        passes=tuple(passes),
        read={"photo": read},
        processes=max(1, domains.workers),
        precision=precision(domains.ft),
        images=stepped or sum(each.images for each in passes),
        weights=values(architecture(config, domains.model)[0], "image") * len(names),
        network=values(architecture(config, domains.model)[0], "image"),
        source="as if all of forgotten.domains.labels.web_images were labelled",
    )


def _classified(config: Config, images: float, source: str = "", dataset: str = "") -> Work:
    """Two classifiers and, where embeddings are kept, the CLIP itself, for each image."""
    domains, corpus = config.forgotten.domains, config.forgotten.corpus
    keeps = bool(corpus.pruned or (corpus.deduplication and not dataset))
    return Work(
        passes=(Pass(tower(config, domains.model), images * (2 + keeps)),),
        read={kind(config, dataset) if dataset else "small": images},
        processes=max(1, domains.workers),
        precision="fp16" if domains.filter_precision == "bf16" else "fp32",
        images=images,
        vectors=images * 768 * keeps,
        source=source,
    )


def filter_corpus(config: Config, job: Job) -> Work:
    """A part of the web pictures."""
    corpus = config.forgotten.corpus
    if corpus.source == "folder":
        raise Unknown("how many pictures forgotten.corpus.folder has is not counted beforehand")
    if corpus.source == "standin":
        raise Unknown("how many pictures the stand-in has is known after it was made")
    images = total(config, corpus.dataset) / corpus.jobs
    return _classified(config, images, "as if no address of the list were dead")


def classify_domains(config: Config, job: Job) -> Work:
    """The images of some data sets."""
    names = [path.split("/")[-2] for path in job.outputs if path.endswith("/domains.parquet")]
    return _classified(config, sum(total(config, name) for name in names), dataset=names[0])
