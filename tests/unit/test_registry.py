"""Every page of the data registry: loads, adds up to the papers' totals, tells what is unsure."""

import re
from pathlib import PurePosixPath

import pytest
import yaml

from replidg.data import registry
from replidg.data.embedded_pictures import load_table
from replidg.data.registry import RegistryError
from replidg.data.registry.schema import Entry, ImageFolder, Segmentation, Synsets

KEYS = {
    "PACS", "VLCS", "office_home", "terra_incognita", "domain_net", "domain_net_cleaned", "fmow",
    "iwildcam", "gta5", "synthia", "cityscapes", "bdd100k", "mapillary_vistas", "acdc",
    "imagenet_train", "imagenet_val", "imagenet_v2", "imagenet_a", "imagenet_r", "imagenet_sketch",
    "objectnet", "laion_natural_rendition", "laion400m", "pictograms",
}  # fmt: skip

# Totals as the papers, or the owners, print them; by hand, not from the pages.
TOTALS = {
    "PACS": 9_991,
    "VLCS": 10_729,
    "office_home": 15_588,
    "terra_incognita": 24_330,
    "domain_net": 596_006,
    "domain_net_cleaned": 586_575,
    "fmow": 141_696,
    "iwildcam": 203_029,
    "gta5": 24_966,
    "synthia": 9_400,
    "cityscapes": 2_975 + 500 + 1_525,
    "bdd100k": 7_000 + 1_000 + 2_000,
    "mapillary_vistas": 18_000 + 2_000,
    "acdc": 4_006,
    "imagenet_train": 1_281_167,
    "imagenet_val": 50_000,
    "imagenet_v2": 10_000,
    "imagenet_a": 7_500,
    "imagenet_r": 30_000,
    "imagenet_sketch": 50_889,
    "objectnet": 18_574,
    "laion_natural_rendition": 56_685_759 + 15_749_750,
}

# arXiv 2412.02856, Fig 17, bars "Original".
FIG_17 = {
    "PACS": [2048, 2344, 1670, 3929],
    "VLCS": [1415, 2656, 3282, 3376],
    "office_home": [2427, 4365, 4439, 4357],
    "terra_incognita": [4741, 9736, 3970, 5883],
    "domain_net": [48833, 53201, 75759, 172500, 175327, 70386],
}

# The table at https://ai.bu.edu/M3SDA, row "#Cleaned".
CLEANED = [48129, 51605, 72266, 172500, 172947, 69128]

PAGES = sorted(KEYS)


def entries(*access: str) -> list[str]:
    """Return the names of the pages with one of these kinds of access."""
    return [name for name in PAGES if registry.load(name).access in access]


def files_of(name: str) -> list[str]:
    return [f"{name}/{file.name}" for file in registry.load(name).files]


def test_all_data_sets_of_the_papers_have_a_page():
    assert set(registry.names()) == KEYS


@pytest.mark.parametrize("name", PAGES)
def test_page_says_who_uses_it_and_under_which_terms(name):
    entry = registry.load(name)
    assert entry.name == name
    assert entry.papers
    assert entry.homepage.startswith("https://")
    assert entry.licence.name.lower() not in {"", "unknown"}
    assert entry.references
    assert "FILL IN" not in str(entry)


@pytest.mark.parametrize("name", sorted(TOTALS))
def test_first_release_adds_up_to_the_printed_total(name):
    assert sum(registry.load(name).releases[0].images.values()) == TOTALS[name]


@pytest.mark.parametrize("name", sorted(FIG_17))
def test_first_release_is_that_of_figure_17(name):
    entry = registry.load(name)
    assert [entry.releases[0].images[domain] for domain in entry.domains] == FIG_17[name]


def test_other_releases_that_papers_used():
    terra = {release.name: release.images for release in registry.load("terra_incognita").releases}
    older = terra["annotations before 2021"]
    assert sum(older.values()) == 24_788
    assert older == {
        "location_100": 4879, "location_38": 9767, "location_43": 4020, "location_46": 6122,
    }  # fmt: skip
    for name, position in (("domain_net", 1), ("domain_net_cleaned", 0)):
        entry = registry.load(name)
        cleaned = entry.releases[position]
        assert cleaned.name == "cleaned"
        assert [cleaned.images[domain] for domain in entry.domains] == CLEANED
    original = registry.load("domain_net_cleaned").releases[1]
    assert list(original.images.values()) == FIG_17["domain_net"]


