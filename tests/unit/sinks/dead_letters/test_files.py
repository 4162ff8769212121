from dataclasses import replace

import pytest

from sinks.dead_letters.files import locked
from sinks.dead_letters.line import decode
from tests.unit.sinks.dead_letters.test_sink import LETTER


def letter(number, size_bytes=20):
    return replace(LETTER, uuid=str(number), event=b'{"n":%d,"pad":"%s"}' % (number, b"x" * size_bytes))


def there(path):
    return [decode(line).uuid for line in path.read_bytes().splitlines()] if path.exists() else []


def test_a_file_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError), locked(tmp_path / "x", create=False):
        pass
    assert not list(tmp_path.iterdir())
