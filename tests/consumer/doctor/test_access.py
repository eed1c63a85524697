"""What is asked about transactional ids, and what is not; Kafka's answers are a fake's here."""

import pytest

from consumer.doctor import access
from consumer.doctor.seen import Seen
from consumer.settings import Settings


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """The slots that Kafka was asked about; it lets none begin."""
    slots: list[str] = []

    def may_begin(_seen: Seen, slot: str) -> tuple[bool, str]:
        slots.append(slot)
        return False, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"

    monkeypatch.setattr(access, "_may_begin", may_begin)
    return slots


@pytest.mark.parametrize(
    ("is_empty", "slots", "status"), [(True, ["doctor", "7"], "fail"), (False, ["doctor"], "warn")]
)
def test_a_live_one_s_id_is_not_asked_about(monkeypatch, asked, is_empty, slots, status):
    """Should a broker let transactions last for ever, asking would fence him."""
    monkeypatch.setattr(access, "_is_empty", lambda _client, _group: is_empty)
    seen = Seen(Settings.model_validate({"delivery": {"slot": "7"}}))
    seen.connect()

    [finding] = access.transactions(seen)

    assert (asked, finding.status) == (slots, status)
