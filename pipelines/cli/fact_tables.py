"""What an image is besides its packages, as a person reads it: configuration, layers, privileged files, secrets."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from pipelines.cli.tables import add_count_column, add_text_column, cell, short_digest, table
from pipelines.cli.units import count_text, size_text
from pipelines.models.image_facts import Configuration, Layer, PrivilegedFile, Secret
from pipelines.models.show import ImageReport
from tasks.sources.interface import evidence_only


def fact_tables(report: ImageReport) -> Iterator[RenderableType]:
    """The parts behind the packages, each with an empty line before it."""
    if report.privileged:
        yield Text()
        yield privileged_table(report.privileged)
    if report.configuration is not None:
        yield Text()
        yield configuration_table(report.configuration)
    if report.layers:
        yield Text()
        yield layer_table(report.layers)


def searched_text(report: ImageReport) -> str:
    """What is known of secrets: an image whose layers nobody searched is never said to have none."""
    searched = sum(layer.searched for layer in report.layers)
    found = count_text(len(report.secrets), "secret") if report.secrets else "none"
    if evidence_only(report.image):
        return f"{found} in what is read, which is package evidence alone; the rest is not searched"
    if not searched:
        return f"{found} in the configuration, layers not searched (`scan --secrets` does)"
    if searched < len(report.layers):
        return f"{found}, in the configuration and {searched} of {count_text(len(report.layers), 'layer')} (the others were not searched)"
    return found


def secret_table(secrets: tuple[Secret, ...]) -> Table:
    """Places that look like secrets."""
    shown = table(count_text(len(secrets), "secret"))
    for head in ("rule", "place", "name", "line", "layer", "state"):
        add_text_column(shown, head)
    for secret in secrets:
        shown.add_row(
            cell(secret.rule, "red"),
            cell(secret.place),
            cell(secret.name),
            cell("" if secret.line is None else str(secret.line)),
            cell(short_digest(secret.layer)),
            cell("deleted above" if secret.deleted else "", "yellow"),
        )
    return shown


def privileged_table(files: tuple[PrivilegedFile, ...]) -> Table:
    """Files that run with the rights of their owner or group."""
    shown = table(count_text(len(files), "privileged file"))
    for head in ("mode", "owner", "path", "layer"):
        add_text_column(shown, head)
    for file in files:
        shown.add_row(cell(file.mode), cell(f"{file.uid}:{file.gid}"), cell(file.path), cell(short_digest(file.layer)))
    return shown


def configuration_table(configuration: Configuration) -> Table:
    """What the configuration says, as far as it says anything."""
    shown = Table(
        title="configuration", title_justify="left", title_style="bold", box=None, show_header=False, pad_edge=False
    )
    shown.add_column(style="dim", no_wrap=True)
    shown.add_column(overflow="fold")
    rows = (
        ("user", configuration.user),
        ("entry point", _command(configuration.entrypoint)),
        ("command", _command(configuration.command)),
        ("ports", ", ".join(configuration.ports)),
        ("environment", ", ".join(configuration.environment)),
        ("health check", _command(configuration.health_check)),
        ("created", configuration.created),
        *(("label", f"{label.name}={label.value}") for label in configuration.labels),
    )
    for name, text in rows:
        if text:
            shown.add_row(name, cell(text))
    return shown


def layer_table(layers: tuple[Layer, ...]) -> Table:
    """Layers with the instruction behind each."""
    shown = table(count_text(len(layers), "layer"))
    add_text_column(shown, "layer", fold=False)
    add_count_column(shown, "size")
    for head in ("outcome", "instruction"):
        add_text_column(shown, head)
    for layer in layers:
        outcome = f"{layer.outcome}: {layer.reason}" if layer.reason else layer.outcome
        shown.add_row(
            cell(short_digest(layer.digest)),
            cell("" if layer.size is None else size_text(layer.size)),
            cell(outcome, "" if layer.outcome == "complete" else "yellow"),
            cell(layer.instruction),
        )
    return shown


def _command(words: tuple[str, ...]) -> str:
    """A command's words, those with spaces told apart."""
    return " ".join(repr(word) if not word or " " in word else word for word in words)
