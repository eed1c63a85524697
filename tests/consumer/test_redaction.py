import pytest

from consumer.drift.features import FEATURES
from consumer.redaction import REDACTED, is_secret, redact


@pytest.mark.parametrize(
    "name",
    [
        "sasl.password",
        "ssl.key.password",
        "ssl.key.pem",
        "basic.auth.user.info",
        "client_secret",
        "bearer.auth.token",
        "sasl.jaas.config",
        "ssl_key",
        "sasl.kerberos.kinit.cmd",
        "sasl.oauthbearer.extensions",
        "bearer.auth.client.secret",
        "sasl.oauthbearer.client.secret",
    ],
)
def test_secrets_are_known_by_their_names(name: str) -> None:
    """Whatever the value is."""
    assert is_secret(name)
    assert redact(name, "hunter2") == REDACTED


@pytest.mark.parametrize(
    "name",
    [
        "batching.max_batch_tokens",
        "tokens",
        *FEATURES,
        "sasl.username",
        "sasl.oauthbearer.token.endpoint.url",
        "registry.options.bearer.auth.scope",
        "registry.options.bearer.auth.client.id",
        "sasl.oauthbearer.client.credentials.client.id",
        "sasl.oauthbearer.assertion.private.key.file",
        "rules.always_urgent.password-reset",
    ],
)
def test_what_people_need_to_see_is_shown(name: str) -> None:
    """Counts of tokens and addresses are no secrets."""
    assert redact(name, "x") == "x"


def test_a_url_loses_its_user_and_password() -> None:
    """A registry's URL may carry both."""
    assert redact("registry.url", "https://user:hunter2@host/x") == f"https://{REDACTED}@host/x"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("user:s3cret@registry:8081", f"{REDACTED}@registry:8081"),
        ("user:@registry", f"{REDACTED}@registry"),
        ("u:s3/cr@et@registry", f"{REDACTED}@registry"),
        ("https://user:s3/cr@et@registry/x", f"https://{REDACTED}@registry/x"),
        ("https://one,user:s3cret@two", f"https://{REDACTED}@two"),
    ],
)
def test_a_password_goes_wherever_it_stands(value: str, shown: str) -> None:
    """Also where the scheme was forgotten, or the password holds what a URL may not."""
    assert redact("registry.url", value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("https://idp/x?client_secret=hunter2&scope=a", f"https://idp/x?client_secret={REDACTED}&scope=a"),
        ("http://r?a=b&api.key=hunter2", f"http://r?a=b&api.key={REDACTED}"),
    ],
)
def test_a_secret_in_a_query_goes(value: str, shown: str) -> None:
    """What stands beside it stays."""
    assert redact("sasl.oauthbearer.token.endpoint.url", value) == shown


@pytest.mark.parametrize("value", ["broker:9092", "support@shop.example", "{n: name, m:@}", "map(&{n:a,m:@}, b)"])
def test_what_only_looks_like_a_password_stays(value: str) -> None:
    """Addresses without a user, mail addresses, and JMESPath's own @."""
    assert redact("input.text", value) == value


def test_addresses_inside_lists_and_tables_lose_their_users_too():
    """A setting of the wrong type is echoed in its error."""
    assert "hunter2" not in str(redact("registry.url", ["http://u:hunter2@h", {"x": "http://u:hunter2@h"}]))
