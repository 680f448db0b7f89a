"""OCI layouts, docker archives and lists."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from catalog.errors import InvalidReference, LongshoreError, MalformedManifest, NotFound, SourceError
from catalog.states import Outcome
from tasks.blobs import open_blob
from tasks.digests import sha256_digest
from tasks.oci_writer import OciWriter, Symlink, build_layer
from tasks.registry.manifests import OCI_INDEX
from tasks.sources.interface import Listed, PlatformChoice, ResolvedImage, Source
from tasks.sources.opening import open_sources
from tasks.transport import RegistryAccess
from tests.servers.missing import missing

ACCESS = RegistryAccess(retries=0)
BASE, TOP = (
    build_layer({"etc/os-release": "ID=debian\n"}, compression="plain"),
    build_layer({"a": "1"}, compression="plain"),
)


def only(text: str) -> Source:
    (source,) = open_sources([text], ACCESS)
    return source


def images(text: str, *platforms: str) -> list[tuple[Listed, tuple[ResolvedImage, ...]]]:
    source = only(text)
    return [(listed, source.resolve(listed, PlatformChoice(platforms))) for listed in source.list()]


def one_image(text: str) -> ResolvedImage:
    ((_, (image,)),) = images(text)
    return image


def contents(image: ResolvedImage) -> list[bytes]:
    """All layers' bytes, their digests checked."""
    assert image.manifest is not None
    found = []
    for layer, location in zip(image.manifest.layers, image.locations, strict=True):
        with open_blob(location, layer.digest, layer.size, ACCESS) as stream:
            data = b"".join(iter(lambda: stream.read(1000), b""))
        assert (sha256_digest(data), len(data)) == (layer.digest, layer.size)
        found.append(data)
    return found


# OCI layouts


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    with OciWriter(tmp_path / "fleet") as writer:
        writer.add_image([BASE, TOP], tag="one", history=["FROM", "ADD"])
        writer.add_index([writer.add_image([BASE]), writer.add_image([TOP], platform="linux/arm64/v8")], tag="many")
        writer.tag(writer.add_image([TOP]), "registry.example/app:1.0")
    return tmp_path / "fleet"


def test_a_layout_lists_its_entries_by_name(layout: Path) -> None:
    source = only(f"oci:{layout}")
    assert [one.reference for one in source.list()] == [
        f"oci:{layout}:one", f"oci:{layout}:many", f"oci:{layout}:registry.example/app:1.0"]  # fmt: skip
    assert [scope.repository for scope in source.scopes()] == [f"oci:{layout}"]


def test_a_layouts_layers_are_read(layout: Path) -> None:
    assert contents(one_image(f"oci:{layout}:one")) == [BASE.data, TOP.data]


def test_a_layouts_image_is_named_by_its_manifest(layout: Path) -> None:
    ((listed, (image,)),) = images(f"oci:{layout}:one")
    assert image.manifest is not None
    assert image.manifest.digest == listed.target
    assert image.manifest.configuration.history == ("FROM", "ADD")


def test_a_name_with_colons_is_found(layout: Path) -> None:
    assert one_image(f"oci:{layout}:registry.example/app:1.0").outcome is Outcome.PENDING


def test_a_digest_is_found_whether_it_is_named_or_not(layout: Path) -> None:
    ((_, (first, _)),) = images(f"oci:{layout}:many")
    assert one_image(f"oci:{layout}@{first.digest}").digest == first.digest


def test_platforms_that_were_not_asked_for_are_skipped_by_name(layout: Path) -> None:
    ((_, found),) = images(f"oci:{layout}:many", "linux/arm64")
    assert [(image.outcome, image.reason) for image in found] == [
        (Outcome.SKIPPED, "unwanted-platform"),
        (Outcome.PENDING, ""),
    ]
    ((_, (single,)),) = images(f"oci:{layout}:one", "linux/arm64")
    assert single.outcome is Outcome.SKIPPED


