"""A real PostgreSQL of Debian's package; skips the test, or fails it in CI, where there is none."""

from local import postgres
from tests.system_packages import required


class Postgres(postgres.Postgres):
    def __init__(self) -> None:
        required("initdb", sorted(postgres.DEBIANS.glob("*/bin"), reverse=True))
        super().__init__()
