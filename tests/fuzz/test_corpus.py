"""The inputs that fuzzing kept, and the seeds it began with, replayed: nothing needed but Python."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from catalog.limits import MIB
from tasks.analyzers.secrets import find_secrets
from tests.fuzz.__main__ import TARGETS as NAMES
from tests.fuzz.binaries import elf_seeds
from tests.fuzz.databases import rpm_seeds
from tests.fuzz.layers import signed, tar_seeds
from tests.fuzz.target import LIMITS, Target
from tests.fuzz.targets import TARGETS
from tests.fuzz.texts import ANALYSERS, PLACES, text_seeds
from tests.tasks.layers.reading import read

CORPUS = Path(__file__).with_name("corpus")
PEAK = 48 * MIB
"""Python's memory while one input is read, the window and the decoders' tables among it."""


def kept(target: Target) -> list[bytes]:
    return [path.read_bytes() for path in sorted((CORPUS / target.name).iterdir())]


def test_the_command_knows_every_target() -> None:
    assert set(NAMES) == set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_what_fuzzing_found_is_read_without_a_bug(name: str) -> None:
    target = TARGETS[name]
    inputs = [*target.seeds(), *kept(target)]
    assert len(inputs) > 50
    for data in inputs:
        target.read(data)


@pytest.mark.parametrize("name", TARGETS)
def test_no_kept_input_takes_much_memory(name: str) -> None:
    target = TARGETS[name]
    largest = sorted(kept(target), key=len)[-10:]
    tracemalloc.start()
    try:
        for data in largest:
            target.read(data)
        assert tracemalloc.get_traced_memory()[1] < PEAK
    finally:
        tracemalloc.stop()


def test_the_kept_inputs_are_small() -> None:
    sizes = [path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()]
    assert sum(sizes) < 2 * MIB
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)


def test_the_seeds_are_sound() -> None:
    """Fuzzing that began with rejected inputs would find nothing behind the rejection."""
    for archive in tar_seeds():
        assert read(archive, limits=LIMITS).entries
        assert signed(archive) == archive
    for (name, path), text in zip(PLACES, text_seeds(), strict=True):
        if name == "secrets":
            assert find_secrets(text[1:])
        else:
            findings = ANALYSERS[name].analyse(path, text[1:])
            assert findings.packages or findings.content or findings.claims, path
    assert len(list(rpm_seeds())) > 5
    assert len(list(elf_seeds())) > 5
