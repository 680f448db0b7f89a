"""Tables as they are printed: nothing cut, nothing obeyed, nothing called clean that is not."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable
from dataclasses import replace

import pytest
from rich.console import RenderableType

from catalog.active.views import CoverageCounts, FindingCounts
from catalog.images import ImagePlatform
from catalog.states import Outcome
from pipelines.cli.console import console_on
from pipelines.cli.image_tables import image_table
from pipelines.cli.rescan_tables import rescan_view
from pipelines.cli.scan_tables import scan_view
from pipelines.cli.show_tables import end_of_life_text, image_view, verdict
from pipelines.cli.status_tables import feed_table, status_view
from pipelines.cli.tables import short_digest
from pipelines.image_facts import NO_FACTS, ImageFacts
from pipelines.image_report import image_report
from pipelines.models.image_facts import Configuration, Label, Layer, PrivilegedFile, Secret
from pipelines.models.show import EndOfLife, Problem
from pipelines.rescan_summary import RescannedLayers, RescanSummary
from pipelines.show import ShownImage
from pipelines.summary import OutcomeCounts
from tests.pipelines.made import (
    CLEAN,
    DIGEST,
    FACTS,
    FAILED,
    FEED,
    HOSTILE,
    LINE,
    RESCAN,
    STATUS,
    SUMMARY,
    UNCOVERED,
    finding,
    package,
    record,
)


def printed(*renderables: RenderableType) -> str:
    """What a pipe would get."""
    stream = io.StringIO()
    console = console_on(stream)
    for renderable in renderables:
        console.print(renderable)
    return stream.getvalue()


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def on_narrow_terminal(*renderables: RenderableType) -> str:
    """What a terminal of 60 columns without colours would show."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "60")
        patch.setenv("TERM", "dumb")
        stream = Terminal()
        console = console_on(stream)
        for renderable in renderables:
            console.print(renderable)
    return stream.getvalue()


def words_of(line: str) -> list[str]:
    return line.split()


def shown(line=LINE, packages=(), findings=(), problems=(), others=(), facts=NO_FACTS) -> ShownImage:
    made = record(line)
    return ShownImage(made, image_report(made, packages, findings, [], problems, facts), others)


HOSTILE_LINE = replace(
    LINE, reference=HOSTILE, reason=HOSTILE, detail=HOSTILE, distribution=HOSTILE, state=Outcome.PARTIAL
)
HOSTILE_PROBLEM = Problem(layer=None, path=HOSTILE, analyser=HOSTILE, reason=HOSTILE, detail=HOSTILE, partial=True)


def _hostile_views() -> Iterable[tuple[str, Iterable[RenderableType]]]:
    hostile_finding = finding(
        advisory=HOSTILE,
        version=HOSTILE,
        vulnerability=HOSTILE,
        fixed_version=HOSTILE,
        range_text=HOSTILE,
        name=HOSTILE,
    )
    view = shown(HOSTILE_LINE, [package(HOSTILE, version=HOSTILE)], [hostile_finding], [HOSTILE_PROBLEM], facts=FACTS)
    yield "show", image_view(view)
    yield "images", [image_table([HOSTILE_LINE, HOSTILE_LINE])]
    yield "scan", scan_view(replace(SUMMARY, lines=(HOSTILE_LINE,), notes=(HOSTILE,), run=HOSTILE))
    yield "status", status_view(replace(STATUS, reasons=((Outcome.FAILED, HOSTILE, 1),), snapshot=HOSTILE))
    yield "feeds", [feed_table([replace(FEED, feed=HOSTILE, as_of=HOSTILE, complete=(HOSTILE,))])]


@pytest.mark.parametrize("name", ["show", "images", "scan", "status", "feeds"])
@pytest.mark.parametrize("out", [printed, on_narrow_terminal])
def test_hostile_text_is_shown_and_never_obeyed(name: str, out) -> None:
    text = out(*dict(_hostile_views())[name])
    left = {c for c in text if unicodedata.category(c).startswith("C")} - {"\n"}
    assert not left
    assert "fake line" not in [line.strip()[:9] for line in text.splitlines()]
    assert "[red]" in "".join(text.split())  # markup is text


def test_a_row_has_reference_packages_findings_coverage_and_state() -> None:
    row = words_of(printed(image_table([LINE])).splitlines()[-1])
    assert row == ["registry.example/team/app:1", *["100", "1", "2", "3", "4", "11", "7"], "80", "%", "analysed"]


def test_a_clean_image_is_called_so() -> None:
    assert words_of(printed(image_table([CLEAN])).splitlines()[-1])[-1] == "clean"
    assert "clean: every package that was found" in printed(*image_view(shown(CLEAN)))


