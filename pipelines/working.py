"""What verbs that analyse images have in common: the Ray session, and a wave of images from unread layers to composed images.

Ray is started when the first wave finds work, and never when nothing is to be done. A layer that other analysers read before
is begun from their result; an image none of whose layers got other rows by that is brought forward as it is.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType

from catalog.active.former import advance_images, layers_of_images, unchanged_images
from catalog.active.planning import layers_without_result, register_fingerprint_set, unsettled_images
from cluster.session import Session, start_session
from pipelines.analysing import Analysis, unread_layers
from pipelines.composing import Composition
from pipelines.listing import PendingImage
from pipelines.observer import Observer, Sharing
from pipelines.reach import refuse_out_of_reach
from pipelines.scan_options import ScanOptions
from pipelines.scan_summary import WorkDone
from pipelines.workspace import Workspace
from tasks.composition import chain_ids
from tasks.layers.analysis import fingerprints
from tasks.transport import RegistryAccess


class Work:
    """The work of one run.

    Args:
        workspace: where everything is.
        run: the run's id.
        options: the cluster, and whether permanent failures are tried again.
        access: how registries are spoken to.
        observer: who watches.
    """

    def __init__(
        self, workspace: Workspace, run: str, options: ScanOptions, access: RegistryAccess, observer: Observer
    ) -> None:
        limits, secrets = workspace.settings.limits, workspace.settings.secrets
        self.workspace = workspace
        self.run = run
        self.options = options
        self.access = access
        self.observer = observer
        self.done = WorkDone()
        self.notes: list[str] = []
        self.kept: dict[str, tuple[str, str]] = {}
        """Reason and detail of images that keep a former result, because a layer's bytes could not be had."""
        self.stopping = False
        self.fingerprints = fingerprints(limits, secrets=secrets)
        """What the analysers here are."""
        self._also = {self.fingerprints, fingerprints(limits)}
        self._stack = ExitStack()
        self._session: Session | None = None

    def stop(self) -> None:
        """Begin nothing more; what ends in time is committed. Only sets flags, as a signal handler must."""
        self.stopping = True
        if self._session is not None:
            self._session.stop()

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """A block in which SIGTERM ends the run in order; at its end the Ray session ends, where one was started."""
        with _on_sigterm(self.stop), self._stack:
            yield

    def analyse(self, wave: Sequence[PendingImage], *, former: frozenset[str] = frozenset()) -> None:
        """Analyse and compose a wave of images, as far as they need it.

        Args:
            wave: the images.
            former: digests of those that keep what is known of them where a layer cannot be had.

        Raises:
            UsageError: the cluster cannot reach what lies here.
            ActiveSetError, StoreError, ClusterError: it cannot go on; what was committed is kept.
        """
        chosen = self.fingerprints.id
        images = self._unsettled_of(wave)
        if not images or self.stopping:
            return
        self._register()
        unread = unread_layers(self.workspace, images, chosen, retry=self.options.retry)
        self.observer.shared(_sharing(images, frozenset(unread)))
        self.done.planned += len(unread)
        session = self._ray()
        locations = (location for image in images for location in image.locations)
        refuse_out_of_reach(session.elsewhere(), self.workspace.settings.archive, locations)
        if unread:
            analysis = self._analysis(session)
            analysis.analyse(images, unread)
            self._count(analysis)
        self._bring_forward([image.manifest.digest for image in images])
        composition = Composition(self.workspace, session, self.run, self.access, chosen, self.observer, former=former)
        # An image that only lacked the result of a layer has it again: there is nothing to compose.
        composition.compose(self._unsettled_of(images))
        self.kept.update(composition.kept)
        self.done.composed += composition.composed
        self.done.bytes_read += composition.bytes_read
        self.done.bytes_cached += composition.bytes_cached
        self.done.cpu_seconds += composition.cpu_seconds

    def renew(self, images: Sequence[str]) -> list[str]:
        """Bring known images to the present analysers as far as former rows of their layers go, without asking anybody for a byte.

        Args:
            images: digests.

        Returns:
            Those for which this was not enough, in the order given.

        Raises:
            ActiveSetError, StoreError, ClusterError: as `analyse`.
        """
        images = self.unsettled(images)
        if not images or self.stopping:
            return images
        self._register()
        with self.workspace.database.transaction() as tx:
            layers = layers_of_images(tx, images)
            unread = layers_without_result(tx, list(layers), fingerprint_set=self.fingerprints.id)
        if unread:
            session = self._ray()
            refuse_out_of_reach(session.elsewhere(), self.workspace.settings.archive, ())
            analysis = self._analysis(session)
            analysis.renew({digest: layers[digest] for digest in unread})
            self.done.planned += analysis.from_rows
            self._count(analysis)
        self._bring_forward(images)
        return self.unsettled(images)

    def unsettled(self, images: Sequence[str]) -> list[str]:
        """The images for which something is left to do, in the order given.

        Args:
            images: digests.
        """
        chosen, retry = self.fingerprints.id, self.options.retry
        with self.workspace.database.transaction() as tx:
            return unsettled_images(tx, images, fingerprint_set=chosen, retry_permanent=retry)

    def _bring_forward(self, images: Sequence[str]) -> None:
        """Let images stay as they are whose layers all got the rows that they had."""
        chosen = self.fingerprints.id
        with self.workspace.database.transaction() as tx:
            alike = unchanged_images(tx, images, fingerprint_set=chosen)
        # Where a link made more files evidence, the chain has another name, and those files are read again.
        same = [each.digest for each in alike if each.layers and each.chain == chain_ids(each.layers)[-1]]
        self.done.forwarded += advance_images(self.workspace.database, self.run, same, fingerprint_set=chosen)

    def _unsettled_of(self, images: Sequence[PendingImage]) -> list[PendingImage]:
        left = set(self.unsettled([image.manifest.digest for image in images]))
        return [image for image in images if image.manifest.digest in left]

    def _register(self) -> None:
        for each in sorted(self._also, key=lambda prints: prints.id):
            register_fingerprint_set(self.workspace.database, each.id, each.names)

    def _analysis(self, session: Session) -> Analysis:
        prints = self.fingerprints
        return Analysis(self.workspace, session, self.run, self.access, prints.id, self.observer, members=prints.names)

    def _ray(self) -> Session:
        if self._session is None:
            address = self.options.address or self.workspace.settings.ray_address
            self.observer.event(f"connecting to Ray at {address}" if address else "starting Ray on this machine")
            self._session = self._stack.enter_context(start_session(address, cpus=self.options.cpus))
            if self.stopping:
                self._session.stop()
        return self._session

    def _count(self, analysis: Analysis) -> None:
        self.done.analysed += analysis.analysed
        self.done.from_rows += analysis.from_rows
        self.done.changed_only += analysis.changed_only
        self.done.failed += analysis.failed
        self.done.bytes_read += analysis.bytes_read
        self.done.bytes_cached += analysis.bytes_cached
        self.done.cpu_seconds += analysis.cpu_seconds
        self.notes += analysis.notes


@contextmanager
def _on_sigterm(stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM ends the run in order: nothing more is begun, what ends in time is committed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(_signal: int, _frame: FrameType | None) -> None:
        stop()

    before = signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _sharing(images: Sequence[PendingImage], unread: frozenset[str]) -> Sharing:
    edges = [layer for image in images for layer in image.manifest.layers]
    sizes = {layer.digest: max(0, layer.size) for layer in edges}
    return Sharing(
        named=len(edges),
        unique=len(sizes),
        to_read=len(unread),
        bytes_named=sum(max(0, layer.size) for layer in edges),
        bytes_to_read=sum(size for digest, size in sizes.items() if digest in unread),
    )
