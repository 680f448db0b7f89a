"""Files that a link makes evidence although no analyser wanted them where they lie: which layer's bytes to read once more.

Three ways lead there: a link that stands where an analyser looks, a linked folder above such a place, and a hard link to a
file under an unwanted name. The tree remembers no plain files, so the chain is composed once more with a watch on the places
in question. That is rare, and only then costs anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from catalog.receipts import LayerNeed
from tasks.analyzers import apk, dpkg, opkg, os_release, rpm
from tasks.composition.apply import Wants, Watch
from tasks.composition.chains import ChainWalk
from tasks.composition.platforms import decide_distribution
from tasks.composition.state import ChainState
from tasks.composition.tree import File, Folder, node_at, resolve, split_path

PLACES = (*sorted((*apk.PATHS, *opkg.PATHS, *rpm.PATHS)), dpkg.STATUS_FILE, *sorted(os_release.PATHS))
"""Files that are evidence by their whole path, so that a link in it leads elsewhere."""
FOLDERS = (dpkg.STATUS_FOLDER,)
"""Folders whose files are."""


@dataclass(slots=True)
class _Question:
    """Real places to look at, with the names under which they are wanted."""

    files: dict[str, str] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    hard_links: dict[str, str] = field(default_factory=dict)

    @property
    def watch(self) -> Watch:
        return Watch(frozenset((*self.files, *self.hard_links.values())), frozenset(self.folders))


def find_needs(state: ChainState, layers: Sequence[str], walk: ChainWalk, wants: Wants) -> tuple[LayerNeed, ...]:
    """The files to read again before this image's packages are known.

    Args:
        state: the image's chain.
        layers: digests of its layers, bottom first.
        walk: what composed it.
        wants: whether an analyser wants the file at a path.

    Raises:
        StoreError: a layer's rows cannot be read.
    """
    question = _Question()
    needs: dict[tuple[str, str], LayerNeed] = {}
    for path in sorted(state.unread):
        node = node_at(state.root, path)
        if type(node) is File and node.layer:
            needs[node.layer, node.path] = LayerNeed(node.layer, node.path, path)
        elif type(node) is File:
            question.hard_links[path] = node.target
    decided = bool(decide_distribution(state.root).id)
    for path in (*sorted(state.links), *PLACES):
        if decided and path in os_release.OLDER_PATHS:
            continue
        _ask(question.files, state.root, path, wants)
    for path in FOLDERS:
        place = resolve(state.root, split_path(path), follow=True)
        if place and place.crossed and not wants("/".join((*place.parts, "any"))):
            question.folders["/".join(place.parts)] = path
    if question.watch != Watch():
        for need in _look(question, walk.replay(layers, question.watch).root):
            needs.setdefault((need.layer, need.path), need)
    return tuple(needs[key] for key in sorted(needs))


def _ask(files: dict[str, str], root: Folder, path: str, wants: Wants) -> None:
    place = resolve(root, split_path(path), follow=True)
    if place and place.parts and place.crossed and place.node is None:
        real = "/".join(place.parts)
        # At a place that is wanted itself a file would have been read: there is none.
        if not wants(real):
            files.setdefault(real, path)


def _look(question: _Question, root: Folder) -> list[LayerNeed]:
    found = [(wanted, node_at(root, real)) for real, wanted in question.files.items()]
    found += [(path, node_at(root, path)) for path in question.hard_links]
    for real, wanted in question.folders.items():
        folder = node_at(root, real)
        if type(folder) is Folder:
            found += [(f"{wanted}/{name}", child) for name, child in folder.children.items()]
    return [LayerNeed(node.layer, node.path, wanted) for wanted, node in found if type(node) is File and node.layer]
