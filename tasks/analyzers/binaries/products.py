"""Products that are known by the version text in their programs: data, one row a product.

A row names the files that are searched and, for each form of the evidence, a literal text (found at the speed of a memory
search) with the bounded pattern that must stand there. What a distribution's package manager owns is found here as well; who
owns it is decided after composition.
Not every row was held against a real program. The tests hold each against a text in the form that its product writes, and
those whose programs a Debian under test has against the versions that dpkg knows of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TRIPLE = rb"([0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4})"
_RELEASE = rb"([0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}(?:-?(?:alpha|beta|a|b|rc)\.?[0-9]{1,3})?)"


@dataclass(frozen=True, slots=True)
class Clue:
    """One form of evidence.

    Args:
        anchor: literal bytes; `{}` in them stands for the first group of the file's name.
        pattern: what must stand there, its first group the version; of bounded length.
        before: bytes before the anchor in which the pattern may begin; 0: it begins with the anchor.
    """

    anchor: bytes
    pattern: re.Pattern[bytes]
    before: int = 0


@dataclass(frozen=True, slots=True)
class Product:
    """One product.

    Args:
        name: of its generic purl.
        files: base names of the files that are searched.
        clues: tried in order, the first match counts.
    """

    name: str
    files: re.Pattern[str]
    clues: tuple[Clue, ...]


def _clue(anchor: bytes, pattern: bytes, before: int = 0) -> Clue:
    return Clue(anchor, re.compile(pattern, re.DOTALL), before)


def _product(name: str, files: str, *clues: Clue) -> Product:
    return Product(name, re.compile(files), clues)


_REDIS_BUILD = _clue(
    # release.c joins version, build host and time, changed lines and commit; tarballs have no commit.
    b"000000000\0",
    rb"(?<![0-9.])([0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,2}?)(?:[0-9a-f]{12}-|[A-Za-z][\w.-]{0,63}-)?1[0-9]{9}000000000\0",
    96,
)

PRODUCTS = (
    _product("bash", r"bash", _clue(b"@(#)Bash version ", rb"@\(#\)Bash version " + _TRIPLE + rb"\(")),
    # In BusyBox's own images the program's first name is `[`, and all others are hard links to it.
    _product("busybox", r"busybox(?:\.static)?|\[", _clue(b"BusyBox v", rb"BusyBox v" + _TRIPLE)),
    _product("curl", r"curl|libcurl(?:-gnutls)?\.so(?:\.[0-9.]+)?", _clue(b"curl/", rb"curl/" + _TRIPLE)),
    _product(
        "dart",
        r"dart|dartaotruntime",
        *(
            _clue(
                b" (%s) (" % channel, _RELEASE[:-1] + rb"(?:-[0-9.]{1,12}\.(?:dev|beta))?) \(%s\) \([A-Z]" % channel, 40
            )
            for channel in (b"stable", b"beta", b"dev")
        ),
    ),
    _product(
        "erlang",
        r"beam\.smp|beam|erlexec",
        _clue(b"/otp_src_", rb"/otp_src_([0-9]{1,2}(?:\.[0-9]{1,3}){1,4})/"),
        _clue(b" [erts-", rb" \[erts-[^\0]{1,200}\n\0([0-9]{2}(?:\.[0-9]{1,3}){1,4})\0"),
    ),
    _product(
        "gcc",
        r"(?:[a-z0-9_.]+-)*(?:gcc|g\+\+)(?:-[0-9.]+)?",
        _clue(b"gcc version %s", rb"\0" + _TRIPLE + rb"\0\([^)\0]{1,80}\) \0gcc version %s", 128),
    ),
    _product(
        "git",
        r"git",
        _clue(b"git/", rb"git/([0-9]{1,2}\.[0-9]{1,3}\.[0-9]{1,3}(?:\.[0-9]{1,3}|\.rc[0-9]{1,2}|-rc[0-9]{1,2})?)"),
    ),
    _product(
        "go",
        r"go",
        _clue(
            b"\xff Go buildinf:",
            rb"\xff Go buildinf:.{19}go([0-9]\.[0-9]{1,3}(?:\.[0-9]{1,3}|rc[0-9]{1,2}|beta[0-9]{1,2})?)"
            rb".{17,20}path\tcmd/go\n",
        ),
    ),
    _product(
        "haproxy",
        r"haproxy",
        _clue(
            b", released 2",
            rb" version ([0-9]\.[0-9]{1,2}(?:\.[0-9]{1,3}|-dev[0-9]{1,3})?)[^,\0]{0,40}, released 2",
            80,
        ),
    ),
    _product("httpd", r"httpd|apache2", _clue(b"Apache/2.", rb"Apache/" + _TRIPLE)),
    _product(
        "julia", r"libjulia-internal\.so(?:\.[0-9.]+)?", _clue(b"__init__\0", rb"__init__\0" + _RELEASE + rb"\0verify")
    ),
    _product("lighttpd", r"lighttpd", _clue(b"lighttpd/", rb"lighttpd/" + _TRIPLE)),
    _product(
        "lua",
        r"luac?[0-9.]*|liblua[0-9.]*(?:-c\+\+)?\.so(?:\.[0-9.]+)?",
        _clue(b"$LuaVersion: Lua ", rb"\$LuaVersion: Lua " + _TRIPLE),
        _clue(b"$Lua: Lua ", rb"\$Lua: Lua " + _TRIPLE),
    ),
    _product("mariadb", r"mariadbd|mysqld", _clue(b"-MariaDB", rb"\0" + _TRIPLE + rb"-MariaDB[-\0]", 16)),
    _product("memcached", r"memcached", _clue(b"memcached 1.", rb"memcached " + _TRIPLE)),
    _product("mysql", r"mysqld", _clue(b"/mysql-", rb"/mysql-" + _TRIPLE + rb"/")),
    _product("nginx", r"nginx", _clue(b"nginx version: nginx/", rb"nginx version: nginx/" + _TRIPLE)),
    _product("node", r"node|nodejs|libnode\.so(?:\.[0-9.]+)?", _clue(b"node.js/v", rb"node\.js/v" + _RELEASE)),
    _product(
        "openssh", r"sshd?", _clue(b"\0OpenSSH_", rb"\0OpenSSH_([0-9]{1,2}\.[0-9]{1,2}(?:\.[0-9]{1,2})?p[0-9]{1,2})")
    ),
    _product(
        "openssl",
        r"openssl|libcrypto\.so(?:\.[0-9a-z.]+)?",
        _clue(
            b"OpenSSL ",
            rb"OpenSSL ([0-9]\.[0-9]{1,2}\.[0-9]{1,2}[a-z]{0,2}(?:-[a-z]{2,5}[0-9]{0,2})?)"
            rb" +[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4}",
        ),
    ),
    _product(
        "perl", r"perl(?:5[0-9.]*)?|libperl\.so(?:\.[0-9.]+)?", _clue(b"\0v5.", rb"\0v(5\.[0-9]{1,2}\.[0-9]{1,2})\0")
    ),
    _product(
        "php",
        r"php[0-9.]*|php-cli|php-cgi[0-9.]*|php-fpm[0-9.]*|libphp[0-9.]*\.so",
        _clue(
            b"X-Powered-By: PHP/", rb"X-Powered-By: PHP/([0-9]\.[0-9]{1,2}\.[0-9]{1,3}(?:(?:alpha|beta|RC)[0-9]{1,2})?)"
        ),
    ),
    _product(
        "postgresql",
        r"postgres",
        _clue(
            b"postgres (PostgreSQL) ",
            rb"postgres \(PostgreSQL\) "
            rb"([0-9]{1,2}(?:\.[0-9]{1,3}){1,2}|[0-9]{2}(?:beta|rc)[0-9])",
        ),
    ),
    _product(
        "python",
        r"python([23]\.[0-9]{1,2})|libpython([23]\.[0-9]{1,2})[a-z]{0,3}\.so(?:\.[0-9.]+)?",
        _clue(b"\0{}.", rb"\0([23]\.[0-9]{1,2}\.[0-9]{1,2}(?:(?:a|b|rc)[0-9]{1,2})?)\+?\0"),
    ),
    _product("redis", r"redis-server", _REDIS_BUILD),
    _product(
        "ruby",
        r"ruby[0-9.]*|libruby[0-9.-]*\.so(?:\.[0-9.]+)?",
        _clue(
            b"ruby ", rb"ruby " + _TRIPLE + rb"(?:p-?[0-9]{1,5}|[a-z]{2,7}[0-9]{0,2})? \([0-9]{4}-[0-9]{2}-[0-9]{2} "
        ),
    ),
    _product("rust", r"librustc_driver-[0-9a-f]{16}\.so", _clue(b"rustc version ", rb"rustc version " + _TRIPLE)),
    _product("sqlite", r"sqlite3|libsqlite3\.so(?:\.[0-9.]+)?", _clue(b"\x003.", rb"\0(3\.[0-9]{1,2}\.[0-9]{1,2})\0")),
    _product("valkey", r"valkey-server", _REDIS_BUILD),
    _product(
        "zlib",
        r"libz\.so(?:\.[0-9.]+)?",
        _clue(b" deflate ", rb" deflate ([0-9]\.[0-9]{1,2}(?:\.[0-9]{1,2}){0,2}) Copyright "),
    ),
)
"""The rows, by name. The purl of each is `pkg:generic/<name>@<version>`."""
