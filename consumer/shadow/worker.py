"""
The second model's own process: a line of JSON in, a line of JSON out, at the lowest priority there is.

A process and no thread: the interpreter's lock knows no priorities, so that a thread that is held up while it has it
would hold up the loop; and what a new model dies of must not be what the first one dies of.
"""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from consumer import priority
from consumer.answer import decide_all
from consumer.errors import RecordError, ShikyuError

LOADING_NICE = 10  # of a busy machine's time the lowest gets so little that it would never be loaded
OOM_SCORE = Path("/proc/self/oom_score_adj")


def main() -> int:
    """Its first line is what `load` takes; each further one a text and the rule that makes it urgent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's reaches all; the end of standard input ends this one
    os.nice(LOADING_NICE)
    with suppress(OSError):
        OOM_SCORE.write_text("1000")  # where memory runs out it is this one that goes
    asked, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nobody else shall write between the answers
    return serve(orjson.loads(asked.readline()), asked, answers)


def serve(arguments: dict[str, Any], asked: BinaryIO, answers: BinaryIO) -> int:
    from consumer.classify import load

    try:
        classifier = load(**arguments)
        _stand_back()
        _tell(answers, classifier.model)
        for line in asked:
            text, rule = orjson.loads(line)
            _, [answer] = decide_all(classifier, [text], [rule])
            _tell(answers, {"code": answer.code} if isinstance(answer, RecordError) else answer)
    except ShikyuError as error:
        _tell(answers, {"error": str(error)})
        return error.exit_code
    return 0


def _stand_back() -> None:
    """In a session of its own, where the scheduler would count its time as the first model's otherwise."""
    if priority.is_shared_by_sessions():
        with suppress(PermissionError):  # it leads one already
            os.setsid()
    priority.lowest()


def _tell(answers: BinaryIO, what: object) -> None:
    answers.write(orjson.dumps(what, option=orjson.OPT_APPEND_NEWLINE))
    answers.flush()


if __name__ == "__main__":
    sys.exit(main())
