"""The tar walker: one pass over a layer's entries.

Most entries of a layer are plain: a file nobody wants, or a directory. A tight loop takes those from the window, keeping the
raw header and name of each for `entries` to read in bulk. Whatever is not plain — links, extended headers, wanted files, the
end — stops the loop and is looked at with care. Checksums are verified in bulk as well: a layer with a wrong one is given up
as a whole, so nothing that was read before is ever used.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from catalog.errors import LimitExceeded, MalformedLayer
from catalog.limits import Limits
from tasks.analyzers.interface import Analyser
from tasks.analyzers.selection import SUFFIX_LENGTH, Selection
from tasks.layers import headers as tar
from tasks.layers.chunks import WHITEOUT, Correction, EntryChunk, over_limit
from tasks.layers.evidence import EvidenceBook
from tasks.layers.extensions import Extension
from tasks.layers.headers import BLOCK
from tasks.layers.paths import normalised, text
from tasks.layers.secret_search import SecretSearch
from tasks.layers.window import Window

CHUNK_ENTRIES = 2048
"""Entries that are turned into rows at a time."""
CHUNK_EXTENDED = 8 * CHUNK_ENTRIES
"""Extended headers that are kept until then, at most: entries of unknown types have them too, and become no rows."""
HEAD_BYTES = 4096
"""Bytes by which a file without a telling name is judged."""

_header_at = Struct("512s").unpack_from
_fields_of = Struct("100s24x11sB20xB188xB166x").unpack
"""Name, first eleven bytes of the size and its last, type flag, first byte of the prefix."""
_BLANK = 0x20
_NOTHING = bytes(BLOCK)
_KINDS = {
    tar.FILE: "file",
    tar.OLD_FILE: "file",
    tar.CONTIGUOUS: "file",
    tar.SPARSE: "file",
    tar.HARD_LINK: "hardlink",
    tar.SYMLINK: "symlink",
    tar.CHARACTER: "device",
    tar.BLOCK_DEVICE: "device",
    tar.FIFO: "fifo",
    tar.DIRECTORY: "directory",
}


class Walker:
    """Walks one tar stream.

    Args:
        window: over its bytes, at the beginning.
        selection: the analysers whose files are wanted.
        book: where evidence goes.
        limits: caps on entries, headers and paths.
        emit: takes the entries, some thousands at a time.
        search: takes every text file, where secrets are looked for.
    """

    def __init__(
        self,
        window: Window,
        selection: Selection,
        book: EvidenceBook,
        limits: Limits,
        emit: Callable[[EntryChunk], None],
        search: SecretSearch | None = None,
    ) -> None:
        self._window = window
        self._selection = selection
        self._book = book
        self._limits = limits
        self._emit = emit
        self._search = search
        self._chunk = EntryChunk(0)
        # A search looks at every file, so any first byte will do: where there is none, the loop does not even ask.
        self._first_bytes = frozenset(range(256) if search else (magic[0] for magic in selection.magics))

    def walk(self) -> None:
        """Walk to the archive's end marker, or to the end of the bytes where there is none.

        Raises:
            MalformedLayer: no tar archive, or a broken one.
            LimitExceeded: a cap was reached; what came before it was emitted.
        """
        try:
            going = self._special_entry(first=True)
            while going:
                filled = self._window.require(2 * BLOCK)
                if filled:
                    self._plain_entries()
                if not filled or self._window.position <= self._window.end - 2 * BLOCK:
                    going = self._special_entry()
                if len(self._chunk.names) >= CHUNK_ENTRIES or len(self._chunk.extended) >= CHUNK_EXTENDED:
                    self._flush()
            self._flush()
        except LimitExceeded:
            self._flush()
            raise
        except MalformedLayer:
            self._chunk.verify_checksums()
            raise

    def _plain_entries(self) -> None:  # noqa: C901
        """Take entries from the window until one is not plain or the window is used up.

        One loop without calls, because it runs once per entry: each call in it would cost a tenth more.
        """
        window, chunk, book = self._window, self._chunk, self._book
        buffer, position, last = window.buffer, window.position, window.end - 2 * BLOCK
        folders, suffixes, first_bytes = self._selection.folders, self._selection.suffixes, self._first_bytes
        telling_names, recorded = book.telling_names, book.recorded_names
        plausible = self._selection.plausible
        keep_name, keep_header = chunk.names.append, chunk.headers.append
        long_name, extended_from, longest = None, 0, self._limits.path_bytes
        while position <= last:
            (header,) = _header_at(buffer, position)
            name, digits, last_digit, flag, prefix = _fields_of(header)
            if long_name is not None:
                name = long_name
            else:
                name = tar.entry_name(header) if prefix else name.partition(b"\0")[0]
            folder, _, base = name.rpartition(b"/")
            if flag == tar.FILE:
                if not base or last_digit > _BLANK:
                    break
                try:
                    size = int(digits, 8)
                except ValueError:
                    break
                if size < 0:
                    break
                keep_name(name)
                position += BLOCK
                if (
                    base in telling_names
                    or folder in folders
                    or (base[-SUFFIX_LENGTH:] in suffixes and plausible(name))
                    or (first_bytes and buffer[position] in first_bytes)
                ):
                    window.position = position
                    keep_header(header)
                    long_name = None
                    self._file(name, size)
                    position, last = window.position, window.end - 2 * BLOCK
                    if len(chunk.names) >= CHUNK_ENTRIES:
                        break
                    continue
                position += size + 511 & -512
            elif flag == tar.DIRECTORY:
                if not base:
                    name = folder
                    base = folder.rpartition(b"/")[2]
                if not base or base in recorded:
                    break
                keep_name(name)
                position += BLOCK
            elif flag == tar.PAX and long_name is None:
                # A long name, and nothing else, is what most pax headers are for.
                data = self._pax_data(position, digits)
                long_name = tar.only_path(data)
                if long_name is None or len(long_name) > longest:
                    long_name = None
                    break
                chunk.extended.append(header)
                extended_from = position
                position += BLOCK + (len(data) + 511 & -512)
                continue
            else:
                break
            keep_header(header)
            long_name = None
        window.position = position if long_name is None else extended_from

    def _pax_data(self, position: int, digits: bytes) -> bytes:
        """The data of the extended header at a position, or nothing where it does not lie in the window as a whole."""
        window = self._window
        size = int(digits, 8) if digits.isdigit() and b"8" not in digits and b"9" not in digits else 0
        start = position + BLOCK
        if size > self._limits.header_bytes or start + size > window.end:
            return b""
        return bytes(window.buffer[start : start + size])

    def _special_entry(self, *, first: bool = False) -> bool:
        """Look at the next entry with care, and at the extended headers before it; False where there is none."""
        header = self._next_header()
        if first and header is not None and not tar.checksum_holds(header):
            raise MalformedLayer("neither a tar archive nor a compression that is known")
        extension = Extension()
        for _ in range(self._limits.headers_in_a_row):
            if header is None:
                if extension.any:
                    raise MalformedLayer("the tar archive ends after an extended header")
                return False
            self._window.position += BLOCK
            if not Extension.is_extension(header):
                self._entry(header, extension)
                return True
            size = tar.data_size(header)
            if size > self._limits.header_bytes:
                raise LimitExceeded(f"an extended header of {size} bytes")
            extension.add(header, self._extended_data(size))
            self._chunk.extended.append(header)
            header = self._next_header()
        raise LimitExceeded(f"more than {self._limits.headers_in_a_row} extended headers in a row")

    def _extended_data(self, size: int) -> bytes:
        data = bytes(self._window.take(size))
        self._window.position += -size % BLOCK
        return data

    def _next_header(self) -> bytes | None:
        """The header at the window's position; None at the end marker, which is passed, or at the end of the bytes."""
        window = self._window
        if not window.require(BLOCK):
            if window.end != window.position:
                raise MalformedLayer("the tar archive ends within a header")
            return None
        header = bytes(window.buffer[window.position : window.position + BLOCK])
        if header != _NOTHING:
            return header
        second = window.require(2 * BLOCK)
        if second and window.buffer[window.position + BLOCK : window.position + 2 * BLOCK] != _NOTHING:
            raise MalformedLayer("data after a zero block")
        window.position = window.position + 2 * BLOCK if second else window.end
        return None

    def _entry(self, header: bytes, extension: Extension) -> None:
        flag = header[tar.FLAG]
        name = tar.entry_name(header) if extension.name is None else self._cut(extension.name)
        size = tar.data_size(header) if extension.size is None else extension.size
        kind = "directory" if flag == tar.OLD_FILE and name.endswith(b"/") else _KINDS.get(flag)
        correction = Correction(size=extension.size, uid=extension.uid, gid=extension.gid)
        if kind == "file":
            sparse = extension.sparse or flag == tar.SPARSE
            if flag == tar.SPARSE:
                correction.size = tar.full_size(header)
                self._skip_sparse_map(header)
            elif extension.full_size is not None:
                correction.size = extension.full_size
            self._keep(name, header, correction)
            self._file(name, size, sparse=sparse)
        elif kind is None:
            self._book.note("", "unknown-entry", f"an entry of the unknown type {flag:#04x}")
            self._window.position += self._window.blocks(size)
        else:
            correction.kind = kind
            if kind in ("symlink", "hardlink"):
                correction.target = tar.link_name(header) if extension.target is None else self._cut(extension.target)
            self._keep(name, header, correction)
            self._without_data(name, kind, correction.target or b"")

    def _cut(self, name: bytes) -> bytes:
        """A name that is over the limit, cut so that it stays over it: thousands are kept in a chunk."""
        most = self._limits.path_bytes
        return name if len(name) <= most else b"x" * (most + 1)

    def _keep(self, name: bytes, header: bytes, correction: Correction) -> None:
        if correction.says_anything:
            self._chunk.corrections[len(self._chunk.names)] = correction
        self._chunk.names.append(name.removesuffix(b"/") if correction.kind == "directory" else name)
        self._chunk.headers.append(header)

    def _file(self, name: bytes, size: int, *, sparse: bool = False) -> None:
        """Pass over a file's data, or read it for the analysers that want it."""
        window = self._window
        analysers: tuple[Analyser, ...] = ()
        named = analysers
        place = self._place(name)
        if place is not None:
            self._book.replaced(place, buries=True)
            analysers = named = self._selection.wanting(place)
            if not named:
                analysers = self._wanting_content(place, size)
        caps = {analyser: analyser.size_cap(self._limits) for analyser in analysers}
        search = None if place is None or sparse else self._search
        searched = min(size, search.file_bytes) if search and place and search.wants(place, self._head(size)) else 0
        if place is None or not (caps or searched):
            window.position += window.blocks(size)
            return
        readable = not sparse and size <= max(caps.values(), default=-1)
        taken = size if readable else searched
        data = window.take(taken) if taken else b""
        window.position += window.blocks(size) - taken
        if search and searched:
            search.add(place, data[:searched], size)
        for analyser, cap in caps.items():
            if sparse:
                self._book.refuse(place, analyser, size, "failed", "sparse", "a sparse file is not put together")
            elif size > cap:
                what = f"{size} bytes, at most {cap} are read"
                self._book.refuse(place, analyser, size, "too-large", "too-large", what)
            else:
                self._book.record(place, analyser, data, by_content=not named)

    def _wanting_content(self, place: str, size: int) -> tuple[Analyser, ...]:
        """The analysers that want the file at the window's position by its first bytes."""
        head = self._head(size) if self._first_bytes and size >= 4 else b""
        return tuple(
            a for a in self._selection.magics.get(head[:4], ()) if a.confirm(place) and a.looks_right(place, head)
        )

    def _head(self, size: int) -> bytes:
        """The first bytes of the file at the window's position; nothing where the stream ends before them."""
        window, count = self._window, min(size, HEAD_BYTES)
        return bytes(window.buffer[window.position : window.position + count]) if window.require(count) else b""

    def _without_data(self, name: bytes, kind: str, target: bytes) -> None:
        place = self._place(name)
        if place is None:
            return
        self._book.replaced(place, buries=kind != "directory")
        if kind in ("symlink", "hardlink"):
            first = text(normalised(target)) if kind == "hardlink" else None
            analysers = self._selection.wanting(place)
            if first is not None and not analysers:
                analysers = tuple(a for a in self._book.readers_by_content(first) if a.confirm(place))
            for analyser in analysers:
                self._book.link(place, analyser, first)

    def _place(self, name: bytes) -> str | None:
        """Where the entry lies, or None where it cannot hold evidence: whiteouts, and names that are over a limit."""
        name = normalised(name)
        base = name.rpartition(b"/")[2]
        if base.startswith(WHITEOUT) or over_limit(name, self._limits):
            return None
        return text(name)

    def _skip_sparse_map(self, header: bytes) -> None:
        """Pass over the blocks by which GNU's old sparse format continues its map."""
        more = header[482]
        while more:
            if not self._window.require(BLOCK):
                raise MalformedLayer("the tar archive ends within a sparse map")
            more = self._window.buffer[self._window.position + 504]
            self._window.position += BLOCK

    def _flush(self) -> None:
        chunk, self._chunk = self._chunk, EntryChunk(self._chunk.first + len(self._chunk.names))
        if chunk.names or chunk.extended:
            chunk.verify_checksums()
            self._emit(chunk)
        if self._chunk.first > self._limits.layer_entries:
            raise LimitExceeded(f"more than {self._limits.layer_entries} entries")
