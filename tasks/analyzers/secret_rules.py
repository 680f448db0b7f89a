r"""The rules by which secrets are recognised: a table, written from what issuers publish of their formats.

Each match begins with one of a rule's `starts`, plain bytes that are found fastest. Where those are too common to tell
anything, `anchor` says more of what must stand there; the anchors of all rules are searched for at once, in an engine that
takes time in proportion to the bytes, and keep to what every engine understands. Only behind a start the rule's `pattern` is
tried. Each repetition in a pattern has an upper bound, and where one holds another, what ends the inner one cannot be part of it: a
try costs at most what it can match. Where that is much, a start within a token is none, so that tokens full of starts cost no more.

What is the same in all: `value` names the secret itself, which is looked at for placeholders (`changeme`, `${TOKEN}`,
documented examples) and for `entropy`, bits a character, below which no machine made it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass


def _always(_value: bytes) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of secret.

    Args:
        name: what a person reads, and what stands in the archive: it never changes its meaning.
        starts: texts with one of which every match begins.
        pattern: regular expression of the whole, with the group `value`; it may look back before the start.
        anchor: regular expression that every file with a match matches too; empty for the starts.
        entropy: least bits a character of the value; 0 where the form alone is proof, and no placeholder is looked for.
        whole: the start is that of a token, so no token character may stand before it.
        accept: a last look at the value.
        files: endings of paths outside of which the rule is not tried; empty for all files.
    """

    name: str
    starts: tuple[str, ...]
    pattern: str
    anchor: str = ""
    entropy: float = 3.0
    whole: bool = True
    accept: Callable[[bytes], bool] = _always
    files: tuple[str, ...] = ()


_LONGEST_TOKEN_PART = 4000


def _json_part(value: bytes, number: int) -> dict[str, object]:
    part = value.split(b".")[number]
    try:
        document = json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _is_kubernetes(value: bytes) -> bool:
    return "alg" in _json_part(value, 0) and any("kubernetes" in f"{item}" for item in _json_part(value, 1).items())


def _is_other_jwt(value: bytes) -> bool:
    return "alg" in _json_part(value, 0) and bool(_json_part(value, 1)) and not _is_kubernetes(value)


def _is_user_and_password(value: bytes) -> bool:
    try:
        user, colon, password = base64.b64decode(value, validate=True).partition(b":")
    except (ValueError, binascii.Error):
        return False
    return bool(user and colon and len(password) > 3) and user.isascii() and b"\0" not in user


_JWT = (
    rf"(?<![\w-])(?P<value>eyJ[\w-]{{8,{_LONGEST_TOKEN_PART}}}\.eyJ[\w-]{{8,{_LONGEST_TOKEN_PART}}}\.[\w-]{{20,1000}})"
)
_JWT_ANCHOR = r"eyJ[\w-]{8}[\w-]*\.eyJ"
_HEADERS = r"(?:[A-Z][A-Za-z-]{2,20}: [^\r\n\\]{1,100}(?:[\r\n]|\\[nr])(?:\s|\\[nr]){0,3}){0,4}"
_BODY = rf"(?:\s|\\[nr]){{1,4}}{_HEADERS}(?P<value>[\w+/]{{40,76}})"
_DATABASES = (
    *("postgres", "postgresql", "mysql", "mariadb", "mongodb", "mongodb+srv", "redis", "rediss", "amqp", "amqps"),
    *("mssql", "sqlserver", "oracle", "clickhouse", "couchdb", "psycopg", "psycopg2", "asyncpg", "pymysql", "pyodbc"),
)
_CONFIGURATIONS = (
    ".git-credentials",
    ".git/config",
    ".gitconfig",
    "pip.conf",
    "pip.ini",
    ".npmrc",
    ".yarnrc",
    ".curlrc",
)
_SECRET_KEY = ("SECRET_ACCESS_KEY", "secret_access_key", "SecretAccessKey", "secretAccessKey", "AWS_SECRET_KEY")
_GITLAB = tuple(f"gl{kind}-" for kind in ("pat", "dt", "rt", "ptt", "soat", "cbt", "imt", "oas", "agent", "ft"))

