"""Files that a link makes evidence although no analyser wanted them where they lie: which layer's bytes to read once more.

Three ways lead there: a link that stands where an analyser looks, a linked folder above such a place, and a hard link to a
file under an unwanted name. The tree remembers no plain files, so the chain is composed once more with a watch on the places
in question. That is rare, and only then costs anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from catalog.receipts import LayerNeed
from tasks.analyzers import apk, dpkg, opkg, os_release, rpm
from tasks.composition.apply import NOTHING, Wants, Watch
from tasks.composition.chains import ChainWalk
from tasks.composition.platforms import decide_distribution
from tasks.composition.state import ChainState
from tasks.composition.tree import File, Folder, Link, evident, node_at, questions, resolve, split_path

PLACES = (*sorted((*apk.PATHS, *opkg.PATHS, *rpm.PATHS)), dpkg.STATUS_FILE, *sorted(os_release.PATHS))
"""Files that are evidence by their whole path, so that a link in it leads elsewhere."""
FOLDERS = (dpkg.STATUS_FOLDER,)
"""Folders whose files are."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What an image still lacks.

    Args:
        files: those to read again before its packages are known.
        watch: places where hard links give evidence names that nobody looks at in their own layer. The image must be
            composed with a watch on them; NOTHING for nearly all images.
    """

    files: tuple[LayerNeed, ...]
    watch: Watch


@dataclass(slots=True)
class _Question:
    """Real places to look at, with the names under which they are wanted."""

    files: dict[str, str] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    targets: set[str] = field(default_factory=set)
    """What hard links at these places name: seen too, so that the links can be followed."""
    linked: bool = False
    """Whether one of the places is a hard link that the tree does not remember."""

    @property
    def watch(self) -> Watch:
        return Watch(frozenset((*self.files, *self.targets)), frozenset(self.folders))


def find_needs(state: ChainState, layers: Sequence[str], walk: ChainWalk, wants: Wants) -> Needs:
    """What is to be done before this image's packages are known.

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
    asking = sorted(questions(state.root), key=itemgetter(0))
    unread = [(path, node) for path, node in asking if type(node) is File]
    names = _names(state.root) if unread else {}
    for path, node in unread:
        wanted = path if wants(path) else names.get(path, "")
        if node.layer and wanted:
            needs[node.layer, node.path] = LayerNeed(node.layer, node.path, wanted)
        elif wanted:
            question.files[path] = wanted
            question.targets.add(node.target)
    decided = bool(decide_distribution(state.root).id)
    for path in (*(path for path, node in asking if type(node) is Link), *PLACES):
        if decided and path in os_release.OLDER_PATHS:
            continue
        _ask(question.files, state.root, path, wants)
    for path in FOLDERS:
        place = resolve(state.root, split_path(path), follow=True)
        if place and place.crossed and not wants("/".join((*place.parts, "any"))):
            question.folders["/".join(place.parts)] = path
    asked = Watch()
    while question.watch != asked:
        asked = question.watch
        for need in _look(question, walk.replay(layers, asked), state.root, wants):
            needs.setdefault((need.layer, need.path), need)
    return Needs(tuple(needs[key] for key in sorted(needs)), asked if question.linked else NOTHING)


def _names(root: Folder) -> dict[str, str]:
    """The places where analysers look, by the real paths they lead to."""
    places = ((path, resolve(root, split_path(path), follow=True)) for path in PLACES)
    return {"/".join(place.parts): path for path, place in places if place}


def _ask(files: dict[str, str], root: Folder, path: str, wants: Wants) -> None:
    place = resolve(root, split_path(path), follow=True)
    if place and place.parts and place.crossed and evident(place.node) is None:
        real = "/".join(place.parts)
        # At a place that is wanted itself a file would have been read: there is none.
        if not wants(real):
            files.setdefault(real, path)


def _look(question: _Question, seen: Folder, remembered: Folder, wants: Wants) -> list[LayerNeed]:
    """The unread files at the places in question; what hard links there name is in question from now on."""
    places = dict(question.files)
    for real, wanted in question.folders.items():
        folder = node_at(seen, real)
        if type(folder) is Folder:
            inside = ((f"{real}/{name}", f"{wanted}/{name}") for name in folder.children)
            places.update((path, shown) for path, shown in inside if wants(shown))
    needs = []
    for real, wanted in places.items():
        node = node_at(seen, real)
        if type(node) is not File:
            continue
        # What is seen at its own name is a plain file, or was read.
        question.linked |= not node.layer or (node.path != real and evident(node_at(remembered, real)) is None)
        if not node.layer:
            question.targets.add(node.target)
        elif node.evidence is None:
            needs.append(LayerNeed(node.layer, node.path, wanted))
    return needs
