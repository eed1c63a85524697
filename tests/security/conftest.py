"""A real Kafka with logins, certificates and an authorizer, beside the plain listener that tests themselves use."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from tests.tls import Authority, as_client, authority

USER, PASSWORD = "shikyu", "canary-of-the-password"
BY_CERTIFICATE = "shikyu-by-certificate"
Acl = tuple[ResourceType, str, AclOperation]


@dataclass(frozen=True)
class Secured:
    """`ports` by listener: LOGIN (SASL_SSL), MUTUAL, EXPIRED and ELSEWHERE (SSL)."""

    bootstrap: str  # plain, and of a super user
    admin: AdminClient  # there
    ports: dict[str, int]
    ours: Authority

    def options(self, listener: str) -> dict[str, str]:
        """librdkafka's, of a client that does all right."""
        found = {
            "bootstrap.servers": f"127.0.0.1:{self.ports[listener]}",
            "security.protocol": "ssl",
            "ssl.ca.location": str(self.ours.path),
        }
        if listener == "LOGIN":
            login = {"sasl.mechanism": "SCRAM-SHA-256", "sasl.username": USER, "sasl.password": PASSWORD}
            return {**found, "security.protocol": "sasl_ssl", **login}
        return {**found, **as_client(self.ours.folder / "client.pem")}

    def grant(self, user: str, *acls: Acl, pattern: ResourcePatternType = ResourcePatternType.LITERAL) -> None:
        for future in self.admin.create_acls([_binding(user, acl, pattern) for acl in acls]).values():
            future.result(20)

    def take_away(self, user: str, *acls: Acl, pattern: ResourcePatternType = ResourcePatternType.LITERAL) -> None:
        for future in self.admin.delete_acls([_filter(user, acl, pattern) for acl in acls]).values():
            assert future.result(20), "it was not there"

    def settle(self) -> None:
        """The controller answers before the broker knows."""
        time.sleep(0.5)


def _binding(user: str, acl: Acl, pattern: ResourcePatternType) -> AclBinding:
    kind, name, operation = acl
    allow = AclPermissionType.ALLOW
    return AclBinding(kind, name, pattern, f"User:{user}", "*", operation, allow)


def _filter(user: str, acl: Acl, pattern: ResourcePatternType) -> object:
    from confluent_kafka.admin import AclBindingFilter

    kind, name, operation = acl
    allow = AclPermissionType.ALLOW
    return AclBindingFilter(kind, name, pattern, f"User:{user}", "*", operation, allow)


def _store(folder: object) -> dict[str, str]:
    return {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(folder)}


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory, cluster: object) -> Iterator[Secured]:
    """`cluster` skips where there is none."""
    from local.cluster import Cluster

    ours = authority(tmp_path_factory.mktemp("authority"))
    ours.issue("client", "client")
    stores = {
        "LOGIN": ours.issue("broker", "127.0.0.1"),
        "MUTUAL": ours.issue("broker", "127.0.0.1"),
        "EXPIRED": ours.issue("expired", "127.0.0.1", long_ago=True),
        "ELSEWHERE": ours.issue("elsewhere", "kafka.example.com"),
    }
    settings = {
        "sasl.enabled.mechanisms": "SCRAM-SHA-256",
        "listener.name.login.scram-sha-256.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(ours.path),
        "listener.name.mutual.ssl.client.auth": "required",
        "listener.name.mutual.ssl.principal.mapping.rules": f"RULE:^.*$/{BY_CERTIFICATE}/",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
    for listener, store in stores.items():
        prefix = f"listener.name.{listener.lower()}."
        settings |= {prefix + name: value for name, value in _store(store).items()}
    listeners = {name: "SASL_SSL" if name == "LOGIN" else "SSL" for name in stores}
    folder = tmp_path_factory.mktemp("secured")
    with Cluster(folder, registry=False, listeners=listeners, broker_settings=settings) as running:
        admin = AdminClient({"bootstrap.servers": running.bootstrap_servers})
        made = Secured(running.bootstrap_servers, admin, running.ports, ours)
        scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096)
        upsertion = UserScramCredentialUpsertion(USER, scram, PASSWORD.encode())
        admin.alter_user_scram_credentials([upsertion])[USER].result(20)
        yield made


@pytest.fixture
def secured_topics(secured, name) -> Callable[[], dict[str, str]]:
    from confluent_kafka.admin import NewTopic

    roles = {role: f"{name}.{role}" for role in ("input", "urgent", "routine", "dead")}
    made = secured.admin.create_topics([NewTopic(topic, 1, 1) for topic in roles.values()])
    for future in made.values():
        future.result(20)
    secured.settle()
    return roles