RULES = (
    # Clouds
    Rule("aws-access-key-id", ("AKIA", "ASIA"), r"(?P<value>A[KS]IA[A-Z2-7]{16})(?!\w)", r"A[KS]IA[A-Z2-7]{8}", 2.5),
    Rule(
        "aws-secret-access-key",
        _SECRET_KEY,
        r"[A-Za-z_]{13,20}[\"']?\s{0,5}[=:]\s{0,5}[\"']?(?P<value>[\w/+]{40})(?![\w/+=])",
        entropy=4.0,
        whole=False,
    ),
    Rule("google-api-key", ("AIza",), r"(?P<value>AIza[\w-]{35})(?![\w-])", r"AIza[\w-]{16}"),
    Rule("google-oauth-secret", ("GOCSPX-",), r"(?P<value>GOCSPX-[\w-]{28})(?![\w-])"),
    Rule(
        "google-service-account",
        ('"private_key_id"',),
        r'"private_key_id"\s{0,4}:\s{0,4}"(?P<value>[0-9a-f]{40})"',
        whole=False,
    ),
    Rule("azure-storage-key", ("AccountKey=",), r"AccountKey=(?P<value>[\w+/]{86}==)", entropy=4.0, whole=False),
    Rule("azure-shared-access-key", ("SharedAccessKey=",), r"SharedAccessKey=(?P<value>[\w+/]{43}=)", whole=False),
    Rule("digitalocean-token", ("dop_v1_", "doo_v1_", "dor_v1_"), r"(?P<value>do[opr]_v1_[0-9a-f]{64})(?!\w)"),
    Rule("databricks-token", ("dapi",), r"(?P<value>dapi[0-9a-f]{32})(?!\w)", r"dapi[0-9a-f]{16}"),
    # Code, packages, images
    Rule(
        "github-token",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
        r"(?P<value>gh[oprsu]_[0-9A-Za-z]{36})(?!\w)",
        r"gh[oprsu]_[0-9A-Za-z]{16}",
    ),
    Rule("github-fine-grained-token", ("github_pat_",), r"(?P<value>github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59})(?!\w)"),
    Rule("gitlab-token", _GITLAB, r"(?P<value>gl[a-z]{2,5}-[\w-]{20,64})"),
    Rule("npm-token", ("npm_",), r"(?P<value>npm_[0-9A-Za-z]{36})(?!\w)", r"npm_[0-9A-Za-z]{16}"),
    Rule(
        "npm-registry-password",
        (":_authToken", ":_password", ":_auth"),
        r":_[A-Za-z]{4,9}\s{0,3}=\s{0,3}\"?(?P<value>[^\s\"]{8,256})",
        entropy=2.5,
        whole=False,
        files=("npmrc",),
    ),
    Rule("package-index-token", ("pypi-AgE",), r"(?P<value>pypi-AgE[\w-]{70,400})"),
    Rule("gem-registry-key", ("rubygems_",), r"(?P<value>rubygems_[0-9a-f]{48})(?!\w)", r"rubygems_[0-9a-f]{16}"),
    Rule("docker-access-token", ("dckr_pat_", "dckr_oat_"), r"(?P<value>dckr_[op]at_[\w-]{27,40})"),
    Rule(
        "docker-registry-auth",
        ('"auth"',),
        r'"auth"\s{0,8}:\s{0,8}"(?P<value>[0-9A-Za-z+/]{8,2000}={0,2})"',
        r'"auth"\s*:\s*"[0-9A-Za-z+/]{8}',
        entropy=2.5,
        whole=False,
        accept=_is_user_and_password,
    ),
    Rule(
        "url-password",
        ("https://", "http://"),
        r"https?://[^\s:/@]{1,64}:(?P<value>[^\s:/@\"']{6,256})@[\w.-]",
        entropy=2.5,
        whole=False,
        files=_CONFIGURATIONS,
    ),
    Rule(
        "package-upload-password",
        ("password",),
        r"password\s{0,4}[=:]\s{0,4}(?P<value>\S{6,256})",
        entropy=2.5,
        files=(".pypirc",),
    ),
    # Services
    Rule(
        "slack-token",
        tuple(f"xox{kind}-" for kind in "abeoprs"),
        r"(?P<value>xox[abeoprs]-[0-9]{6,14}-[0-9A-Za-z-]{14,200})",
        r"xox[abeoprs]-[0-9]{6}",
    ),
    Rule("slack-app-token", ("xapp-",), r"(?P<value>xapp-[0-9]-[0-9A-Z]{8,14}-[0-9]{10,14}-[0-9a-f]{32,64})(?!\w)"),
    Rule(
        "slack-webhook",
        ("hooks.slack.com/",),
        r"hooks\.slack\.com/(?:services|workflows)/(?P<value>T[0-9A-Z]{7,12}/[AB][0-9A-Z]{7,12}/[0-9A-Za-z/]{18,48})",
        whole=False,
    ),
    Rule("stripe-key", ("sk_live_", "rk_live_"), r"(?P<value>[rs]k_live_[0-9A-Za-z]{16,200})"),
    Rule("sendgrid-key", ("SG.",), r"(?P<value>SG\.[\w-]{22}\.[\w-]{43})(?![\w-])", r"SG\.[\w-]{22}\.", 4.0),
    Rule(
        "shopify-token",
        ("shpat_", "shpca_", "shppa_", "shpss_"),
        r"(?P<value>shp[a-z]{2}_[0-9a-fA-F]{32})(?!\w)",
    ),
    Rule(
        "telegram-bot-token",
        (":AA",),
        r"(?<=[0-9]{8}):(?P<value>AA[\w-]{33})(?![\w-])",
        r"[0-9]{8}:AA[\w-]{16}",
        whole=False,
    ),
    Rule("grafana-token", ("glsa_",), r"(?P<value>glsa_[0-9A-Za-z]{32}_[0-9a-f]{8})(?!\w)"),
    Rule("new-relic-key", ("NRAK-",), r"(?P<value>NRAK-[0-9A-Z]{27})(?!\w)"),
    Rule("atlassian-token", ("ATATT3",), r"(?P<value>ATATT3[\w=-]{180,250})", entropy=4.0),
    Rule("anthropic-key", ("sk-ant-",), r"(?P<value>sk-ant-[a-z0-9]{4,8}-[\w-]{80,128})"),
    Rule("openai-key", ("sk-",), r"(?P<value>sk-[\w-]{20,128}T3BlbkFJ[\w-]{20,128})", r"sk-[\w-]*T3BlbkFJ"),
    Rule("hugging-face-token", ("hf_",), r"(?P<value>hf_[0-9A-Za-z]{34})(?!\w)", r"hf_[0-9A-Za-z]{16}", 3.5),
    Rule("vault-token", ("hvs.", "hvb.", "hvr."), r"(?P<value>hv[bsr]\.[\w-]{24,300})", r"hv[bsr]\.[\w-]{16}", 3.5),
    Rule("terraform-token", (".atlasv1.",), r"(?<=[0-9A-Za-z]{14})\.atlasv1\.(?P<value>[\w-]{60,80})", whole=False),
    # Keys
    Rule(
        "private-key",
        ("-----BEGIN ",),
        rf"-----BEGIN (?:(?:RSA|DSA|EC|ENCRYPTED) )?PRIVATE KEY-----{_BODY}",
        "PRIVATE KEY-----",
        whole=False,
    ),
    Rule(
        "openssh-private-key",
        ("-----BEGIN OPENSSH PRIVATE KEY-----",),
        rf"-----BEGIN OPENSSH PRIVATE KEY-----{_BODY}",
        entropy=0,
        whole=False,
    ),
    Rule(
        "pgp-private-key",
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----",),
        rf"-----BEGIN PGP PRIVATE KEY BLOCK-----{_BODY}",
        whole=False,
    ),
    Rule(
        "putty-private-key",
        ("PuTTY-User-Key-File-",),
        r"PuTTY-User-Key-File-[123]: (?P<value>[a-z0-9-]{3,40})",
        entropy=0,
        whole=False,
    ),
    Rule("age-secret-key", ("AGE-SECRET-KEY-1",), r"(?P<value>AGE-SECRET-KEY-1[0-9A-Z]{58})(?!\w)", entropy=3.5),
    # Tokens and passwords in files
    Rule("kubernetes-token", ("eyJ",), _JWT, _JWT_ANCHOR, 4.0, accept=_is_kubernetes),
    Rule("jwt", ("eyJ",), _JWT, _JWT_ANCHOR, 4.0, accept=_is_other_jwt),
    Rule(
        "kubernetes-client-key",
        ("client-key-data",),
        r"client-key-data[\"']?:\s{0,4}[\"']?(?P<value>[0-9A-Za-z+/]{64,8000}={0,2})",
        entropy=3.5,
    ),
    Rule(
        "netrc-password",
        ("machine",),
        r"machine\s{1,8}\S{1,255}\s{1,8}login\s{1,8}\S{1,255}\s{1,8}password\s{1,8}(?P<value>\S{3,255})",
        entropy=2.0,
        files=("netrc",),
    ),
    Rule(
        "password-hash",
        (":$apr1$", ":$2a$", ":$2b$", ":$2y$", ":{SHA}"),
        r":(?P<value>\$apr1\$[./0-9A-Za-z]{1,8}\$[./0-9A-Za-z]{22}|\$2[aby]\$[0-9]{2}\$[./0-9A-Za-z]{53}|\{SHA\}[\w+/]{27}=)",
        entropy=0,
        whole=False,
    ),
    Rule(
        "shadow-password",
        (":$",),
        r":(?P<value>\$(?:1|5|6|7|y|gy)\$[^:\s]{20,200}):",
        entropy=0,
        whole=False,
        files=("etc/shadow", "etc/shadow-", "etc/gshadow"),
    ),
    Rule(
        "database-url",
        ("://",),
        "(?:" + "|".join(f"(?<={re.escape(name)})" for name in _DATABASES) + ")"
        r"://[^\s:/@\"'<>]{0,128}:(?P<value>[^\s/@\"'<>]{4,256})@[\w.\[-]",
        "(?:" + "|".join(map(re.escape, _DATABASES)) + r")://[^\s:/@]*:[^\s/@]+@",
        entropy=2.0,
        whole=False,
    ),
)
"""In the order in which they are tried; of several that match at one place, each is told."""

