"""The whole of push in processes: an organisation that delivers, the receiver, the flow, and the files that must hold every event once."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import orjson

from okta_source.simulator import EventHook, Organisation, Simulator
from tests.e2e.harness import Workplace
from tests.e2e.push.receiving import SECRET, Receiver, free_port


def hook(port: int, tenant: str, **keys: object) -> EventHook:
    """A hook of a tenant that delivers at once, unless `keys` say otherwise."""
    settings = {"delay_seconds": 0.0, "retry_seconds": 0.2, "secret": SECRET, **keys}
    return EventHook(url=f"http://127.0.0.1:{port}/hooks/{tenant}", **settings)  # type: ignore[arg-type]


class PushPlace:
    """A workplace with hooks.

    Args:
        folder: Where everything is.
        port: The receiver's, which hooks deliver to.
        mode: Of push.
    """

    def __init__(self, folder: Path, port: int, mode: str) -> None:
        self.port = port
        self.mode = mode
        self.place = Workplace(folder)
        self.spool = folder / "spool"
        (folder / "hook.secret").write_text(SECRET)
        (folder / "hook.secret").chmod(0o600)

    def add_all(self, simulator: Simulator, organisations: Sequence[Organisation], **keys: object) -> None:
        for organisation in organisations:
            self.place.add(organisation.name, simulator.url(organisation.name), organisation.token, **keys)
            self.place.entries[-1] += f'\n[tenants.hooks]\nsecret_file = "hook.secret"\nmode = "{self.mode}"'
        self.place.entries.append(f'[hooks]\nlisten = "127.0.0.1:{self.port}"\nspool_dir = "spool"')
        self.place.write()

    def receiver(self) -> Receiver:
        return Receiver(self.place.config, self.port)

    def uuids(self, tenant: str) -> list[str]:
        """What stands in the tenant's files, in their order; a line that a killed flow left half is none."""
        found = []
        for path in sorted((self.place.out / tenant).glob("*.ndjson")):
            for line in path.read_bytes().split(b"\n"):
                try:
                    found.append(orjson.loads(line)["uuid"])
                except orjson.JSONDecodeError:
                    continue
        return found

    def sources(self, tenant: str) -> Counter[str]:
        return Counter(orjson.loads(line)["_okta_source"] for line in self.place.lines(tenant))

    def judge(self, organisation: Organisation) -> None:
        """Every event once; in `wake` byte for byte as polling has it."""
        if self.mode == "wake":
            self.place.judge(organisation)
            return
        counted = Counter(orjson.loads(line)["uuid"] for line in self.place.lines(organisation.name))
        wanted = set(organisation.uuids())
        assert [uuid for uuid, count in counted.items() if count > 1] == []
        assert wanted - counted.keys() == set()
        assert counted.keys() - wanted == set()


def new_port() -> int:
    return free_port()


def some_event(uuid: str, published: str) -> bytes:
    return json.dumps({"uuid": uuid, "published": published, "eventType": "user.session.start"}).encode()
