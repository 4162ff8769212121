"""How a cluster ends: whom to signal and when, the exit code, and the one message. Pure; the clock is an argument.

Processes of a Bytewax cluster live and die together: one that loses another panics by itself ("Send thread panic"), and a stop that one
of them is told reaches all through the dataflow. So the rest is given time to end by itself, is then asked to, and at last made to.
"""

import signal
from dataclasses import dataclass
from typing import Final

__all__ = ["Conclusion", "Ended", "Ending"]

EXIT_FAILED: Final = 1
EXIT_CONFIGURATION: Final = 2
EXIT_SINK_STOPPED: Final = 3

SURVIVORS_SECONDS: Final = 5.0
"""How long the others may take to notice that one has died."""
FOLLOWERS_SECONDS: Final = 10.0
"""How long the others may take to follow one that has ended well: all of them end their input at once, and a stop takes 5 s at most."""
STOP_SECONDS: Final = 15.0
"""How long a process may take to end once it was asked to."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that has ended.

    Attributes:
        process: Its number.
        pid: Its process ID.
        code: Its exit code, or the negative number of the signal that killed it.
    """

    process: int
    pid: int
    code: int


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What became of the cluster.

    Attributes:
        code: The exit code.
        message: One sentence or two for the operator.
    """

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class _Record:
    ended: Ended
    at: float
    asked: bool
    forced: bool

    @property
    def failed(self) -> bool:
        """Whether it ended otherwise than it should. One that is asked before it can listen dies of the signal, with nothing begun."""
        return self.ended.code != 0 and not (self.asked and self.ended.code in (-signal.SIGTERM, -signal.SIGINT))


class Ending:
    """One cluster's end, fed with what happens.

    Args:
        size: The number of processes.
        keeps_state: Whether it can resume.
        until_drained: Whether ending by itself is its purpose.
    """

    def __init__(self, size: int, *, keeps_state: bool, until_drained: bool = False) -> None:
        self._size = size
        self._keeps_state = keeps_state
        self._until_drained = until_drained
        self._records: list[_Record] = []
        self._stopping = False
        self._refused = ""
        self._ask_at: float | None = None
        """When the next signal is due: SIGTERM first, SIGKILL after it."""
        self._sent: list[signal.Signals] = []

    @property
    def over(self) -> bool:
        """Whether no process is left."""
        return len(self._records) == self._size

    def stop(self, now: float) -> None:
        """The operator wants it to end."""
        self._stopping = True
        self._ask_no_later_than(now)

    def refuse(self, reason: str, now: float) -> None:
        """The cluster can't be as it is.

        Args:
            reason: What is wrong, for the operator.
            now: The monotonic clock, in seconds.
        """
        self._refused = self._refused or reason
        self._ask_no_later_than(now)

    def ended(self, ended: Ended, now: float) -> None:
        """A process has ended, by itself or not."""
        record = _Record(ended, now, asked=signal.SIGTERM in self._sent, forced=signal.SIGKILL in self._sent)
        self._records.append(record)
        self._ask_no_later_than(now + (SURVIVORS_SECONDS if record.failed else FOLLOWERS_SECONDS))

    def due(self, now: float) -> signal.Signals | None:
        """What to send to every process that is left, now; each signal once."""
        if self.over or self._ask_at is None or now < self._ask_at:
            return None
        if not self._sent:
            self._sent.append(signal.SIGTERM)
            self._ask_at = now + STOP_SECONDS
            return signal.SIGTERM
        if len(self._sent) == 1:
            self._sent.append(signal.SIGKILL)
            return signal.SIGKILL
        return None

    def conclusion(self) -> Conclusion:
        """The exit code and the message, once no process is left."""
        if self._refused:
            return Conclusion(EXIT_FAILED, f"{self._refused}. {self._resume()}")
        cause = self._cause()
        if cause is None:
            return Conclusion(0, "every process has stopped" if self._stopping or not self._until_drained else "every tenant is drained")
        who = f"process {cause.ended.process} (pid {cause.ended.pid})"
        code = cause.ended.code
        if code == EXIT_CONFIGURATION:
            return Conclusion(
                code, f"{who} exited with 2: the configuration or the state directory is wrong, as it says above. Nothing was begun."
            )
        if code == EXIT_SINK_STOPPED:
            return Conclusion(code, f"{who} exited with 3: a sink can't go on, as it says above. {self._resume()}")
        if self._until_drained and all(record.ended.code in (0, EXIT_FAILED) for record in self._records):
            return Conclusion(
                EXIT_FAILED,
                f"{who} exited with 1: it says above which tenants could not be drained, which events became dead letters, or what failed. "
                f"{self._resume()}",
            )
        return Conclusion(EXIT_FAILED, f"{who} {self._how(cause)}. {self._resume()}")

    def _ask_no_later_than(self, moment: float) -> None:
        if not self._sent:
            self._ask_at = moment if self._ask_at is None else min(self._ask_at, moment)

    def _cause(self) -> _Record | None:
        """What began it: a configuration or a sink, by its exit code; else the first to go, a kill before the panics after it."""

        def rank(record: _Record) -> tuple[int, float, bool]:
            code = record.ended.code
            told = {EXIT_CONFIGURATION: 0, EXIT_SINK_STOPPED: 1}.get(code, 2)
            return told, record.at, code >= 0 or code == -signal.SIGABRT

        return min((record for record in self._records if record.failed), key=rank, default=None)

    def _how(self, cause: _Record) -> str:
        code = cause.ended.code
        if cause.forced and code == -signal.SIGKILL:
            return f"had not ended {STOP_SECONDS:g} s after it was asked to and was killed"
        others = "" if self._size == 1 else ", and the others ended with it"
        if code >= 0:
            return f"failed with exit code {code}, for the reason that it gives above{others}"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        memory = " (perhaps for want of memory: see the kernel's log)" if code == -signal.SIGKILL else ""
        return f"was killed by {name}{memory}{others}"

    def _resume(self) -> str:
        if self._keeps_state:
            return "The next start resumes from the last snapshot."
        return "Without --state nothing is remembered: the next start begins at start_from."
