"""The rules for secrets: what they find, what they leave, what they cost, and that they keep nothing of it."""

from __future__ import annotations

import base64
import json
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.limits import Limits
from tasks.analyzers.secret_rules import RULES
from tasks.analyzers.secrets import Secrets, entropy, find_secrets, is_searched, is_special, redacted, suspicious

UPPER, DIGITS = string.ascii_uppercase, string.digits
WORD = string.ascii_letters + DIGITS
HEX = DIGITS + "abcdef"
BASE32 = UPPER + "234567"
BASE64 = WORD + "+/"


def made(alphabet: str, length: int) -> str:
    """A value as a machine makes it, the same in every run; nobody's."""
    # Shuffled rounds through the alphabet: as even as chance is on average.
    chance = random.Random(f"{alphabet}{length}")
    rounds = (chance.sample(alphabet, len(alphabet)) for _ in range(length // len(alphabet) + 1))
    return "".join("".join(part) for part in rounds)[:length]


def jwt(payload: dict[str, object]) -> str:
    parts = ({"alg": "RS256", "typ": "JWT"}, payload)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join((*encoded, made(WORD, 86)))


def key(kind: str) -> str:
    return f"-----BEGIN {kind}-----\n{made(BASE64, 64)}\n{made(BASE64, 64)}\n-----END {kind}-----"


EXAMPLES: dict[str, tuple[str, str]] = {
    "aws-access-key-id": ("", f"id = AKIA{made(BASE32, 16)}"),
    "aws-secret-access-key": ("", f"aws_secret_access_key = {made(BASE64, 40)}"),
    "google-api-key": ("", f"key: AIza{made(WORD, 35)}"),
    "google-oauth-secret": ("", f'"client_secret": "GOCSPX-{made(WORD, 28)}"'),
    "google-service-account": ("", f'"private_key_id": "{made(HEX, 40)}",'),
    "azure-storage-key": ("", f"AccountName=x;AccountKey={made(BASE64, 86)}==;"),
    "azure-shared-access-key": ("", f"SharedAccessKeyName=x;SharedAccessKey={made(BASE64, 43)}="),
    "digitalocean-token": ("", f"dop_v1_{made(HEX, 64)}"),
    "databricks-token": ("", f"token dapi{made(HEX, 32)}"),
    "github-token": ("", f"GITHUB_TOKEN=ghp_{made(WORD, 36)}"),
    "github-fine-grained-token": ("", f"github_pat_{made(WORD, 22)}_{made(WORD, 59)}"),
    "gitlab-token": ("", f"token: glpat-{made(WORD, 20)}"),
    "npm-token": ("", f"npm_{made(WORD, 36)}"),
    "npm-registry-password": ("root/.npmrc", f"//registry.example/:_authToken={made(HEX, 32)}"),
    "package-index-token": ("", f"password = pypi-AgE{made(WORD, 90)}"),
    "gem-registry-key": ("", f"gem key: rubygems_{made(HEX, 48)}"),
    "docker-access-token": ("", f"dckr_pat_{made(WORD, 27)}"),
    "docker-registry-auth": (
        "root/.docker/config.json",
        f'{{"auths": {{"r.example": {{"auth": "{base64.b64encode(f"bot:{made(WORD, 16)}".encode()).decode()}"}}}}}}',
    ),
    "url-password": ("root/.git-credentials", f"https://bot:{made(WORD, 20)}@git.example"),
    "package-upload-password": ("root/.pypirc", f"username = bot\npassword = {made(WORD, 20)}"),
    "slack-token": ("", f"xoxb-{made(DIGITS, 12)}-{made(DIGITS, 12)}-{made(WORD, 24)}"),
    "slack-app-token": ("", f"xapp-1-A{made(UPPER, 9)}-{made(DIGITS, 13)}-{made(HEX, 64)}"),
    "slack-webhook": ("", f"https://hooks.slack.com/services/T{made(UPPER, 8)}/B{made(UPPER, 8)}/{made(WORD, 24)}"),
    "stripe-key": ("", f"sk_live_{made(WORD, 24)}"),
    "sendgrid-key": ("", f"SG.{made(WORD, 22)}.{made(WORD, 43)}"),
    "shopify-token": ("", f"shpat_{made(HEX, 32)}"),
    "telegram-bot-token": ("", f"bot 2983147560:AA{made(WORD, 33)}"),
    "grafana-token": ("", f"glsa_{made(WORD, 32)}_{made(HEX, 8)}"),
    "new-relic-key": ("", f"NRAK-{made(UPPER + DIGITS, 27)}"),
    "atlassian-token": ("", f"ATATT3{made(WORD, 186)}"),
    "anthropic-key": ("", f"sk-ant-api03-{made(WORD, 93)}"),
    "openai-key": ("", f"sk-proj-{made(WORD, 30)}T3BlbkFJ{made(WORD, 30)}"),
    "hugging-face-token": ("", f"hf_{made(string.ascii_letters, 34)}"),
    "vault-token": ("", f"VAULT_TOKEN=hvs.{made(WORD, 90)}"),
    "terraform-token": ("", f'token = "{made(WORD, 14)}.atlasv1.{made(WORD, 67)}"'),
    "private-key": ("", key("RSA PRIVATE KEY")),
    "openssh-private-key": (
        "",
        f"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjE{'A' * 12}{made(BASE64, 39)}\n",
    ),
    "pgp-private-key": ("", f"-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: x\n\n{made(BASE64, 64)}\n"),
    "putty-private-key": ("", "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none"),
    "age-secret-key": ("", f"AGE-SECRET-KEY-1{made(UPPER, 58)}"),
    "kubernetes-token": ("", jwt({"iss": "kubernetes/serviceaccount", "sub": "system:serviceaccount:a:b"})),
    "jwt": ("", jwt({"sub": "someone", "iat": 1700000000})),
    "kubernetes-client-key": ("", f"    client-key-data: {made(BASE64, 200)}=="),
    "netrc-password": ("root/.netrc", f"machine git.example\n  login bot\n  password {made(WORD, 16)}"),
    "password-hash": ("", f"bob:$2y$05${made(WORD, 53)}"),
    "shadow-password": ("etc/shadow", f"root:$6${made(WORD, 16)}${made(WORD, 86)}:19000:0:99999:7:::"),
    "database-url": ("", f"DATABASE_URL=postgresql://app:{made(WORD, 14)}@db.example:5432/app"),
}
"""For each rule a path and a text in which it alone is to be found."""


def rules_in(text: str, path: str = "app/settings") -> list[str]:
    return [place.rule for place in find_secrets(text.encode(), path)]


def test_every_rule_has_an_example() -> None:
    assert set(EXAMPLES) == {rule.name for rule in RULES}
    assert len(RULES) == len({rule.name for rule in RULES}) >= 30


@pytest.mark.parametrize("rule", EXAMPLES)
def test_a_rule_finds_its_secret_and_no_other_one_does(rule: str) -> None:
    path, text = EXAMPLES[rule]
    assert rules_in(f"first line\n  {text}\nlast line", path or "app/settings") == [rule]
    assert is_special(path) or suspicious([text.encode()]) == [True]


@pytest.mark.parametrize("rule", EXAMPLES)
def test_no_token_is_cut_out_of_a_longer_word(rule: str) -> None:
    (found,) = [each for each in RULES if each.name == rule]
    path, text = EXAMPLES[rule]
    if found.whole:
        at = min(text.index(start) for start in found.starts if start in text)
        assert rule not in rules_in(f"{text[:at]}abc{text[at:]}", path)


@pytest.mark.parametrize(
    "text",
    [
        "aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        f"ghp_{'x' * 36}",
        f"ghp_{'0123456789' * 4}"[:40],
        "postgres://user:password@localhost/db",
        "postgres://app:changeme@db/app",
        "mysql://root:${MYSQL_PASSWORD}@db/app",
        "redis://:{password}@host:1",
        "amqp://guest:guest@localhost",
        "mongodb://user:<password>@host",
        "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
        "if line == '-----BEGIN OPENSSH PRIVATE KEY-----':",
        '"auth": "bm8tY29sb24taGVyZQ=="',
        f"eyJub3QiOiJhIGp3dCJ9x.eyJ{'a' * 20}.{'b' * 40}",
        "https://example.com/postgres://x",
    ],
)
def test_placeholders_and_templates_are_no_secrets(text: str) -> None:
    assert rules_in(text) == []


def test_a_rule_of_one_file_is_silent_elsewhere() -> None:
    path, text = EXAMPLES["netrc-password"]
    assert rules_in(text, "app/notes") == []
    assert rules_in(text, path) == ["netrc-password"]


def test_a_file_with_several_endings_has_the_rules_of_all() -> None:
    texts = [EXAMPLES[rule][1] for rule in ("npm-registry-password", "url-password")]
    assert rules_in("\n".join(texts), "root/.npmrc") == ["npm-registry-password", "url-password"]
    assert rules_in("\n".join(texts), "usr/etc/npmrc") == ["npm-registry-password"]


def test_lines_are_counted_from_one_and_a_rule_is_told_once_a_line() -> None:
    token, other = (f"ghp_{made(WORD[start:], 36)}" for start in (0, 3))
    text = f"{token} {other}\n\n{token}\n"
    assert [(place.rule, place.line) for place in find_secrets(text.encode())] == [
        ("github-token", 1),
        ("github-token", 3),
    ]


def test_other_peoples_tests_and_documentation_are_not_searched() -> None:
    for path in (
        "usr/share/doc/x/key.pem",
        "app/node_modules/tls/test/fixtures/key.pem",
        "usr/local/go/src/x/testdata/k",
        "usr/lib/python3/dist-packages/PyJWT-2.6.0.egg-info/PKG-INFO",
        "srv/venv/lib/python3.11/site-packages/joserfc-1.8.0.dist-info/METADATA",
    ):
        assert not is_searched(path)
    for path in ("app/test/key.pem", "etc/ssl/private/key.pem", "app/node_modules/x/key.pem", "root/.netrc", "test"):
        assert is_searched(path)


def test_what_is_recognised_is_redacted_and_the_rest_stays() -> None:
    for _, text in EXAMPLES.values():
        places = find_secrets(text.encode())
        clean = redacted(f"a\ud800 {text} é")
        assert clean.startswith("a\ud800 ")
        for place in places:
            assert text.encode()[place.start : place.end].decode() not in clean
    assert redacted("RUN make install") == "RUN make install"


def test_the_lines_of_a_private_key_are_redacted_to_its_end() -> None:
    text = f"before {key('PRIVATE KEY')} after"
    assert redacted(text) == "before -----BEGIN PRIVATE KEY-----\n[private-key]-----END PRIVATE KEY----- after"


@given(st.binary(max_size=300), st.sampled_from(sorted(EXAMPLES)), st.binary(max_size=300))
def test_no_bytes_raise_anything(before: bytes, rule: str, after: bytes) -> None:
    path, text = EXAMPLES[rule]
    for data in (before + text.encode() + after, bytearray(before + text.encode()[: len(after)] + after)):
        find_secrets(data, path)
        suspicious([data])


@pytest.mark.parametrize("start", sorted({start for rule in RULES for start in rule.starts}))
def test_a_file_full_of_beginnings_ends_in_time_that_grows_with_it(start: str) -> None:
    # A pattern that went wrong would take hours, not a little longer: that the test ends is its proof.
    for filling in ("", " ", "a" * 20, ":x@"):
        find_secrets((start + filling).encode() * 1000, "etc/shadow")


@pytest.mark.parametrize(
    "unit",
    [
        "-----BEGIN PRIVATE KEY-----\n" + "Abc: " * 100 + "\n",
        "-----BEGIN OPENSSH PRIVATE KEY-----\n" + "Abc: " * 100 + "\n",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n" + "Abc: " * 100 + "\n",
        "-eyJ",
        ".eyJaaaaaaaa",
    ],
)
def test_a_file_of_a_secret_s_beginnings_within_each_other_ends(unit: str) -> None:
    # One whose tries overlap would take hours, not a little longer: that the test ends is its proof.
    text = f"eyJaaaaaaaaaa.eyJ {unit * ((4 << 20) // len(unit))}"
    assert find_secrets(text.encode()) == []


def test_a_configuration_full_of_keys_without_an_end_is_redacted() -> None:
    # Looking for the end anew from each of them would take an hour.
    text = "before " + f"-----BEGIN PRIVATE KEY-----\n{made(WORD, 44)}\n" * 100_000
    assert redacted(text) == "before -----BEGIN PRIVATE KEY-----\n[private-key]"


def test_a_key_that_begins_within_another_secret_is_redacted_to_its_end() -> None:
    url = f"postgres://a:-----BEGIN\tPRIVATE@h {key('PRIVATE KEY')} after"
    assert redacted(url).endswith("[private-key]-----END PRIVATE KEY----- after")


def test_the_rules_are_part_of_the_fingerprint() -> None:
    usual = Secrets().configuration(Limits())
    assert usual != Secrets().configuration(Limits(secret_bytes=1))
    assert usual != Secrets().configuration(Limits(secrets=1))
    assert usual == Secrets().configuration(Limits(problems=1))


def test_entropy_is_shannons() -> None:
    assert entropy(b"aaaa") == 0
    assert entropy(b"abcd" * 3) == 2
