"""One package of each language ecosystem in a layer: that the walker stops at their files, however a tar spells their names."""

from __future__ import annotations

import io
import json
import tarfile

import pytest

from tests.tasks.analyzers import (
    test_bitnami,
    test_conda,
    test_dotnet,
    test_erlang,
    test_lua,
    test_php,
    test_r_language,
    test_ruby,
    test_wordpress,
)
from tests.tasks.layers.reading import read

FILES = {
    test_bitnami.PATH: json.dumps(test_bitnami.DOCUMENT).encode(),
    test_conda.PATH: json.dumps(test_conda.RECORD).encode(),
    test_dotnet.PATH: json.dumps(test_dotnet.DEPS).encode(),
    test_dotnet.NUSPEC_PATH: test_dotnet.NUSPEC,
    test_erlang.PATH: test_erlang.RESOURCE,
    test_lua.PATH: test_lua.ROCKSPEC,
    test_php.PATH: json.dumps(test_php.PACKAGES).encode(),
    test_r_language.PATH: test_r_language.DESCRIPTION,
    test_ruby.PATH: test_ruby.SPECIFICATION,
    test_wordpress.PATH: test_wordpress.HEADER,
}
OTHERS = ("app/tsconfig.json", "var/www/index.php", "opt/x.spdx", "src/x.gemspec", "srv/x.app", "DESCRIPTION")


@pytest.mark.parametrize("prefix", ["", "./", "/"])
def test_the_walker_finds_every_ecosystem_and_nothing_else(prefix: str) -> None:
    blob = io.BytesIO()
    with tarfile.open(fileobj=blob, mode="w") as archive:
        for path, data in {**dict.fromkeys(OTHERS, b"{}"), **FILES}.items():
            member = tarfile.TarInfo(prefix + path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    layer = read(blob.getvalue())
    assert {path for path, _ in layer.evidence} == set(FILES)
    assert set(layer.evidence.values()) == {"read"}
    assert {path for path, _, _ in layer.packages} == set(FILES)
    assert not layer.reasons