@pytest.mark.parametrize(
    "line",
    [
        UNCOVERED,
        replace(CLEAN, coverage=CoverageCounts(covered=99, not_covered=1)),
        replace(CLEAN, coverage=CoverageCounts(covered=99, not_comparable=1)),
        replace(CLEAN, coverage=CoverageCounts(), packages=0),
        replace(CLEAN, state=Outcome.PARTIAL, reason="limit-exceeded"),
        FAILED,
    ],
    ids=["nothing covered", "one not covered", "one not comparable", "no package", "partial", "failed"],
)
def test_nothing_less_is_called_clean(line) -> None:
    text = printed(image_table([line]), *image_view(shown(line)))
    assert "clean" not in text
    assert "100 %" not in printed(image_table([line])) or line.state is not Outcome.ANALYSED


def test_where_nothing_is_covered_no_zero_is_claimed() -> None:
    row = words_of(printed(image_table([UNCOVERED])).splitlines()[-1])
    assert row[1:] == ["100", *["–"] * 6, "none", "analysed"]


def test_the_verdict_says_what_is_missing() -> None:
    assert verdict(UNCOVERED) == "no finding, which proves little: no package is covered by a complete advisory feed"
    assert verdict(LINE) == "21 findings; 20 of 100 packages are not covered"
    assert verdict(FAILED) == "nothing can be said: the image was not analysed"


def test_a_reference_with_several_platforms_tells_them_apart() -> None:
    other = replace(LINE, platform=ImagePlatform("linux", "arm64", "v8"))
    text = printed(image_table([LINE, other]))
    assert "app:1 [linux/amd64]" in text
    assert "app:1 [linux/arm64/v8]" in text


def test_other_platforms_are_named() -> None:
    other = record(replace(LINE, platform=ImagePlatform("linux", "arm64")))
    assert "linux/arm64 (analysed): --platform" in printed(*image_view(shown(others=(other,))))


def test_a_pipe_gets_whole_lines_without_colours() -> None:
    long = replace(LINE, reference="registry.example/" + "very/" * 60 + "deep:1")
    text = printed(image_table([long]))
    assert long.reference in text
    assert "\x1b" not in text


def test_a_narrow_terminal_folds_and_cuts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "60")
    big = replace(LINE, reference="r" * 90, findings=FindingCounts(9999, 9999, 9999, 9999, 9999, 0, 9999))
    text = on_narrow_terminal(image_table([big]), *image_view(shown(packages=[package("p" * 90)])))
    assert "…" not in text
    assert (text.count("r"), text.count("p")) >= (90, 180)
    assert text.count("9,999") == 6


def test_findings_come_with_their_reason_and_packages_with_path_and_layer() -> None:
    text = printed(*image_view(shown(packages=[package()], findings=[finding()])))
    assert "matched by its source package: openssl 3.0.11-1 is in Debian:12's range" in text
    assert "3.0.11-1~deb12u2" in text


def test_a_summary_tells_of_sharing_and_of_trouble() -> None:
    text = printed(*scan_view(SUMMARY))
    assert "failed: registry.example/team/app:gone: " in text
    assert "1 distinct, 1 new; of 2 named 1 analysed, 1 failed" in text
    assert "9 named, 4 distinct (55 % shared), 3 analysed now" in text
    assert "1.0 MB read of 4.0 MB, 3.0 MB saved (75 %)" in text


def test_where_nothing_is_covered_no_summary_says_none() -> None:
    text = printed(*scan_view(replace(SUMMARY, findings=FindingCounts(), coverage=CoverageCounts(not_covered=9))))
    assert "none can be known" in text
    text = printed(*scan_view(replace(SUMMARY, coverage=CoverageCounts(not_covered=9))))
    assert "7 fixable, but no package is covered by a complete feed" in text


def test_unwanted_platforms_are_no_trouble_unless_nothing_else_is_there() -> None:
    unwanted = replace(
        FAILED, state=Outcome.SKIPPED, reason="unwanted-platform", detail="linux/arm64 was not asked for"
    )
    assert "was not asked for" not in printed(*scan_view(replace(SUMMARY, lines=(LINE, unwanted))))
    assert "nothing was scanned: no image" not in printed(*scan_view(replace(SUMMARY, lines=(LINE, unwanted))))
    assert "nothing was scanned: no image" in printed(*scan_view(replace(SUMMARY, lines=(unwanted,))))


def test_trouble_that_is_not_told_is_counted() -> None:
    assert "and 5 more with trouble" in printed(*scan_view(replace(SUMMARY, lines=(FAILED,) * 25)))


def test_a_narrow_terminal_keeps_ids_whole_and_says_where_the_reasons_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "80")
    text = on_narrow_terminal(
        *image_view(shown(packages=[package()], findings=[finding(vulnerability="GHSA-c2qf-rxjj-qqgw")]))
    )
    assert "GHSA-c2qf-rxjj-qqgw" in text
    assert "matched by" not in text
    assert "why each matched" in text


def test_a_feed_is_as_of_a_second() -> None:
    assert "2026-08-01T09:00:02Z" in printed(feed_table([replace(FEED, as_of="2026-08-01T09:00:02.625Z")]))


