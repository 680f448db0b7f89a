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
from tasks.analyzers import alpm, apk, dpkg, opkg, os_release, portage, rpm
from tasks.composition.apply import NOTHING, Watch
from tasks.composition.chains import ChainWalk
from tasks.composition.evidence import NOBODY, Interest
from tasks.composition.platforms import decide_distribution
from tasks.composition.state import ChainState
from tasks.composition.tree import File, Folder, evident, node_at, questions, resolve, split_path
from tasks.composition.tree import walk as walk_tree

PLACES = (*sorted((*apk.PATHS, *opkg.PATHS, *rpm.PATHS)), rpm.MANIFEST, dpkg.STATUS_FILE, *sorted(os_release.PATHS))
"""Files that are evidence by their whole path, so that a link in it leads elsewhere."""
FOLDERS = (
    (dpkg.STATUS_FOLDER, "any"),
    (dpkg.LIST_FOLDER, "any.list"),
    *((folder, "any.list") for folder in sorted(opkg.LIST_FOLDERS)),
    (alpm.DATABASE, "any-1-1/desc"),
    (portage.DATABASE, "any/any-1/PF"),
)
"""Folders in which files are, each with one such file."""


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

    interest: Interest
    files: dict[str, dict[str, None]] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    targets: set[str] = field(default_factory=set)
    """What hard links at these places name: seen too, so that the links can be followed."""
    linked: bool = False
    """Whether one of the places is a hard link that the tree does not remember."""
    needs: dict[LayerNeed, None] = field(default_factory=dict)
    asked: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """(layer, path) → analysers that are to read the file."""

    @property
    def watch(self) -> Watch:
        return Watch(frozenset((*self.files, *self.targets)), frozenset(self.folders))

    def ask(self, root: Folder, path: str) -> None:
        """Follow a path to the file that somebody wants by that name, if there is one."""
        place = resolve(root, split_path(path), follow=True)
        if place is None or not place.parts:
            return
        node = evident(place.node)
        if type(node) is File:
            # Without a link in the way those who want it here saw it: the analysers of its layer's day.
            if place.crossed or node.lacking or node.evidence is None:
                self.lacks(node, "/".join(place.parts), path)
        elif node is None and place.crossed:
            real = "/".join(place.parts)
            # At a place that is wanted itself a file would have been read: there is none.
            if not self.interest.names_wanting(real):
                self.files.setdefault(real, {})[path] = None

    def lacks(self, node: File, real: str, wanted: str) -> None:
        """Note what a file lacks that somebody wants under some name."""
        missing = self.interest.names_wanting(wanted) - (node.evidence.readers if node.evidence else NOBODY)
        if not missing:
            return
        if not node.layer:
            self.files.setdefault(real, {})[wanted] = None
            self.targets.add(node.target)
            return
        asked = self.asked.get((node.layer, node.path), NOBODY)
        if not missing <= asked:
            self.asked[node.layer, node.path] = asked | missing
            self.needs[LayerNeed(node.layer, node.path, wanted)] = None


def find_needs(state: ChainState, layers: Sequence[str], walk: ChainWalk, interest: Interest) -> Needs:
    """What is to be done before this image's packages are known.

    Args:
        state: the image's chain.
        layers: digests of its layers, bottom first.
        walk: what composed it.
        interest: who wants which files.

    Raises:
        StoreError: a layer's rows cannot be read.
    """
    question = _Question(interest)
    asking = [path for path, _ in sorted(questions(state.root), key=itemgetter(0))]
    decided = bool(decide_distribution(state.root).id)
    for path in (*asking, *PLACES):
        if not (decided and path in os_release.OLDER_PATHS):
            question.ask(state.root, path)
    for path, sample in FOLDERS:
        place = resolve(state.root, split_path(path), follow=True)
        real = "/".join(place.parts) if place and place.crossed else ""
        if real and interest.names_wanting(f"{real}/{sample}") != interest.names_wanting(f"{path}/{sample}"):
            question.folders[real] = path
    asked = Watch()
    while question.watch != asked:
        asked = question.watch
        _look(question, walk.replay(layers, asked), state.root)
    needs = sorted(question.needs, key=lambda need: (need.layer, need.path, need.wanted))
    return Needs(tuple(needs), asked if question.linked else NOTHING)


def _look(question: _Question, seen: Folder, remembered: Folder) -> None:
    """Note what files at the places in question lack; what hard links there name is in question from now on."""
    for real, wanted in _places(question, seen):
        node = node_at(seen, real)
        if type(node) is not File:
            continue
        # What is seen at its own name is a plain file, or was read.
        question.linked |= not node.layer or (node.path != real and evident(node_at(remembered, real)) is None)
        if node.layer:
            question.lacks(node, real, wanted)
        else:
            question.targets.add(node.target)


def _places(question: _Question, seen: Folder) -> list[tuple[str, str]]:
    """The real places in question with the names under which they are wanted, those in folders among them."""
    places = [(real, wanted) for real, names in question.files.items() for wanted in names]
    for real, wanted in question.folders.items():
        folder = node_at(seen, real)
        inside = walk_tree(folder, wanted) if type(folder) is Folder else ()
        places += [(real + shown[len(wanted) :], shown) for shown, node in inside if type(node) is File]
    return [(real, wanted) for real, wanted in places if question.interest.names_wanting(wanted)]
