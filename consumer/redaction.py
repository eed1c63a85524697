"""Keeps secrets out of `config show`, logs and errors."""

import re

REDACTED = "[redacted]"

# Without what Go's expressions lack: the Helm chart refuses secrets by these two (tests/deploy/test_chart.py).
SECRET_NAME = re.compile(
    r"password|passphrase|secret|token(?:[^s]|$)|basic[._-]auth|credential|jaas|bearer[._-]?auth"
    r"|(?:key|certificate)[._-]pem$|assertion\.private|(?:api|private)[._-]?key$|sasl\.oauthbearer\.config"
    r"|^(?:.*\.)?ssl_key$|^audit[._]key$|kinit\.cmd$|oauthbearer\.extensions$",
    re.IGNORECASE,
)
# Names that match, and whose values everybody may see and needs to.
NO_SECRET = re.compile(
    r"token\.endpoint|^token_length$|credentials[._-]source|ssl\.certificate\.pem|bearer\.auth\.credentials\.source"
    r"|bearer\.auth\.(?:client\.id|scope|logical\.cluster|identity\.pool\.id|issuer\.endpoint\.url)$"
    r"|client\.credentials\.client\.id$|private\.key\.file$|^rules\.",  # rules have names of their users' own
    re.IGNORECASE,
)
# To the last @, for a password may hold what a URL may not: rather a host too little than a password too much.
_USER_INFO = re.compile(r"(?<=://)\S+(?=@)")
_QUERY = re.compile(r"([?&][\w.-]*(?:secret|token|password|key)[\w.-]*=)[^&\s]+", re.IGNORECASE)
_USER_INFO_WITHOUT_SCHEME = re.compile(r"(?<!\S)[\w.+%~-]+:\S*(?=@[\w\[])")


def is_secret(name: str) -> bool:
    """Whether a setting or a log's field of this name holds a secret."""
    return bool(SECRET_NAME.search(name)) and not NO_SECRET.search(name)


def redact(name: str, value: object) -> object:
    """`value`, unless its name says that it is secret; an address loses its user and password."""
    if is_secret(name):
        return REDACTED
    if isinstance(value, dict):
        return {each: redact(str(each), inner) for each, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(redact(name, each) for each in value)
    return _without_user(value) if isinstance(value, str) else value


def _without_user(address: str) -> str:
    return _QUERY.sub(
        rf"\1{REDACTED}", (_USER_INFO if "://" in address else _USER_INFO_WITHOUT_SCHEME).sub(REDACTED, address)
    )
