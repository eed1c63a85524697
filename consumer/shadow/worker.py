"""
The second model's own process: a line of JSON in, a line of JSON out, at the lowest priority there is.

A process and no thread: the interpreter's lock knows no priorities, so that a thread that is held up while it has it
would hold up the loop; and what a new model dies of must not be what the first one dies of.
"""

import os
import signal
import sys
from typing import Any, BinaryIO

import orjson

from consumer.answer import decide_all
from consumer.errors import RecordError, ShikyuError

LOWEST_NICE = 19


def main() -> int:
    """Its first line is what `load` takes; each further one a text and the rule that makes it urgent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's reaches all; the end of standard input ends this one
    lowest_priority()
    asked, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nobody else shall write between the answers
    return serve(orjson.loads(asked.readline()), asked, answers)


def lowest_priority() -> None:
    os.nice(LOWEST_NICE)
    if hasattr(os, "SCHED_IDLE"):  # Linux: whoever else wakes up has the core at once
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def serve(arguments: dict[str, Any], asked: BinaryIO, answers: BinaryIO) -> int:
    from consumer.classify import load

    try:
        classifier = load(**arguments)
        _tell(answers, classifier.model)
        for line in asked:
            text, rule = orjson.loads(line)
            [answer] = decide_all(classifier, classifier.tokenize([text]), [rule])
            _tell(answers, {"code": answer.code} if isinstance(answer, RecordError) else answer)
    except ShikyuError as error:
        _tell(answers, {"error": str(error)})
        return error.exit_code
    return 0


def _tell(answers: BinaryIO, what: object) -> None:
    answers.write(orjson.dumps(what, option=orjson.OPT_APPEND_NEWLINE))
    answers.flush()


if __name__ == "__main__":
    sys.exit(main())