def test_splits_of_wilds_and_of_the_driving_sets():
    fmow = {"train": 76863, "id_val": 11483, "id_test": 11327, "val": 19915, "test": 22108}
    traps = {"train": 129809, "id_val": 7314, "id_test": 8154, "val": 14961, "test": 42791}
    assert registry.load("fmow").releases[0].images == fmow
    assert registry.load("iwildcam").releases[0].images == traps
    for name, counts in {
        "cityscapes": {"train": 2975, "val": 500, "test": 1525},
        "acdc": {"train": 1600, "val": 406, "test": 2000},
        "mapillary_vistas": {"train": 18000, "val": 2000},
    }.items():
        assert registry.load(name).releases[0].images == counts


def test_pictograms_are_counted_as_the_table_has_them():
    pictures = load_table()
    pictures = pictures[pictures["class_name"] != ""]
    counts = pictures.groupby("domain").size().to_dict()
    entry = registry.load("pictograms")
    assert entry.releases[0].images == counts
    assert set(entry.domains) == set(counts)
    assert f"{len(pictures):,}" in entry.releases[0].note


@pytest.mark.parametrize("name", PAGES)
def test_releases_count_what_the_reader_counts(name):
    entry = registry.load(name)
    names = [release.name for release in entry.releases]
    assert len(names) == len(set(names))
    for release in entry.releases:
        if not release.images:
            assert name == "laion400m"  # nobody knows its exact number of rows today
        elif isinstance(entry.reader, Segmentation):
            assert entry.count_by == "split"
            assert set(release.images) == set(entry.reader.parts)
        elif entry.count_by == "domain":
            assert set(release.images) == set(entry.domains)


@pytest.mark.parametrize("name", entries("login", "manual"))
def test_gated_page_tells_the_steps_and_where_to_put_the_files(name):
    entry = registry.load(name)
    last = entry.steps[-1]
    assert f"data_root.{name}:" in last
    # What the user can name archives for is exactly what has archives; their places are a list.
    assert (f"data_mirrors.{name}: [<folder" in last) == bool(entry.files)
    assert any("https://" in step for step in entry.steps)


@pytest.mark.parametrize("name", entries("open"))
def test_open_page_has_a_source_for_each_file(name):
    entry = registry.load(name)
    assert entry.files
    assert all(file.sources for file in entry.files), files_of(name)


@pytest.mark.parametrize("name", PAGES)
def test_steps_name_no_other_data_set(name):
    named = re.findall(r"data_(?:root|mirrors)\.(\w+)", " ".join(registry.load(name).steps))
    assert set(named) <= {name}


@pytest.mark.parametrize("name", PAGES)
def test_paths_stay_inside_the_folder(name):
    entry = registry.load(name)
    for layout in entry.layouts:
        paths = [*layout.roots, *(m.name for m in layout.members)]
        paths += [alias for member in layout.members for alias in member.aliases]
        paths += [file.into for file in entry.files]
        for path in paths:
            assert not PurePosixPath(path).is_absolute()
            assert ".." not in PurePosixPath(path).parts
            assert "\\" not in path


@pytest.mark.parametrize("name", PAGES)
def test_layouts_can_be_told_apart_and_linked(name):
    entry = registry.load(name)
    assert entry.layouts[0].name == "official"
    assert not entry.layouts[0].converted
    names = [layout.name for layout in entry.layouts]
    assert len(names) == len(set(names))
    for layout in entry.layouts:
        members = [PurePosixPath(member.name) for member in layout.members]
        assert len(members) == len(set(members))
        # A member inside another one could not be linked: its place would be behind a link.
        assert not [m for m in members if set(m.parents) & set(members)]
        assert not layout.converted or entry.conversion is not None
    # An earlier layout with fewer demands at the same place would hide a later one.
    for position, layout in enumerate(entry.layouts):
        wanted = {member.name for member in layout.members}
        for earlier in entry.layouts[:position]:
            assert not {member.name for member in earlier.members} < wanted


@pytest.mark.parametrize("name", PAGES)
def test_domains_of_image_folders_are_there(name):
    entry = registry.load(name)
    if not isinstance(entry.reader, ImageFolder):
        return
    for layout in entry.layouts:
        if layout.converted or entry.conversion is None:
            assert set(entry.domains) <= {member.name for member in layout.members}
    if entry.conversion is not None and entry.conversion.kind == "camera_traps":
        made = {f"location_{number}" for number in entry.conversion.options["locations"]}
        assert made == set(entry.domains)


