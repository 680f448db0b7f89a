"""The flags of `longshore scan`, and the options they become."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from catalog.errors import InvalidReference
from pipelines.cli.scan import command, plain_http_hosts, scan_options
from pipelines.scan_options import ScanOptions

A, B = "a.example:5000", "b.example:5000"


@pytest.mark.parametrize(
    ("sources", "named", "all_sources", "hosts"),
    [
        ((f"{A}/x",), (), (f"{A}/x",), ()),
        ((f"{A}/x", f"{B}/y"), (A,), (f"{A}/x", f"{B}/y"), (A,)),
        ((f"{A}/x", f"{B}/y"), ("",), (f"{A}/x", f"{B}/y"), (A, B)),
        ((), (f"{A}/x",), (f"{A}/x",), (A,)),
        ((f"{B}/y",), (f"{A}/x",), (f"{B}/y", f"{A}/x"), (A, B)),
        ((), (A,), (A,), (A,)),
        ((A,), (A,), (A,), (A,)),
        (("oci:/dir", "@list"), ("", B), ("oci:/dir", "@list"), (B,)),
        ((f"{A}/x",), ("oci:/dir",), (f"{A}/x", "oci:/dir"), (A,)),
    ],
)
def test_insecure_takes_a_host_or_means_all(
    sources: tuple[str, ...], named: tuple[str, ...], all_sources: tuple[str, ...], hosts: tuple[str, ...]
) -> None:
    assert plain_http_hosts(sources, named) == (all_sources, hosts)


def test_insecure_of_nonsense_is_a_usage_error() -> None:
    with pytest.raises(InvalidReference):
        plain_http_hosts((f"{A}/x",), ("::",))


def options_of(*words: str) -> ScanOptions:
    """The options that a command line means."""
    given = command.make_context("scan", list(words)).params
    meant = ("sources", "platforms", "insecure", "ca_file", "address", "retry", "cpus")
    return scan_options(**{name: given[name] for name in meant})


def test_flags_become_options(tmp_path: Path) -> None:
    authorities = tmp_path / "ca.pem"
    authorities.write_text("")
    flags = (
        f"--platform=linux/amd64 --platform=linux/arm64 --ca-file={authorities} --address=ray://h:1 --retry --jobs 2"
    )
    assert options_of(A, f"{B}/y", *flags.split(), "--insecure") == ScanOptions(
        sources=(A, f"{B}/y"),
        platforms=("linux/amd64", "linux/arm64"),
        insecure=(A, B),
        ca_file=authorities,
        address="ray://h:1",
        retry=True,
        cpus=2,
    )


def test_without_flags_everything_is_as_the_settings_say() -> None:
    assert options_of(A) == ScanOptions(sources=(A,))


def test_a_scan_of_nothing_is_a_usage_error() -> None:
    with pytest.raises(click.MissingParameter):
        options_of("--retry")
