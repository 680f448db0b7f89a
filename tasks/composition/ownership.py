"""Which language packages belong to an operating system's: decided once for a chain, where an image ends with it.

Debian's python3-six brings the evidence of a Python package `six`. Listed as both it would be matched twice, against the feed of
its language too, which knows nothing of the distribution's fixes. So evidence is *owned* where a package database that is left
in the composed image claims its real path for a package that is installed there, and what it names was there no later than that
claim: `npm install -g` over a path of an rpm is a new version that the rpm knows nothing of, while a copy with other permissions
is still the rpm's file. A list of files without its package (anybody can write one) owns nothing, or what it names would be
matched neither as the language's nor as the distribution's.

What a database claims is read only for images that have candidates, the evidence that names a language's packages; of the
claims only those at the candidates' paths are looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from tasks.analyzers.dpkg import STATUS_FOLDER
from tasks.composition.claims import Claim, Claims
from tasks.composition.state import ChainState
from tasks.composition.tree import File, Folder, Link, node_at, resolve

_ONE_EACH = f"{STATUS_FOLDER}/"
"""Where each package has a file of its own."""

OwnedRow = tuple[str, bytes, str]
"""(path, package, owner), as in `catalog.schemas.OWNED_OCCURRENCES`."""


@dataclass(frozen=True, slots=True)
class Ownership:
    """What an operating system's packages own of a chain's.

    Args:
        rows: owned occurrences, by path and package.
        packages: type → packages that are owned wherever they lie. One that somebody also installed elsewhere is not
            among them.
    """

    rows: tuple[OwnedRow, ...] = ()
    packages: Mapping[str, frozenset[bytes]] = field(default_factory=dict)


NOTHING_OWNED = Ownership()
"""The ownership of a chain in which no database claims anything."""


def decide_ownership(state: ChainState, claims_of: Callable[[str], Claims]) -> Ownership:
    """Whose the language packages of a chain are.

    Args:
        state: the chain.
        claims_of: gives what the databases of a layer claim; asked only where something can be owned.

    Raises:
        StoreError: claims cannot be read.
    """
    if not state.languages:
        return NOTHING_OWNED
    claims = {layer: found for layer in dict.fromkeys(state.layers) if (found := claims_of(layer))}
    if not claims:
        return NOTHING_OWNED
    databases = _Databases(state)
    installed: set[tuple[str, str]] | None = None
    spellings = _other_spellings(state)
    owners: dict[str, str] = {}
    for layer, found in claims.items():
        names = [(name, name) for name in found.paths() & state.languages.keys()]
        names += [(name, path) for name in found.paths() & spellings.keys() for path in spellings[name]]
        for name, path in names:
            file = state.languages.get(path)
            newest = max(file.introduced.values()) if file is not None and file.introduced else len(state.layers)
            held = [claim.owner for claim in found.of(name) if newest <= databases.since(layer, claim)]
            if held and installed is None:
                installed = _installed(state)
            held = [owner for owner in held if installed and _type_and_name(owner) in installed]
            if held:
                owners[path] = min(*held, owners.get(path, held[0]))
    return _ownership(state, owners) if owners else NOTHING_OWNED


def _type_and_name(owner: str) -> tuple[str, str]:
    kind, _, name = owner.partition("/")
    return kind, name


def _installed(state: ChainState) -> set[tuple[str, str]]:
    """Type and name of the operating system's packages that are left in the composed image."""
    found: set[tuple[str, str]] = set()
    for path in state.databases:
        file = state.databases.get(path)
        packages = file.evidence.packages if file is not None and file.evidence is not None else {}
        found.update([(key[0], key[2]) for key in packages.values()])
        if path.startswith(_ONE_EACH):
            # Some builders cut the package's name at its first dot, here as in the name of its list.
            found.update((key[0], path.removeprefix(_ONE_EACH)) for key in packages.values())
    return found


def _other_spellings(state: ChainState) -> dict[str, list[str]]:
    """The paths of the evidence by the names that lead there through a linked folder."""
    folders = _linked_folders(state.root)
    starts = tuple({real for _, real in folders})
    found: dict[str, list[str]] = {}
    for path in state.languages:
        if path.startswith(starts):
            for link, real in folders:
                if path.startswith(real):
                    found.setdefault(link + path[len(real) :], []).append(path)
    return found


def _ownership(state: ChainState, owners: Mapping[str, str]) -> Ownership:
    rows: list[OwnedRow] = []
    counts: dict[str, Counter[bytes]] = {}
    for path in sorted(owners):
        file = state.languages.get(path)
        packages = file.evidence.packages if file is not None and file.evidence is not None else {}
        rows.extend((path, package, owners[path]) for package in sorted(packages))
        for package, key in packages.items():
            counts.setdefault(key[0], Counter())[package] += 1
    whole = {
        kind: frozenset(
            package for package, count in found.items() if state.packages[kind].occurrences.get(package) == count
        )
        for kind, found in counts.items()
    }
    return Ownership(tuple(rows), {kind: packages for kind, packages in whole.items() if packages})


class _Databases:
    """Where the files that make claims are in the composed image, if they are."""

    def __init__(self, state: ChainState) -> None:
        self._root = state.root
        self._moved: dict[tuple[str, str], list[File]] = {}
        for path in state.moved:
            file = state.moved.get(path)
            if file is not None:
                self._moved.setdefault((file.layer, file.path), []).append(file)
        self._found: dict[tuple[str, str], list[File]] = {}

    def since(self, layer: str, claim: Claim) -> int:
        """The position in the chain from which on a claim holds; -1 where its file is no more.

        That is where the owner came: its introducing layer, or, where the file lists no packages, the file's own, which
        every change of the owner rewrites.
        """
        return max(
            ((file.introduced or {}).get(claim.package, file.position) for file in self._files(layer, claim.database)),
            default=-1,
        )

    def _files(self, layer: str, path: str) -> list[File]:
        found = self._found.get((layer, path))
        if found is None:
            found = list(self._moved.get((layer, path), ()))
            node = node_at(self._root, path)
            if type(node) is File and (node.layer, node.path) == (layer, path):
                found.append(node)
            self._found[layer, path] = found
        return found


def _linked_folders(root: Folder) -> list[tuple[str, str]]:
    """(link, folder that it leads to) of the links at depth one and two: a merged /usr, /usr/sbin → bin. Both end with `/`."""
    found: list[tuple[str, str]] = []
    ends: dict[tuple[str, str], str | None] = {}
    for above, name, link in _links(root):
        # Hundreds of a folder's links may name one program.
        if (above, link.target) not in ends:
            place = resolve(root, [*filter(None, (above,)), name], follow=True)
            leads = place is not None and type(place.node) is Folder
            ends[above, link.target] = "".join(f"{part}/" for part in place.parts) if place and leads else None
        real = ends[above, link.target]
        if real is not None:
            found.append((f"{above}/{name}/" if above else f"{name}/", real))
    return found


def _links(root: Folder) -> Iterator[tuple[str, str, Link]]:
    """(folder, name, link) of the links in the root and in its folders."""
    for name, child in root.children.items():
        if type(child) is Link:
            yield "", name, child
        elif type(child) is Folder:
            yield from ((name, below, node) for below, node in child.children.items() if type(node) is Link)