@pytest.mark.parametrize("name", PAGES)
def test_what_the_reader_reads_is_a_member_or_comes_from_the_conversion(name):
    entry = registry.load(name)
    if isinstance(entry.reader, Segmentation):
        parts = entry.reader.parts.values()
        needed = [path for part in parts for path in (part.images, part.labels) if path]
    elif isinstance(entry.reader, Synsets):
        needed = [] if entry.reader.root == "." else [entry.reader.root]
    else:
        return
    for layout in entry.layouts:
        if entry.conversion is not None and not layout.converted:
            continue
        if name == "acdc" and layout.name == "flattened, without test":
            needed = [path for path in needed if path != "rgb_anon/test"]
        places = [PurePosixPath(member.name) for member in layout.members]
        for path in map(PurePosixPath, needed):
            inside = [p for p in places if p == path or p in path.parents or path in p.parents]
            assert inside, f"{layout.name}: nothing provides {path}"


def test_classes_are_in_the_order_of_sorted_folders():
    sizes = {"PACS": 7, "VLCS": 5, "office_home": 65, "terra_incognita": 10, "domain_net": 345}
    sizes["domain_net_cleaned"] = 345
    for name, size in sizes.items():
        classes = registry.load(name).classes
        assert len(set(classes)) == len(classes) == size
        assert classes == sorted(classes)
    assert registry.load("domain_net").classes == registry.load("domain_net_cleaned").classes
    assert registry.load("office_home").classes[0] == "Alarm_Clock"
    assert registry.load("domain_net").classes[344] == "zigzag"


@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith("imagenet")])
def test_imagenet_pages_have_its_thousand_classes(name):
    assert len(registry.load(name).class_list(standin=False)) == 1000


@pytest.mark.parametrize("name", PAGES)
def test_files_have_names_of_their_own_and_good_hashes(name):
    entry = registry.load(name)
    names = [file.name.lower() for file in entry.files]
    assert len(names) == len(set(names))
    known = [file.sha256 for file in entry.files if file.sha256 != "unknown"]
    assert len(known) == len(set(known))
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in known)
    places = [str(source) for file in entry.files for source in file.sources]
    assert len(places) == len(set(places))


def test_same_archives_have_the_same_hashes_on_both_pages_of_domain_net():
    original = {file.name: file for file in registry.load("domain_net").files}
    cleaned = {file.name: file for file in registry.load("domain_net_cleaned").files}
    assert set(cleaned) - set(original) == {"domain_net_duplicates.txt"}
    for name, file in original.items():
        assert file.sha256 != "unknown"
        assert cleaned[name] == file


@pytest.mark.parametrize("name", PAGES)
def test_what_nobody_checked_is_said(name):
    entry = registry.load(name)
    told = " ".join(entry.unverified).lower()
    if any(file.sha256 == "unknown" for file in entry.files):
        assert "hash" in told
        assert "unknown" in told
    if not entry.licence.verified:
        assert any(word in told for word in ("licence", "terms"))
    assert all(len(line) > 20 for line in entry.unverified)


@pytest.mark.parametrize("name", PAGES)
def test_no_page_names_a_credential(name):
    text = registry.load(name).model_dump_json().lower()
    assert not re.search(r"(password|passwd|api[_ ]?key|token|secret)\s*[:=]", text)
    assert not re.search(r"hf_[a-z0-9]{20}|unzip -p|--password|//[^/\s]+:[^/\s]+@", text)


def test_an_unknown_key_is_refused_with_the_page_named(monkeypatch, tmp_path):
    page = yaml.safe_load(registry.load("PACS").model_dump_json())
    del page["name"]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(page | {"colour": "blue"}))
    (tmp_path / "yours.yaml").write_text(yaml.safe_dump(page | {"access": "login"}))
    (tmp_path / "good.yaml").write_text(yaml.safe_dump(page))
    monkeypatch.setattr(registry.resources, "files", lambda package: tmp_path)
    monkeypatch.setattr(registry, "names", lambda: ("good", "mine", "yours"))
    load = registry.load.__wrapped__
    assert load("good").title == "PACS"
    with pytest.raises(RegistryError, match=r"mine\.yaml[\s\S]*colour"):
        load("mine")
    with pytest.raises(RegistryError, match=r"yours\.yaml[\s\S]*steps"):
        load("yours")
    with pytest.raises(RegistryError, match="no data set 'theirs'; there are good, mine, yours"):
        load("theirs")


@pytest.mark.parametrize("path", ["/etc", "../other", "a/../../b", ""])
def test_a_path_outside_the_folder_is_refused(path):
    page = registry.load("PACS").model_dump()
    page["layouts"][0]["members"][0]["aliases"] = [path]
    with pytest.raises(ValueError, match="inside the data set's folder"):
        Entry.model_validate(page)


@pytest.mark.parametrize("digest", ["", "0" * 63, "A" * 64, "md5"])
def test_a_bad_hash_is_refused(digest):
    page = registry.load("PACS").model_dump()
    page["files"][0]["sha256"] = digest
    with pytest.raises(ValueError, match="sha256"):
        Entry.model_validate(page)
