"""How a cluster ends: signals, exit code, message."""

import signal

import pytest

from flows.cluster.ending import FOLLOWERS_SECONDS, STOP_SECONDS, SURVIVORS_SECONDS, Ended, Ending


def conclude(*codes: int, stopped: bool = False, keeps_state: bool = True, until_drained: bool = False) -> tuple[int, str]:
    """The conclusion where processes end with these codes, a tenth of a second apart, in this order."""
    ending = Ending(len(codes), keeps_state=keeps_state, until_drained=until_drained)
    if stopped:
        ending.stop(0.0)
        assert ending.due(0.0) is signal.SIGTERM
    for number, code in enumerate(codes):
        assert not ending.over
        ending.ended(Ended(number, 100 + number, code), number / 10)
    assert ending.over
    assert ending.due(1e9) is None
    conclusion = ending.conclusion()
    return conclusion.code, conclusion.message


@pytest.mark.parametrize(
    ("codes", "code", "told"),
    [
        ((0, 0), 0, "every process has stopped"),
        ((-9, 1), 1, "process 0 (pid 100) was killed by SIGKILL"),
        ((1, -9), 1, "process 0 (pid 100) failed with exit code 1"),
        ((1, 3), 3, "process 1 (pid 101) exited with 3"),
        ((1, -6, 2), 2, "process 2 (pid 102) exited with 2"),
        ((3, 2), 2, "process 1 (pid 101) exited with 2"),
        ((0, -15), 1, "process 1 (pid 101) was killed by SIGTERM"),
        ((-60, 1), 1, "process 0 (pid 100) was killed by signal 60"),
    ],
)
def test_the_most_telling_exit_names_the_cause(codes: tuple[int, ...], code: int, told: str) -> None:
    assert conclude(*codes)[0] == code
    assert conclude(*codes)[1].startswith(told)


def test_a_kill_comes_before_the_panics_that_are_seen_with_it() -> None:
    ending = Ending(3, keeps_state=True)
    for process, code in enumerate((1, -6, -9)):
        ending.ended(Ended(process, process, code), 5.0)
    assert ending.conclusion().message.startswith("process 2 (pid 2) was killed by SIGKILL")


def test_the_message_says_whether_the_next_start_resumes() -> None:
    assert "resumes from the last snapshot" in conclude(-9, 1)[1]
    assert "nothing is remembered" in conclude(-9, 1, keeps_state=False)[1]


@pytest.mark.parametrize("codes", [(0, 0), (0, -15), (-15, -2)])
def test_a_stop_is_a_success_also_of_a_process_that_could_not_listen_yet(codes: tuple[int, ...]) -> None:
    assert conclude(*codes, stopped=True) == (0, "every process has stopped")


def test_a_failure_during_a_stop_is_a_failure() -> None:
    assert conclude(0, 1, stopped=True)[0] == 1
    assert conclude(0, -11, stopped=True)[1].startswith("process 1 (pid 101) was killed by SIGSEGV")


def test_a_run_until_drained_ends_by_itself_and_passes_on_who_could_not_be_drained() -> None:
    assert conclude(0, 0, until_drained=True) == (0, "every tenant is drained")
    code, message = conclude(0, 1, until_drained=True)
    assert code == 1
    assert "which tenants could not be drained" in message
    assert "killed by SIGKILL" in conclude(-9, 1, until_drained=True)[1]


def test_nothing_is_signalled_while_all_is_well() -> None:
    assert Ending(2, keeps_state=True).due(1e9) is None


@pytest.mark.parametrize(("code", "patience"), [(-9, SURVIVORS_SECONDS), (2, SURVIVORS_SECONDS), (0, FOLLOWERS_SECONDS)])
def test_the_others_may_end_by_themselves_are_asked_and_then_made_to(code: int, patience: float) -> None:
    ending = Ending(2, keeps_state=True)
    ending.ended(Ended(0, 1, code), 100.0)
    asked = 100.0 + patience
    assert ending.due(asked - 0.01) is None
    assert ending.due(asked) is signal.SIGTERM
    assert ending.due(asked) is None
    assert ending.due(asked + STOP_SECONDS - 0.01) is None
    assert ending.due(asked + STOP_SECONDS) is signal.SIGKILL
    assert ending.due(1e9) is None


def test_a_failure_shortens_the_patience_with_the_others_and_a_stop_ends_it() -> None:
    ending = Ending(3, keeps_state=True)
    ending.ended(Ended(0, 1, 0), 0.0)
    ending.ended(Ended(1, 2, 1), 1.0)
    assert ending.due(1.0 + SURVIVORS_SECONDS) is signal.SIGTERM
    ending = Ending(2, keeps_state=True)
    ending.ended(Ended(0, 1, 1), 0.0)
    ending.stop(0.5)
    assert ending.due(0.5) is signal.SIGTERM


def test_a_second_stop_sends_nothing_more() -> None:
    ending = Ending(2, keeps_state=True)
    ending.stop(0.0)
    assert ending.due(0.0) is signal.SIGTERM
    ending.stop(1.0)
    assert ending.due(1.0) is None
    assert ending.due(STOP_SECONDS) is signal.SIGKILL


def test_a_process_that_would_not_stop_is_named() -> None:
    ending = Ending(2, keeps_state=True)
    ending.stop(0.0)
    ending.due(0.0)
    ending.ended(Ended(0, 1, 0), 1.0)
    ending.due(STOP_SECONDS)
    ending.ended(Ended(1, 7, -9), STOP_SECONDS + 0.1)
    conclusion = ending.conclusion()
    assert conclusion.code == 1
    assert conclusion.message.startswith("process 1 (pid 7) had not ended 15 s after it was asked to and was killed")


def test_the_cause_is_not_one_that_was_killed_for_another_s_death() -> None:
    ending = Ending(2, keeps_state=True)
    ending.ended(Ended(1, 7, -11), 0.0)
    ending.due(SURVIVORS_SECONDS)
    ending.due(SURVIVORS_SECONDS + STOP_SECONDS)
    ending.ended(Ended(0, 1, -9), 30.0)
    assert ending.conclusion().message.startswith("process 1 (pid 7) was killed by SIGSEGV")
