"""Runs consumers of one group, breaks what a schedule says, and measures how long each break keeps anyone waiting."""

import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from local.cluster import Cluster
from tests.chaos.faults import Fault
from tests.chaos.feed import Feed
from tests.chaos.monitor import Monitor
from tests.chaos.proxy import Proxy
from tests.chaos.trio import Trio

ROOT = Path(__file__).parents[2]
BASE = (0, 1)  # slots that run unless a fault says otherwise
MOST = (0, 1, 2, 3)
RECOVERED_S = 90  # a fault that keeps a partition waiting for longer is a hang
ARRIVED_S = 30
REBALANCES = 3  # that are begun until one comes to whom it should
SESSION_S = 1.5
FEW = 50  # records
RESTARTED = {-signal.SIGKILL, 3}  # 3: its watchdog, or a broker or registry that was away for too long at the start


class ChaosError(Exception):
    """The stream did not do what it must."""


class Worker:
    """A consumer process; its log goes to a file of its own."""

    def __init__(self, plan: Mapping[str, Any], log: Path) -> None:
        self._log = log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.worker", json.dumps(plan)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.visits: Counter[str] = Counter()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.visits[line.strip()] += 1

    def order(self, number: signal.Signals, place: str) -> None:
        after_s = 0.0
        if place == "committing":  # a moment after its offsets went out
            place, after_s = "offsets-sent", 0.002
        with suppress(BrokenPipeError):
            assert self.process.stdin
            self.process.stdin.write(json.dumps({"signal": number, "place": place, "after_s": after_s}) + "\n")
            self.process.stdin.flush()

    def is_stopped(self) -> bool:
        status = Path(f"/proc/{self.process.pid}/stat").read_text()
        return status.rpartition(")")[2].split()[0] == "T"

    def send(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)

    def close(self) -> None:
        self.send(signal.SIGCONT)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        for each in (self.process.stdin, self.process.stdout, self._log):
            with suppress(OSError):
                each.close()


@dataclass
class Told:
    """Seconds from each fault until every partition that had records waiting went on; and how consumers ended."""

    recovery: dict[str, list[float]] = field(default_factory=dict)
    ends: Counter[int] = field(default_factory=Counter)