def test_lines_left_out_are_counted() -> None:
    assert "and 1,234 more" in printed(*scan_view(replace(SUMMARY, lines_left_out=1234)))


def test_status_adds_up_and_names_reasons() -> None:
    text = printed(*status_view(STATUS))
    assert "4: 3 analysed, 1 failed; 1 gone" in text
    assert "75 % shared" in text
    assert "not-found" in text
    assert "Debian:12" in text


def test_a_sample_is_said_to_cover_nothing() -> None:
    assert "nothing: a sample" in printed(feed_table([replace(FEED, complete=())]))


def test_a_digest_shown_in_short_can_be_asked_for() -> None:
    assert len(short_digest(DIGEST)) == 12
    assert short_digest(None) == ""


def test_configuration_layers_privileged_files_and_secrets_are_shown() -> None:
    layer = Layer(digest=DIGEST, size=2048, outcome="complete", reason="", instruction="COPY . /app", searched=True)
    configuration = Configuration(
        user="app",
        entrypoint=("/run", "two words"),
        command=("serve",),
        environment=("PATH", "HOME"),
        ports=("80/tcp",),
        health_check=("CMD", "curl"),
        labels=(Label(name="team", value="blue"),),
        created="2026-01-01T00:00:00Z",
    )
    secret = Secret(rule="private-key", place="file", name="app/key", line=3, layer=DIGEST, deleted=True)
    file = PrivilegedFile(path="bin/su", mode="4755", uid=0, gid=0, layer=DIGEST)
    text = printed(*image_view(shown(facts=ImageFacts(configuration, (layer,), (file,), (secret,)))))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    short = short_digest(DIGEST)
    for line in (
        "user app",
        "entry point /run 'two words'",
        "command serve",
        "ports 80/tcp",
        "environment PATH, HOME",
        "health check CMD curl",
        "label team=blue",
        "created 2026-01-01T00:00:00Z",
        f"{short} 2.0 kB complete COPY . /app",
        f"4755 0:0 bin/su {short}",
        f"private-key file app/key 3 {short} deleted above",
        "secrets 1 secret",
    ):
        assert line in lines


@pytest.mark.parametrize(
    ("searched", "words"),
    [((), "not searched"), ((False, False), "not searched"), ((True, False), "1 of 2 layers"), ((True, True), "none")],
)
def test_an_image_that_nobody_searched_is_not_said_to_hold_no_secret(searched: tuple[bool, ...], words: str) -> None:
    layers = tuple(
        Layer(digest=DIGEST, size=1, outcome="complete", reason="", instruction="", searched=each) for each in searched
    )
    (line,) = [
        line for line in printed(*image_view(shown(facts=ImageFacts(layers=layers)))).splitlines() if "secrets" in line
    ]
    assert words in line


def test_a_tree_that_is_read_for_packages_alone_is_not_said_to_be_searched() -> None:
    tree = shown(replace(LINE, reference="rootfs:/srv/tree"))
    assert "the rest is not searched" in printed(*image_view(tree))
    assert "scan --secrets" not in printed(*image_view(tree))


@pytest.mark.parametrize(
    ("last_day", "past", "text"),
    [
        ("2028-06-30", False, "until 2028-06-30"),
        ("2024-06-30", True, "ended on 2024-06-30"),
        (None, None, "their end is not known (as of 2026-07-31)"),
    ],
)
def test_the_end_of_security_updates_is_said(last_day: str | None, past: bool | None, text: str) -> None:
    assert end_of_life_text(EndOfLife(last_day=last_day, past=past, as_of="2026-07-31")).plain == text


def test_an_image_shows_until_when_its_distribution_is_maintained() -> None:
    assert "security updates" in printed(*image_view(shown()))
    assert "security updates" not in printed(
        *image_view(ShownImage(record(), image_report(record(distribution=""), [], [], [], []), ()))
    )


def test_a_scan_tells_what_the_layer_cache_spared_it() -> None:
    layers = replace(SUMMARY.layers, bytes_read=0, bytes_cached=1_000_000)
    assert "0 B read of 4.0 MB, 1.0 MB from the layer cache" in printed(*scan_view(replace(SUMMARY, layers=layers)))
    assert "cache" not in printed(*scan_view(SUMMARY))


def test_a_rescan_with_nothing_to_renew_says_so_and_of_how_many_names_its_outcomes_are() -> None:
    idle = RescanSummary(
        "run", reanalysed=True, images=2, outcomes=OutcomeCounts(analysed=3), layers=RescannedLayers(4)
    )
    lines = [" ".join(line.split()) for line in printed(*rescan_view(idle)).splitlines()]
    assert lines[:2] == [
        "images 2 distinct; of 3 named 3 analysed; none to renew",
        "layers 4 distinct, none to renew",
    ]
    assert "1 composed, 0 unchanged, 1 kept" in printed(*rescan_view(RESCAN))