PLACEHOLDER = re.compile(
    rb"(?i)example|sample|dummy|placeholder|change[_-]?(?:me|it|this)|replace[_-]?(?:me|this|with)|redacted|insert[_-]|not[_-]?real"
    rb"|your[_-]|my[_-]?(?:pass|secret|token|key)|fake|foo_?bar|s3cr3t|deadbeef|0123456789|1234567890|abcdefghij"
    # A template instead of a value, or the same character over and over.
    rb"|\$[{(A-Za-z_]|%[({]|%s|\{[{A-Za-z_]|<[a-z]|\.\.\.|([\w*#.-])\1{5}"
)
"""What a value holds that nobody uses: documented examples, templates, fillers."""
ORDINARY = re.compile(
    rb"(?i)(?:user|root|admin|guest|test|foo|bar|baz|postgres|mysql|redis|mongo|rabbit|my|the|a|some|db|app|super|top|\W|\d|_)*"
    rb"(?:pass(?:w(?:or)?d)?|pwd?|pw|secret|token|key|user|root|admin|guest|test|foo|bar|baz|postgres|mysql|redis|mongo|x+|\*+|)"
    rb"[\d\W_]{0,4}"
)
"""Values that documentation uses for passwords."""
SKIPPED_FOLDERS = (
    *(
        "usr/share/doc/",
        "usr/share/man/",
        "usr/share/info/",
        "usr/share/licenses/",
        "usr/share/locale/",
        "usr/share/perl/",
    ),
    *("usr/share/i18n/", "usr/share/zoneinfo/", "usr/share/unicode/", "usr/share/fonts/", "usr/share/icons/"),
    *("usr/local/share/doc/", "usr/local/share/man/"),
)
"""Where distributions put what is to be read by people: examples of keys that all the world has."""
VENDORED = frozenset({"site-packages", "dist-packages", "node_modules", "gems", "vendor", "mod", "src", "pkgs", "lib"})
"""Folders of other people's code..."""
PROVING = frozenset(
    {"test", "tests", "testdata", "testing", "fixtures", "__tests__", "spec", "specs", "example", "examples", "docs"}
)
"""...and below them, those of what it is tested with. An application's own tests are searched."""
DESCRIBING = (".dist-info/METADATA", ".egg-info/PKG-INFO", "EGG-INFO/PKG-INFO", ".egg-info")
"""How paths of a Python package's metadata end; its manual stands in them, examples of tokens included."""
