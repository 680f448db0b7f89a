"""Files with a suid or sgid bit: which rows a layer gets for them."""

from __future__ import annotations

import io
import tarfile

from hypothesis import given
from hypothesis import strategies as st

from catalog.limits import Limits
from catalog.states import LayerOutcome
from tasks.layer_builder import Directory, File, Opaque, Symlink, Whiteout, build_layer
from tasks.layers.privileged import PrivilegedFiles
from tests.tasks.layers.reading import read_layer

Entry = tuple[str, bytes, int, str]
"""Path, type of the entry, mode, target."""


def privileged(blob: bytes, limits: Limits | None = None) -> dict[str, tuple[int, int, int]]:
    with_rows = read_layer(blob, limits=limits).privileged.to_pylist()
    return {row["path"]: (row["mode"], row["uid"], row["gid"]) for row in with_rows}


def tar_of(entries: list[Entry]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path, kind, mode, target in entries:
            member = tarfile.TarInfo(path)
            member.type, member.mode, member.linkname = kind, mode, target
            archive.addfile(member)
    return file.getvalue()


def test_files_with_either_bit_are_kept_with_mode_and_owner() -> None:
    layer = build_layer(
        {
            "usr/bin/su": File(b"", mode=0o4755),
            "usr/bin/wall": File(b"", mode=0o2755, uid=3, gid=5),
            "usr/bin/both": File(b"x", mode=0o6711),
            "usr/bin/ls": File(b"", mode=0o755),
            "usr/bin/sticky": File(b"", mode=0o1755),
        }
    )
    assert privileged(layer.data) == {
        "usr/bin/both": (0o6711, 0, 0),
        "usr/bin/su": (0o4755, 0, 0),
        "usr/bin/wall": (0o2755, 3, 5),
    }


def test_directories_and_symlinks_are_left_out() -> None:
    layer = build_layer({"var/mail": Directory(mode=0o2775), "bin/su": File(b"", mode=0o4755), "su": Symlink("bin/su")})
    assert list(privileged(layer.data)) == ["bin/su"]


def test_a_hard_link_has_the_mode_of_its_target_not_its_own() -> None:
    entries = [
        ("bin/su", tarfile.REGTYPE, 0o4755, ""),
        ("bin/sudo", tarfile.LNKTYPE, 0o644, "bin/su"),
        ("bin/again", tarfile.LNKTYPE, 0, "bin/sudo"),
        ("bin/ls", tarfile.REGTYPE, 0o755, ""),
        ("bin/dir", tarfile.LNKTYPE, 0o4755, "bin/ls"),
    ]
    assert privileged(tar_of(entries)) == dict.fromkeys(("bin/again", "bin/su", "bin/sudo"), (0o4755, 0, 0))


def test_a_later_entry_of_the_same_archive_takes_a_files_place() -> None:
    entries = [
        *((f"{name}/su", tarfile.REGTYPE, 0o4755, "") for name in ("file", "link", "buried", "kept")),
        ("file/su", tarfile.REGTYPE, 0o755, ""),
        ("link/su", tarfile.SYMTYPE, 0o777, "elsewhere"),
        ("buried", tarfile.SYMTYPE, 0o777, "elsewhere"),
        ("kept", tarfile.DIRTYPE, 0o700, ""),
    ]
    assert list(privileged(tar_of(entries))) == ["kept/su"]


def test_a_layers_whiteouts_say_nothing_of_its_own_files() -> None:
    layer = build_layer({"bin/su": File(b"", mode=0o4755), "bin": Opaque(), "usr/x": File(b"", mode=0o4755)})
    assert list(privileged(layer.data)) == ["bin/su", "usr/x"]
    assert privileged(build_layer({"bin/su": Whiteout()}).data) == {}


def test_more_files_than_the_limit_are_a_problem_that_makes_the_layer_partial() -> None:
    layer = build_layer({f"bin/{number}": File(b"", mode=0o4755) for number in range(5)})
    records = read_layer(layer.data, limits=Limits(privileged=3))
    assert records.privileged.num_rows == 3
    assert records.outcome is LayerOutcome.PARTIAL
    assert "more than 3 privileged files" in records.evidence.problems[0].detail


def test_a_mode_that_changes_renames_the_chains_above() -> None:
    plain, suid = (build_layer({"bin/su": File(b"", mode=mode)}) for mode in (0o755, 0o4755))
    assert read_layer(plain.data).composition_hash != read_layer(suid.data).composition_hash
    other = build_layer({"bin/su": File(b"", mode=0o700)})
    assert read_layer(plain.data).composition_hash == read_layer(other.data).composition_hash


PATHS = st.sampled_from(["a", "a/b", "a/b/c", "a/b/d", "e", "e/f"])
ENTRIES = st.tuples(
    PATHS,
    st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE]),
    st.sampled_from([0o755, 0o4755, 0o2644]),
    PATHS,
)


@given(st.lists(ENTRIES, min_size=1, max_size=12), st.integers(0, 12))
def test_rows_are_what_unpacking_one_entry_after_the_other_leaves(entries: list[Entry], cut: int) -> None:
    tree: dict[str, int | None] = {}
    for path, kind, mode, target in entries:
        source = tree.get(target) if kind == tarfile.LNKTYPE else None
        tree.pop(path, None)
        if kind != tarfile.DIRTYPE:
            tree = {name: found for name, found in tree.items() if not name.startswith(f"{path}/")}
        if kind == tarfile.REGTYPE:
            tree[path] = mode
        elif source is not None:
            tree[path] = source
    wanted = {path: mode for path, mode in tree.items() if mode is not None and mode & 0o6000}
    (rows,) = read_layer(tar_of(entries)).entries.batches()
    found = PrivilegedFiles(100)
    for piece in (rows.slice(0, cut), rows.slice(cut)):
        found.add(piece)
    assert dict(zip(*(found.table().column(name).to_pylist() for name in ("path", "mode")), strict=True)) == wanted
