import errno
import os

import pytest

from sinks.errors import SinkStopped, stopped_by, stopped_in


def test_it_can_be_made_of_its_text_alone():
    assert str(SinkStopped("why")) == "why"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EISDIR, errno.ENAMETOOLONG, errno.EIO])
def test_every_known_refusal_has_its_own_fix(code):
    error = stopped_by(OSError(code, os.strerror(code)), sink="archive", tenant="acme", path="/x", resumes=True)
    assert error.fix != "check the disk"
    assert error.fix in str(error)


def test_an_unknown_refusal_is_told_in_the_systems_words():
    error = stopped_by(OSError(errno.EPIPE, "Broken pipe"), sink="archive", tenant="acme", path="/x", resumes=True)
    assert error.reason == "Broken pipe"


@pytest.mark.parametrize(("resumes", "says"), [(True, "Nothing is lost"), (False, "keeps no state"), (None, "With a state")])
def test_what_is_safe_depends_on_the_state(resumes, says):
    assert says in str(stopped_by(OSError(28, "full"), sink="s", tenant="", path="/x", resumes=resumes))


def test_without_a_tenant_none_is_named():
    assert "tenant" not in str(stopped_by(OSError(28, "full"), sink="s", tenant="", path="/x", resumes=True))


def test_the_original_is_found_behind_what_bytewax_raises():
    original = SinkStopped("why", tenant="acme")
    copy = SinkStopped("where: why")
    copy.__cause__ = original
    outer = RuntimeError("error snapshotting")
    outer.__cause__ = copy
    assert stopped_in(outer) is original
    assert stopped_in(RuntimeError("something else")) is None