def test_entries_without_a_name_or_with_one_that_was_there_go_by_digest(layout: Path) -> None:
    index = json.loads((layout / "index.json").read_bytes())
    index["manifests"][1]["annotations"] = index["manifests"][0]["annotations"]
    del index["manifests"][2]["annotations"]
    (layout / "index.json").write_text(json.dumps(index))
    digests = [entry["digest"] for entry in index["manifests"]]
    assert [one.name for one in only(f"oci:{layout}").list()] == ["one", *digests[1:]]


def test_a_tag_that_is_not_there_is_not_found(layout: Path) -> None:
    (listed,) = only(f"oci:{layout}:two").list()
    assert isinstance(listed.error, NotFound)


def test_a_directory_that_is_no_layout_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"index\.json"):
        list(only(f"oci:{tmp_path}").list())


def test_a_layout_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no such directory"):
        list(only(f"oci:{tmp_path}/nowhere").list())


def test_a_file_is_said_to_be_no_layout(tmp_path: Path) -> None:
    (tmp_path / "image.bin").write_bytes(b"x")
    with pytest.raises(SourceError, match="is a file, not an OCI layout's directory"):
        list(only(f"oci:{tmp_path}/image.bin").list())


def test_a_file_is_said_to_be_no_root_file_system(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"x")
    with pytest.raises(NotFound, match="is no directory"):
        list(only(f"rootfs:{tmp_path}/list").list())


def blob_of(layout: Path, digest: str) -> Path:
    return layout / "blobs" / "sha256" / digest.removeprefix("sha256:")


def test_a_changed_manifest_is_caught(layout: Path) -> None:
    (listed, *_) = only(f"oci:{layout}").list()
    blob_of(layout, str(listed.target)).write_bytes(b"{}")
    with pytest.raises(MalformedManifest, match="holds"):
        images(f"oci:{layout}:one")


def test_a_blob_that_links_out_of_the_layout_is_refused(layout: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    shutil.move(blob_of(layout, BASE.digest), outside)
    blob_of(layout, BASE.digest).symlink_to(outside)
    with pytest.raises(SourceError, match="out of the layout"):
        images(f"oci:{layout}:one")


def test_a_folder_that_links_out_of_the_layout_is_refused(layout: Path, tmp_path: Path) -> None:
    shutil.move(layout / "blobs", tmp_path / "outside")
    (layout / "blobs").symlink_to(tmp_path / "outside")
    with pytest.raises(SourceError, match="out of the layout"):
        images(f"oci:{layout}:one")


def test_a_blob_that_links_within_the_layout_is_read(layout: Path) -> None:
    shutil.move(blob_of(layout, BASE.digest), layout / "elsewhere")
    blob_of(layout, BASE.digest).symlink_to("../../elsewhere")
    assert contents(one_image(f"oci:{layout}:one"))[0] == BASE.data


def test_a_blob_that_is_a_pipe_does_not_hang(layout: Path) -> None:
    blob_of(layout, BASE.digest).unlink()
    os.mkfifo(blob_of(layout, BASE.digest))
    image = one_image(f"oci:{layout}:one")
    with pytest.raises(SourceError, match="no regular file"):
        contents(image)


def test_a_missing_layer_is_found_out_when_it_is_read(layout: Path) -> None:
    image = one_image(f"oci:{layout}:one")
    blob_of(layout, BASE.digest).unlink()
    with pytest.raises(NotFound):
        contents(image)


def test_indexes_nest_but_not_for_ever(tmp_path: Path) -> None:
    with OciWriter(tmp_path) as writer:
        inner = writer.add_image([BASE])
        for depth in range(1, 6):
            inner = writer.add_index([inner], tag=f"d{depth}")
    assert [one_image(f"oci:{tmp_path}:d{depth}").outcome for depth in (1, 2, 3)] == [Outcome.PENDING] * 3
    failed = one_image(f"oci:{tmp_path}:d4")
    assert (failed.outcome, failed.reason) == (Outcome.FAILED, "malformed-manifest")


def test_an_index_of_countless_manifests_is_refused(tmp_path: Path) -> None:
    with OciWriter(tmp_path) as writer:
        children = [writer.add_manifest(b"%d" % number) for number in range(1100)]
        writer.add_index(children, tag="x")
    with pytest.raises(MalformedManifest, match="more than"):
        images(f"oci:{tmp_path}:x")


def test_attestations_and_artifacts_are_skipped(tmp_path: Path) -> None:
    with OciWriter(tmp_path) as writer:
        image = writer.add_image([BASE])
        config = writer.add_blob(b"{}", "application/vnd.cncf.helm.config.v1+json")
        chart = writer.add_manifest({"schemaVersion": 2, "config": config.descriptor(), "layers": []})
        attestation = writer.add_image([TOP], platform="unknown/unknown")
        writer.add_index([image, chart, attestation], tag="x")
    ((_, found),) = images(f"oci:{tmp_path}:x")
    assert [(one.outcome, one.reason) for one in found] == [
        (Outcome.PENDING, ""), (Outcome.SKIPPED, "not-an-image"), (Outcome.SKIPPED, "not-an-image")]  # fmt: skip


def test_an_image_that_an_index_also_names_as_an_attestation_is_not_hidden(tmp_path: Path) -> None:
    with OciWriter(tmp_path) as writer:
        image = writer.add_image([BASE])
        pretence = {**image.descriptor(), "platform": {"os": "unknown", "architecture": "unknown"}}
        entry = {**image.descriptor(), "platform": {"os": "linux", "architecture": "amd64"}}
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [pretence, entry]}
        writer.add_manifest(index, media_type=OCI_INDEX, tag="x")
    ((_, found),) = images(f"oci:{tmp_path}:x")
    assert [one.outcome for one in found] == [Outcome.SKIPPED, Outcome.PENDING]