class Conductor:
    def __init__(
        self,
        cluster: Cluster,
        proxy: Proxy | None,
        feed: Feed,
        monitor: Monitor,
        plan: Mapping[str, Any],
        folder: Path,
        seed: int,
        say: Callable[[str], None],
    ) -> None:
        self.told = Told()
        self._cluster, self._proxy, self._feed, self._monitor = cluster, proxy, feed, monitor
        self._plan, self._folder, self._say = plan, folder, say
        self._drawn = random.Random(seed)
        self._workers: dict[int, Worker] = {}
        self._wanted: tuple[int, ...] = ()
        self._broke: tuple[dict[int, int], float] = ({}, 0.0)

    def run(self, schedule: Sequence[Fault], records: int) -> None:
        """Every fault, with records on their way each time. ChaosError when one is not recovered from."""
        chunk = records // (len(schedule) + 1)
        try:
            self._want(BASE)
            self._feed.more(chunk)
            self._until(self._has_moved({}), "the consumers never began")
            for number, fault in enumerate(schedule, 1):
                self._feed.more(chunk)
                took = self._recovery(fault)
                self.told.recovery.setdefault(fault.kind, []).append(took)
                self._say(f"{number} of {len(schedule)}: {fault}, {took:.1f} s")
                self._require_sound()
            self._feed.more(max(0, records - self._feed.sent))
            self._feed.finish()
            self._until(lambda: self._monitor.committed == self._feed.ends, "the input is not consumed to its end")
            self._want(())
            self._require_sound()
        finally:
            for each in self._workers.values():
                each.close()

    def _require_sound(self) -> None:
        if self._monitor.violations:
            raise ChaosError("; ".join(self._monitor.violations[:5]))

    def _recovery(self, fault: Fault) -> float:
        self._broken()
        getattr(self, f"_{fault.kind}")(fault.place)
        self._feed.more(FEW)  # so that somebody waits, however fast the consumers were
        self._feed.finish()
        before, began = self._broke
        self._until(self._has_moved(before), f"not recovered from {fault} within {RECOVERED_S} s")
        return time.monotonic() - began

    def _broken(self) -> None:
        """From now on somebody waits."""
        self._broke = (dict(self._monitor.committed), time.monotonic())

    def _has_moved(self, before: Mapping[int, int]) -> Callable[[], bool]:
        """Whether each partition that then had, or since got, records to answer has answered some, or all."""

        def moved() -> bool:
            now, ends = self._monitor.committed, dict(self._feed.ends)
            return bool(ends) and all(
                now.get(partition, 0) > before.get(partition, 0) or now.get(partition, 0) >= end
                for partition, end in ends.items()
            )

        return moved

    def _until(self, done: Callable[[], bool], otherwise: str, within_s: float = RECOVERED_S) -> None:
        until = time.monotonic() + within_s
        while not done():
            self._feed.look()
            self._supervise()
            if time.monotonic() > until:
                behind = {p: (self._monitor.committed.get(p, 0), end) for p, end in self._feed.ends.items()}
                raise ChaosError(f"{otherwise}: committed and end by partition {behind}; {self._group()}")
            time.sleep(0.05)

    def _group(self) -> str:
        """What Kafka says of the group: who is in it, and whether it waits for somebody."""
        name = self._plan["settings"]["delivery"]["group_id"]
        admin = AdminClient({"bootstrap.servers": self._cluster.bootstrap_servers, "log_level": 0})
        try:
            found = admin.describe_consumer_groups([name], request_timeout=5)[name].result()
        except KafkaException as problem:
            return f"of the group Kafka says {problem.args[0].name()}"
        members = {each.member_id: len(each.assignment.topic_partitions) for each in found.members}
        return f"the group is {found.state.name} with the partitions of {members}"

    def _want(self, slots: tuple[int, ...]) -> None:
        """Starts those that do not run; the others leave as they are told, with exit code 0."""
        self._wanted = slots
        leaving = {slot: self._workers.pop(slot) for slot in list(self._workers) if slot not in slots}
        for each in leaving.values():
            each.send(signal.SIGTERM)
        for slot, each in leaving.items():
            try:
                code = each.process.wait(ARRIVED_S)
            except subprocess.TimeoutExpired:
                raise ChaosError(f"the consumer of slot {slot} was told to leave, and did not") from None
            finally:
                each.close()
            self.told.ends[code] += 1
            had_begun = code != -signal.SIGTERM or each.visits["assigned"]  # else it was told before it could listen
            if code not in {0, *RESTARTED} and had_begun:
                raise ChaosError(f"the consumer of slot {slot} was told to leave and ended with {code}")
        self._supervise()

    def _supervise(self) -> None:
        """Starts anew what should run, as an orchestrator would."""
        for slot in self._wanted:
            worker = self._workers.get(slot)
            if worker is not None:
                code = worker.process.poll()
                if code is None:
                    continue
                worker.close()
                self.told.ends[code] += 1
                if code not in RESTARTED:
                    raise ChaosError(f"the consumer of slot {slot} ended with {code}: see {self._folder}")
            settings = self._plan["settings"]
            delivery = {**settings["delivery"], "slot": str(slot)}
            plan = {**self._plan, "settings": {**settings, "delivery": delivery}}
            self._workers[slot] = Worker(plan, self._folder / f"slot-{slot}.log")

    def _some(self) -> Worker:
        self._supervise()
        return self._workers[self._drawn.choice(self._wanted)]

    def _kill(self, place: str) -> None:
        worker = self._some()
        worker.order(signal.SIGKILL, place)
        gone = lambda: worker.process.poll() is not None  # noqa: E731
        if place in {"assigned", "revoked"}:  # which comes to all when another joins, or leaves
            for _ in range(REBALANCES):
                self._want(MOST[:3])
                self._until(lambda: gone() or self._workers[2].visits["assigned"] > 0, "nobody joined", ARRIVED_S)
                self._want(BASE)
                if gone():
                    break  # but who stood still for too long has lost its partitions meanwhile, and none is revoked
        self._fed_until(gone, lambda: f"never killed at {place}, but was {dict(worker.visits)}")

    def _fed_until(self, done: Callable[[], bool], otherwise: Callable[[], str]) -> None:
        """With records that lead a consumer there, however fast it was with those that it had."""
        until, more_at = time.monotonic() + ARRIVED_S, time.monotonic() + 1
        while not done():
            if time.monotonic() > until:
                raise ChaosError(otherwise())
            if time.monotonic() > more_at:
                self._feed.more(FEW)
                more_at += 1
            time.sleep(0.01)
        self._broken()

    def _zombie(self, place: str) -> None:
        worker = self._some()
        worker.order(signal.SIGSTOP, place)
        self._fed_until(worker.is_stopped, lambda: f"never stopped at {place}, but was {dict(worker.visits)}")
        time.sleep(2 * SESSION_S)
        worker.send(signal.SIGCONT)

    def _broker(self, _: str) -> None:
        self._cluster.kill_broker()
        time.sleep(1)
        self._cluster.start_broker()

    def _scale(self, _: str) -> None:
        for slots in (BASE[:1], MOST):
            self._want(slots)
            workers = [self._workers[slot] for slot in slots]
            self._until(lambda workers=workers: all(each.visits["assigned"] for each in workers), "nobody joined")
        self._want(BASE)

    def _registry(self, _: str) -> None:
        self._cluster.kill_registry()
        self._some().send(signal.SIGKILL)
        time.sleep(1)
        self._cluster.start_registry()

    def _leaders(self, _: str) -> None:
        assert isinstance(self._cluster, Trio)
        self._cluster.elect_leaders()

    def _delay(self, _: str) -> None:
        assert self._proxy
        self._proxy.delay_s = 0.1
        time.sleep(2)
        self._proxy.delay_s = 0.0

    def _reset(self, _: str) -> None:
        assert self._proxy
        for _turn in range(3):
            self._proxy.reset()
            time.sleep(0.5)
