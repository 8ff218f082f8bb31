"""DomainNet without the listed duplicates."""

import os

import pytest
from convert_helpers import entry, files, put, run, snapshot

from replidg.data.convert import ConversionError

DOMAINS = ["clipart", "infograph", "painting", "quickdraw", "real", "sketch"]
LISTED = ["clipart/bird/clipart_032_000001.jpg", "real/cup/real_088_000000.jpg"]


def write(tmp_path, lines=LISTED):
    source = tmp_path / "source"
    for domain in DOMAINS:
        for number, name in ((32, "bird"), (88, "cup")):
            suffix = "png" if domain == "quickdraw" else "jpg"
            for i in range(3):
                put(source / domain / name / f"{domain}_{number:03d}_{i:06d}.{suffix}")
    put(source / "domain_net_duplicates.txt", "".join(f"{line}\n" for line in lines))
    return source


def images(source):
    return {path for path in files(source) if not path.endswith(".txt")}


def test_listed_images_go_and_all_others_stay(tmp_path):
    source = write(tmp_path)
    facts, out = run(entry("domain_net_cleaned"), source)
    assert files(out) == images(source) - set(LISTED)
    assert all((out / path).read_text() == os.path.basename(path) for path in files(out))
    assert all((out / path).is_symlink() for path in files(out))
    assert facts["images"] == 34
    assert facts["by domain"] == {name: 5 if name in ("clipart", "real") else 6 for name in DOMAINS}
    assert facts["dropped"] == {"duplicate": 2}
    assert (facts["listed"], facts["listed but absent"]) == (2, 0)
    assert snapshot(out) == snapshot(run(entry("domain_net_cleaned"), source, out="again")[1])


def test_names_that_do_not_exist_are_counted(tmp_path):
    lines = [LISTED[0], "./" + LISTED[1], LISTED[0], "clipart/bird/no.jpg", "no/bird/no.jpg", ""]
    source = write(tmp_path, [line + "\r" for line in lines])
    facts, out = run(entry("domain_net_cleaned"), source)
    assert files(out) == images(source) - set(LISTED)
    assert (facts["listed"], facts["listed but absent"]) == (4, 2)
    assert facts["dropped"] == {"duplicate": 2}


def test_a_list_that_fits_nothing_is_warned_of(tmp_path, caplog):
    source = write(tmp_path, ["DomainNet/clipart/bird/clipart_032_000001.jpg"])
    facts, _ = run(entry("domain_net_cleaned"), source)
    assert facts["images"] == 36
    assert "none of the 1 names" in caplog.text


def test_the_same_name_in_another_class_stays(tmp_path):
    source = write(tmp_path, ["clipart/bird/same.jpg"])
    put(source / "clipart/bird/same.jpg")
    put(source / "clipart/cup/same.jpg")
    out = run(entry("domain_net_cleaned"), source)[1]
    assert not (out / "clipart/bird/same.jpg").exists()
    assert (out / "clipart/cup/same.jpg").exists()


def test_a_class_that_loses_all_images_keeps_its_folder(tmp_path):
    source = write(tmp_path, [f"sketch/cup/sketch_088_{i:06d}.jpg" for i in range(3)])
    assert (run(entry("domain_net_cleaned"), source)[1] / "sketch/cup").is_dir()


def test_missing_parts_are_errors(tmp_path):
    source = write(tmp_path)
    (source / "domain_net_duplicates.txt").write_text("\n")
    with pytest.raises(ConversionError, match="lists no duplicates"):
        run(entry("domain_net_cleaned"), source, out="a")
    (source / "domain_net_duplicates.txt").unlink()
    with pytest.raises(ConversionError, match=r"domain_net_duplicates\.txt, the list"):
        run(entry("domain_net_cleaned"), source, out="b")
    (source / "sketch").rename(source / "sketches")
    put(source / "domain_net_duplicates.txt", "a/b/c.jpg")
    with pytest.raises(ConversionError, match=r"no folder .*sketch"):
        run(entry("domain_net_cleaned"), source, out="c")