def test_an_image_that_an_index_chooses_is_wanted_whatever_its_configuration_claims(tmp_path: Path) -> None:
    with OciWriter(tmp_path) as writer:
        image = writer.add_image([BASE], platform="linux/s390x")
        entry = {**image.descriptor(), "platform": {"os": "linux", "architecture": "amd64"}}
        writer.add_manifest(
            {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}, media_type=OCI_INDEX, tag="x"
        )
    ((_, found),) = images(f"oci:{tmp_path}:x", "linux/amd64")
    assert [one.outcome for one in found] == [Outcome.PENDING]


# Docker archives


def configuration(*layers: bytes) -> bytes:
    diff_ids = [sha256_digest(layer) for layer in layers]
    return json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": diff_ids}}).encode()


def archive(
    path: Path, members: dict[str, bytes | str], *, packed: bool = False, form: int = tarfile.PAX_FORMAT
) -> str:
    """Write a tar archive; texts are targets of symbolic links."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
            else:
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    path.write_bytes(gzip.compress(buffer.getvalue(), 1) if packed else buffer.getvalue())
    return f"docker-archive:{path}"


def saved(*images: tuple[str, list[str], list[str]]) -> bytes:
    return json.dumps(
        [{"Config": config, "RepoTags": tags, "Layers": layers} for config, tags, layers in images]
    ).encode()


@pytest.mark.parametrize("packed", [False, True])
def test_a_saved_image_is_named_by_its_configuration_and_its_layers_by_their_bytes(
    tmp_path: Path, packed: bool
) -> None:
    config = configuration(BASE.data, TOP.data)
    text = archive(tmp_path / "a.tar", {
        "one/layer.tar": BASE.data, "two/layer.tar": TOP.data, "c.json": config,
        "manifest.json": saved(("c.json", ["app:1"], ["one/layer.tar", "two/layer.tar"])),
    }, packed=packed)  # fmt: skip
    ((listed, (image,)),) = images(text)
    assert (listed.reference, listed.target) == (text, sha256_digest(config))
    assert image.manifest is not None
    assert image.manifest.digest == sha256_digest(config)
    assert contents(image) == [BASE.data, TOP.data]


def test_repeated_layers_may_be_links(tmp_path: Path) -> None:
    text = archive(tmp_path / "a.tar", {
        "one/layer.tar": BASE.data, "two/layer.tar": "../one/layer.tar", "c.json": configuration(BASE.data, BASE.data),
        "manifest.json": saved(("c.json", [], ["one/layer.tar", "two/layer.tar"])),
    })  # fmt: skip
    assert contents(one_image(text)) == [BASE.data, BASE.data]


def test_layers_stored_compressed_are_named_by_what_is_stored(tmp_path: Path) -> None:
    stored = gzip.compress(BASE.data)
    text = archive(tmp_path / "a.tar", {
        "one/layer.tar": stored, "c.json": configuration(BASE.data), "manifest.json": saved(("c.json", [], ["one/layer.tar"])),
    })  # fmt: skip
    assert contents(one_image(text)) == [stored]


def test_an_oci_layout_in_an_archive_is_read_by_its_manifest_json(tmp_path: Path) -> None:
    stored, config = gzip.compress(BASE.data), configuration(BASE.data)
    place = {data: "blobs/sha256/" + hashlib.sha256(data).hexdigest() for data in (stored, config)}
    text = archive(tmp_path / "a.tar", {
        "oci-layout": b"{}", "index.json": b"{}", place[stored]: stored, place[config]: config,
        "manifest.json": saved((place[config], ["app:1"], [place[stored]])),
    })  # fmt: skip
    assert contents(one_image(text)) == [stored]


def test_several_images_go_by_their_names(tmp_path: Path) -> None:
    text = archive(tmp_path / "a.tar", {
        "l.tar": BASE.data, "m.tar": TOP.data, "c.json": configuration(BASE.data), "d.json": configuration(TOP.data),
        "manifest.json": saved(("c.json", ["app:1", "app:2"], ["l.tar"]), ("d.json", [], ["m.tar"])),
    })  # fmt: skip
    assert [one.reference for one in only(text).list()] == [f"{text}:app:1", f"{text}:app:2", f"{text}:@1"]
    assert contents(one_image(f"{text}:app:2")) == [BASE.data]
    (listed,) = only(f"{text}:app:3").list()
    assert isinstance(listed.error, NotFound)


def test_a_layer_that_is_not_what_the_configuration_claims_fails_when_it_is_read(tmp_path: Path) -> None:
    text = archive(tmp_path / "a.tar", {
        "l.tar": TOP.data, "c.json": configuration(BASE.data), "manifest.json": saved(("c.json", [], ["l.tar"])),
    })  # fmt: skip
    with pytest.raises(AssertionError):
        contents(one_image(text))


@pytest.mark.parametrize("name", ["l.tar", "blobs/sha256/" + sha256_digest(TOP.data).removeprefix("sha256:")])
@pytest.mark.parametrize("stored", [BASE.data, gzip.compress(BASE.data)])
def test_a_layer_is_never_taken_for_another_by_its_members_name(tmp_path: Path, name: str, stored: bytes) -> None:
    text = archive(tmp_path / "a.tar", {
        name: stored, "c.json": configuration(BASE.data), "manifest.json": saved(("c.json", [], [name])),
    })  # fmt: skip
    assert contents(one_image(text)) == [stored]


@pytest.mark.parametrize(
    ("config", "layers"),
    [
        (configuration(TOP.data), {"l.tar": gzip.compress(BASE.data)}),
        (configuration(TOP.data), {"blobs/sha256/" + hashlib.sha256(BASE.data).hexdigest(): gzip.compress(BASE.data)}),
        (configuration(BASE.data, TOP.data), {"l.tar": BASE.data}),
        (configuration(), {"l.tar": BASE.data}),
        (configuration(BASE.data), {}),
        (configuration(BASE.data), {"l.tar": gzip.compress(BASE.data)[:-20]}),
    ],
)
def test_an_archive_whose_layers_are_not_its_configurations_is_malformed(
    tmp_path: Path, config: bytes, layers: dict[str, bytes]
) -> None:
    text = archive(
        tmp_path / "a.tar", {**layers, "c.json": config, "manifest.json": saved(("c.json", [], list(layers)))}
    )
    with pytest.raises(MalformedManifest):
        images(text)


def test_fields_that_docker_reads_as_others_are_refused(tmp_path: Path) -> None:
    entry = {"Config": "c.json", "Layers": ["l.tar"], "layers": ["m.tar"]}
    text = archive(tmp_path / "a.tar", {
        "l.tar": BASE.data, "m.tar": TOP.data, "c.json": configuration(BASE.data), "manifest.json": json.dumps([entry]).encode(),
    })  # fmt: skip
    with pytest.raises(MalformedManifest, match="others"):
        images(text)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_form_of_long_names_is_read(tmp_path: Path, form: int) -> None:
    long = "d" * 90 + "/" + "n" * 90
    text = archive(tmp_path / "a.tar", {
        long: BASE.data, "c.json": configuration(BASE.data), "manifest.json": saved(("c.json", [], [long])),
    }, form=form)  # fmt: skip
    assert contents(one_image(text)) == [BASE.data]


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"manifest.json": b"no"},
        {"manifest.json": b"{}"},
        {"manifest.json": b"[7]"},
        {"manifest.json": b'[{"Config": "missing.json", "Layers": []}]'},
        {"manifest.json": b'[{"Config": "../../etc/passwd", "Layers": []}]'},
        {"c.json": b"7", "manifest.json": saved(("c.json", [], []))},
        {"c.json": b"{}", "manifest.json": saved(("c.json", [], ["loop"])), "loop": "loop"},
        {"c.json": b"{}", "manifest.json": saved(("c.json", [], ["out"])), "out": "/etc/passwd"},
        {"c.json": "manifest.json", "manifest.json": "c.json"},
        {"index.json": b"{}"},
    ],
)
def test_what_is_no_saved_image_is_malformed(tmp_path: Path, members: dict[str, bytes | str]) -> None:
    with pytest.raises(MalformedManifest):
        images(archive(tmp_path / "a.tar", members))


def test_every_truncation_and_flip_of_an_archive_raises_our_errors_alone(tmp_path: Path) -> None:
    archive(tmp_path / "a.tar", {
        "x" * 150: b"y", "c.json": configuration(BASE.data), "l.tar": BASE.data[:700], "manifest.json": saved(("c.json", [], ["l.tar"])),
    }, form=tarfile.GNU_FORMAT)  # fmt: skip
    whole = (tmp_path / "a.tar").read_bytes().rstrip(b"\0")
    packed = gzip.compress(whole)
    broken = [whole[:cut] for cut in range(0, len(whole), 97)] + [packed[:cut] for cut in range(0, len(packed), 17)]
    broken += [whole[:at] + b"\xff" + whole[at + 1 :] for at in range(0, len(whole), 31)]
    broken += [packed[:at] + b"\xff" + packed[at + 1 :] for at in range(0, len(packed), 7)]
    for data in broken:
        (tmp_path / "b.tar").write_bytes(data)
        try:
            images(f"docker-archive:{tmp_path / 'b.tar'}")
        except LongshoreError as error:
            assert isinstance(error, SourceError)


@pytest.mark.conformance
@pytest.mark.parametrize("version", ["3.10.3", "3.11.5"])
def test_the_real_alpine_images_are_read(real_data: Path, version: str) -> None:
    image = one_image(f"docker-archive:{real_data}/images/alpine-{version}.tar.gz")
    (layer,) = contents(image)
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        release = tar.extractfile("etc/alpine-release")
        assert release is not None
        assert release.read().decode().strip() == version


@pytest.mark.registry
def test_what_skopeo_saves_is_read(layout: Path, tmp_path: Path) -> None:
    skopeo = shutil.which("skopeo") or missing("skopeo", "apt-get install skopeo")
    subprocess.run([skopeo, "copy", "-q", "--insecure-policy", f"oci:{layout}:one", f"docker-archive:{tmp_path}/s.tar:app:1"],
                   check=True, capture_output=True)  # fmt: skip
    assert contents(one_image(f"docker-archive:{tmp_path}/s.tar")) == [BASE.data, TOP.data]


# Lists


def test_a_list_names_sources_line_by_line(layout: Path, tmp_path: Path) -> None:
    (tmp_path / "list").write_text(
        f"# fleet\n\noci:{layout}:one\n  oci:{layout}:many  \noci:{tmp_path}/nothing\nlocalhost:1/app:1\n"
    )
    found = list(only(f"@{tmp_path}/list").list())
    assert [one.reference for one in found] == [
        f"oci:{layout}:one", f"oci:{layout}:many", f"oci:{tmp_path}/nothing", "localhost:1/app:1"]  # fmt: skip
    assert [one.error.reason if one.error else "" for one in found] == ["", "", "not-found", "registry-unreachable"]


def test_a_lists_references_are_resolved(layout: Path, tmp_path: Path) -> None:
    (tmp_path / "list").write_text(f"oci:{layout}\n")
    source = only(f"@{tmp_path}/list")
    found = list(source.list())
    assert contents(source.resolve(found[0], PlatformChoice())[0]) == [BASE.data, TOP.data]
    assert [scope.repository for scope in source.scopes()] == [f"oci:{layout}"]


@pytest.mark.parametrize("line", ["alpine", "@other", "\xff", "x" * 20_000])
def test_a_mistake_in_a_list_is_named_by_its_line_at_once(tmp_path: Path, line: str) -> None:
    (tmp_path / "list").write_bytes(b"rootfs:/\n" + line.encode("latin-1") + b"\n")
    with pytest.raises(InvalidReference, match="list:2"):
        open_sources([f"@{tmp_path}/list"], ACCESS)


def test_a_list_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        open_sources([f"@{tmp_path}/list"], ACCESS)


def test_a_source_that_is_named_twice_is_one(layout: Path) -> None:
    assert len(open_sources([f"oci:{layout}", f"oci:{layout}/"], ACCESS)) == 1


# The writer


def test_a_reopened_layout_is_added_to_and_tags_move(layout: Path) -> None:
    with OciWriter(layout) as writer:
        moved = writer.add_image([BASE, build_layer({"l": Symlink("x")})], tag="one")
        writer.add_image([BASE], tag="new")
        writer.untag("many")
    names = {one.name: one.target for one in only(f"oci:{layout}").list()}
    assert set(names) == {"one", "registry.example/app:1.0", "new"}
    assert names["one"] == moved.digest


def test_the_same_mapping_gives_the_same_bytes() -> None:
    for compression in ("plain", "gzip", "zstd"):
        first, second = (build_layer({"a": "1", "b": Symlink("a")}, compression=compression) for _ in range(2))
        assert first == second
        assert first.diff_id == sha256_digest(build_layer({"a": "1", "b": Symlink("a")}, compression="plain").data)


@pytest.mark.registry
def test_skopeo_reads_what_the_writer_writes(layout: Path, tmp_path: Path) -> None:
    skopeo = shutil.which("skopeo") or missing("skopeo", "apt-get install skopeo")
    for tag in ("one", "many"):
        arguments = [
            "copy",
            "-q",
            "--insecure-policy",
            "--multi-arch=all",
            f"oci:{layout}:{tag}",
            f"dir:{tmp_path}/{tag}",
        ]
        done = subprocess.run([skopeo, *arguments], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
