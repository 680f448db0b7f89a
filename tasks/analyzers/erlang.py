"""Erlang and Elixir applications: the resource file `ebin/<application>.app` of each, in systems and in releases.

The file is one Erlang term. It is read token by token without evaluation, and only so much of it is kept as says the name,
version and licences. Erlang's and Elixir's own applications have the purl type `otp`; the others come from Hex as far as
anybody can tell, and are `hex` as the purl specification prefers.
Format: Erlang's manual app(4) and its reference manual's chapter "Data Types".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalog.errors import ParseError
from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.interface import MOST_LICENCES, Analyser, Data, Findings, Remark, Wanted

_OWN = """
    asn1 common_test compiler cosEvent cosEventDomain cosFileTransfer cosNotification cosProperty cosTime cosTransactions
    crypto debugger dialyzer diameter edoc eldap erl_docgen erl_interface erts et eunit ftp gs hipe ic inets jinterface kernel
    megaco mnesia observer odbc orber os_mon ose otp_mibs parsetools percept public_key reltool runtime_tools sasl snmp ssh
    ssl stdlib syntax_tools test_server tftp tools typer webtool wx xmerl
    eex elixir ex_unit iex logger mix
"""
OWN_APPLICATIONS = frozenset(_OWN.split())
"""The applications of Erlang/OTP, old ones included, and of Elixir (their source trees' `lib` folders)."""

_TOKEN = re.compile(
    r"""
    (?P<skip> (?: \s++ | %[^\n]*+ )++ )
    | "(?P<string> [^"\\]*+ (?: \\. [^"\\]*+ )*+ )"
    | (?P<atom> [a-z][\w@]*+ ) | '(?P<quoted> [^'\\]*+ (?: \\. [^'\\]*+ )*+ )'
    | (?P<open> << | \#\{ | [{\[] ) | (?P<close> >> | [}\]] )
    | (?P<other> => | [,|.:/] | [+-]?\d[\w\#]*+(?:\.\d+(?:[eE][+-]?\d++)?)? | \$\\?. | [A-Z_][\w@]*+ | <[\d.]++> )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_DEPTH = 256
_MOST_TOKENS = 500_000
"""Of one resource; those of applications with a thousand modules have some thousands."""
_DEEPEST = {"vsn": 3, "licenses": 4}
"""The properties that are kept: how many brackets may be open around their texts (a version is a text itself, not a list)."""

_Token = tuple[str, str, int]
"""Kind (`string`, `atom`, `open`, `close`), text, and how many brackets are open around it."""


class Erlang(Analyser):
    """Applications on the Erlang virtual machine."""

    name = "erlang"
    version = 1
    wanted = Wanted(suffixes=(".app",))

    def confirm(self, path: str) -> bool:
        """In a folder `ebin`."""
        return path.endswith(".app") and path.rpartition("/")[0].rpartition("/")[2] == "ebin"

    def size_cap(self, limits: Limits) -> int:
        """A text."""
        return limits.text_bytes

    def analyse(self, path: str, data: Data) -> Findings:  # noqa: ARG002
        """Read the term.

        Raises:
            ParseError: not the term `{application, Name, [...]}`.
        """
        if not data.strip():
            return Findings()
        try:
            content = data.decode()
        except UnicodeDecodeError:
            content = data.decode("latin-1")
        name, properties = _application(_tokens(content))
        version = next(iter(properties["vsn"]), "")
        if not version:
            return Findings(remarks=[Remark("no-version", "an Erlang application without a version")])
        package = PackageFacts(
            type="otp" if name in OWN_APPLICATIONS else "hex",
            name=name.lower(),
            version=version,
            licences=tuple(properties["licenses"]),
        )
        return Findings(packages=[package])


def _tokens(content: str) -> Iterator[_Token]:
    """The tokens that carry structure or text.

    Raises:
        ParseError: something that is no token, brackets that do not match in number, nesting without end, or too many tokens.
    """
    position = depth = count = 0
    while position < len(content):
        match = _TOKEN.match(content, position)
        count += 1
        if match is None or count > _MOST_TOKENS:
            raise ParseError("no Erlang term, or too long a one")
        position = match.end()
        kind = match.lastgroup or ""
        if kind == "open":
            depth += 1
        if kind == "close":
            depth -= 1
        if not 0 <= depth <= _DEPTH:
            raise ParseError("brackets that do not match in an Erlang term")
        if kind in ("string", "quoted"):
            yield ("atom" if kind == "quoted" else kind), _ESCAPE.sub(r"\1", match[kind]), depth
        elif kind in ("atom", "open", "close"):
            yield kind, match[kind], depth
    if depth:
        raise ParseError("an Erlang term that ends too early")


def _application(tokens: Iterator[_Token]) -> tuple[str, dict[str, list[str]]]:
    """The application's name, and the texts in each of its properties."""
    head = [next(tokens, ("", "", 0)) for _ in range(4)]
    brackets, kinds = head[0][1] + head[3][1], [kind for kind, _, _ in head]
    if (
        brackets != "{["
        or kinds != ["open", "atom", "atom", "open"]
        or head[1][1] != "application"
        or not head[2][1].strip()
    ):
        raise ParseError("no application resource")
    properties: dict[str, list[str]] = {"vsn": [], "licenses": []}
    current, deepest, opened = "", 0, False
    for kind, value, depth in tokens:
        # Depth 3 is within one property's tuple: its first atom names it.
        if kind == "open" and depth == 3:
            opened = True
        elif kind == "atom" and opened:
            current, deepest, opened = value, _DEEPEST.get(value, 0), False
        elif kind == "string" and value and 3 <= depth <= deepest and len(properties[current]) < MOST_LICENCES:
            properties[current].append(value)
    return head[2][1], properties
