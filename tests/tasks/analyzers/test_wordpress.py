from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.purls import render_purl
from tasks.analyzers.wordpress import WordPress
from tests.tasks.analyzers.hostile import survive, survive_truncation

PATH = "var/www/html/wp-content/plugins/akismet/akismet.php"
HEADER = b"""<?php
/**
 * @package Akismet
 * Plugin Name: Akismet Anti-spam: Spam Protection
 * Version: 5.0.2
 * License: GPLv2 or later */
define( 'AKISMET_VERSION', '1' ); // Version: 9
"""


def test_a_plugin_has_its_folders_name() -> None:
    (package,) = WordPress().analyse(PATH, HEADER).packages
    assert render_purl(package) == "pkg:wordpress-plugin/akismet@5.0.2"
    assert package.licences == ("GPLv2 or later",)


def test_a_plugin_of_one_file_has_its_files_name() -> None:
    (package,) = WordPress().analyse("wp-content/plugins/hello.php", HEADER).packages
    assert package.name == "hello"


def test_the_header_may_begin_on_the_first_line_and_have_old_line_ends() -> None:
    (package,) = WordPress().analyse(PATH, b"<?php # Plugin name: x\r# VERSION: 1 ?> <html>").packages
    assert package.version == "1"


@pytest.mark.parametrize("data", [b"", b"<?php // Silence is golden.", b" " * 8_192 + HEADER])
def test_a_file_without_a_header_is_no_plugin(data: bytes) -> None:
    findings = WordPress().analyse(PATH, data)
    assert (findings.packages, findings.remarks) == ([], [])


def test_a_plugin_without_a_version_is_noted() -> None:
    findings = WordPress().analyse(PATH, b"/* Plugin Name: x */")
    assert (findings.packages, [remark.partial for remark in findings.remarks]) == ([], [False])


def test_every_beginning_is_survived() -> None:
    survive_truncation(WordPress(), PATH, HEADER)


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(data: bytes) -> None:
    survive(WordPress(), PATH, data)
    survive(WordPress(), PATH, b"Plugin Name: x\nVersion: " + data)
