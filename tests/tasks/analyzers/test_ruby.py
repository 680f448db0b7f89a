from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParseError
from catalog.purls import render_purl
from tasks.analyzers.ruby import Ruby
from tests.tasks.analyzers.hostile import survive, survive_truncation

PATH = "var/lib/gems/3.1.0/specifications/nokogiri-1.15.4-x86_64-linux.gemspec"
SPECIFICATION = b"""# -*- encoding: utf-8 -*-
# stub: nokogiri 1.15.4 x86_64-linux lib
# stub: ext/nokogiri/extconf.rb

Gem::Specification.new do |s|
  s.name = "nokogiri".freeze
  s.version = "1.15.4"
  s.platform = "x86_64-linux".freeze
  s.description = "name = 'no'".freeze
  s.licenses = ["MIT".freeze, "Ruby \\"x\\"".freeze]
end
"""


def only(text: bytes, path: str = PATH):
    (package,) = Ruby().analyse(path, text).packages
    return package


def test_a_gem_has_name_version_platform_and_licences() -> None:
    gem = only(SPECIFICATION)
    assert (gem.type, gem.name, gem.version, gem.licences) == ("gem", "nokogiri", "1.15.4", ("MIT", 'Ruby "x"'))
    assert render_purl(gem) == "pkg:gem/nokogiri@1.15.4?platform=x86_64-linux"


def test_the_platform_ruby_is_none() -> None:
    assert only(b"# -*- encoding: utf-8 -*-\n# stub: rake 13.0.6 ruby lib\n").qualifiers == ()


@pytest.mark.parametrize(
    "body",
    [
        "s.name = %q{rake}\n s.version = '0.8.7'\n s.licenses = [%q{MIT}]",
        's.name="rake"\n s.version = Gem::Version.new("0.8.7")\n s.platform = Gem::Platform::RUBY\n s.license = "MIT"',
        "s.name = %q<rake>.freeze\n s.version = %q(0.8.7)\n s.licenses = %q[MIT]",
        "s.version = Rake::VERSION\n s.licenses = ['MIT', \"a#{b}\"]",
    ],
)
def test_old_specifications_without_a_stub_are_read(body: str) -> None:
    text = f"Gem::Specification.new do |s|\n {body}\nend\n".encode()
    gem = only(text, "x/specifications/rake-0.8.7.gemspec")
    assert (gem.name, gem.version, gem.qualifiers, gem.licences) == ("rake", "0.8.7", (), ("MIT",))


def test_a_file_name_gives_what_the_text_leaves_open() -> None:
    gem = only(b"Gem::Specification.new { load }", "specifications/net-ssh-7.0-java.gemspec")
    assert (gem.name, gem.version, gem.qualifiers) == ("net-ssh", "7.0", (("platform", "java"),))


@pytest.mark.parametrize("text", [b"puts 1", b"Gem::Specification.new", b"# stub: a b ruby lib\n"])
def test_what_names_no_gem_is_a_failure(text: bytes) -> None:
    with pytest.raises(ParseError):
        Ruby().analyse("specifications/x.gemspec", text)


def test_an_emptied_file_has_no_gem() -> None:
    assert Ruby().analyse(PATH, b"\n").packages == []


def test_every_beginning_of_a_specification_is_survived() -> None:
    survive_truncation(Ruby(), PATH, SPECIFICATION)


@given(st.binary(max_size=200) | st.text(alphabet="s.name=version\"'%q{}\\#\n ", max_size=80).map(str.encode))
def test_any_bytes_are_survived(data: bytes) -> None:
    survive(Ruby(), PATH, data)
    survive(Ruby(), PATH, b"Gem::Specification\ns.name = " + data)
