"""What a run is called, and where the answers of one stand that is not the live one."""

LIVE = "live"
SHADOW = "shadow"  # of a second model beside the first


def own_topic(topic: str, run: str) -> str:
    """Of a run: the live topic itself, or a replay's own beside it."""
    return topic if run == LIVE else f"{topic}.replay.{run}"
