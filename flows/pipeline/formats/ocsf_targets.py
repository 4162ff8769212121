"""An event's targets → the class that the event fills, and what its targets are there: user, group, entity, service or resources.

A class demands certain objects; where they aren't there, the event goes to the next class that it can fill:

| wanted | needs | else |
|---|---|---|
| Authentication, Account Change | a user: the first target that is one, else the actor | Base Event |
| User Access Management | a user among the targets, and privileges | Account Change as Attach or Detach Policy, API Activity |
| Group Management | a group among the targets, and a user or privileges | Entity Management, API Activity |
| Entity Management | a target | API Activity |
| API Activity | an actor | Base Event |
| Detection Finding, Base Event | nothing | |
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from typing import Any, Final, NamedTuple

import msgspec

from flows.pipeline.formats.ocsf_classes import CLASSES, Plan, activity_of
from flows.pipeline.formats.ocsf_parties import user_of
from flows.pipeline.formats.ocsf_values import observable, short
from flows.pipeline.formats.values import cleaned, dump, parse

__all__ = ["Chosen", "Target", "TargetSet", "class_members"]

_USER_TYPES: Final = {"User": (1, "User")}
_ENTITY_TYPES: Final = {
    "UserGroup": (3, "Group"),
    "User": (2, "User"),
    "AppUser": (2, "User"),
    "UDDevice": (1, "Device"),
    "Device": (1, "Device"),
}
_POLICY: Final = (5, "Policy")
_NAMES: Final = ("id", "displayName", "type")
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw] | None)
_NOTHING_NEW: Final = (None, {"alternateId": "unknown"})


class Chosen(NamedTuple):
    """What an event is.

    Attributes:
        class_uid: Its class.
        head: What the class and the activity are called, members without a comma in front.
        attributes: What the targets are in it.
        observables: Of them.
        unmapped: `,"target":[…]`.
        actor_is_user: Whether its `user` is the actor.
        has_service: Whether it has a `service`.
    """

    class_uid: int
    head: bytes
    attributes: bytes
    observables: bytes
    unmapped: bytes
    actor_is_user: bool = False
    has_service: bool = False


class Target:
    """One target and what can be made of it, each made when first asked for.

    Args:
        raw: A member of `target`.

    Attributes:
        type: Okta's word for what it is.
        has_name: Whether it has an id or a name.
    """

    def __init__(self, raw: bytes) -> None:
        sent = parse(raw)
        self._sent: dict[str, Any] = sent if isinstance(sent, dict) else {}
        self._rest = cleaned(sent)
        self.type = short(self._sent.get("type"))
        name, uid = short(self._sent.get("displayName")), short(self._sent.get("id"))
        self._named = {key: value for key, value in (("name", name), ("uid", uid)) if value}
        self.has_name = bool(self._named)

    @cached_property
    def is_told(self) -> bool:
        """Whether id, type and name say all that there is to say of it."""
        return not _is_news({name: value for name, value in self._sent.items() if name not in _NAMES}) and all(
            self._sent.get(name) is None or short(self._sent[name]) is not None for name in _NAMES
        )

    @cached_property
    def whole(self) -> bytes:
        """The target as Okta sent it, without what is null or empty; nothing where nothing is left."""
        return dump(self._rest) if self._rest is not None else b""

    @cached_property
    def named(self) -> bytes:
        """`name` and `uid`."""
        return dump(self._named)

    @cached_property
    def group(self) -> bytes:
        """`group`."""
        return dump(self._named | {"type": "UserGroup"})

    @cached_property
    def resource(self) -> bytes:
        """One of `resources`."""
        return dump(self._named | ({"type": self.type} if self.type else {}))

    @cached_property
    def user(self) -> tuple[bytes, bytes, bool]:
        """`user`, its observables, and whether it says all that there is to say."""
        user, rest = user_of(self._sent, known_types=_USER_TYPES)
        observed = observable("user.name", "user_name", user.get("name")) + observable("user.email_addr", "email", user.get("email_addr"))
        return dump(user), observed, rest in _NOTHING_NEW

    @cached_property
    def entity(self) -> tuple[bytes, bool]:
        """`entity`, and whether it says all that there is to say."""
        type_id, caption = _entity_type(self.type)
        entity: dict[str, Any] = self._named | {"type": caption, "type_id": type_id}
        if type_id == 3:
            return dump(entity | {"group": msgspec.Raw(self.group)}), self.is_told
        if type_id == 2:
            return dump(entity | {"user": msgspec.Raw(self.user[0])}), self.user[2]
        if type_id == 5:
            entity["policy"] = self._named
        return dump(entity), self.is_told and self.type == caption


class TargetSet:
    """The targets of events that have the same ones; remembers what they are in each kind of event.

    Every second event has targets that no other one has had together, each of which is known: making a set of known targets and choosing
    by it is as hot as anything here.

    Args:
        raw: `target`, JSON text.
        version: OCSF's.
        make: Makes a target of a member.
    """

    __slots__ = ("_chosen", "_firsts", "_odd", "_shown", "_targets", "_version")

    def __init__(self, raw: bytes, version: str, make: Callable[[bytes], Target] = Target) -> None:
        self._odd = b""
        self._targets: list[Target] = []
        try:
            self._targets = [make(bytes(item)) for item in _ITEMS.decode(raw or b"null") or ()]
        except (msgspec.DecodeError, RecursionError):
            self._odd = dump(cleaned(parse(raw)))
        self._shown = [target for target in self._targets if target.has_name]
        # The first target of each type that has an id or a name.
        self._firsts: dict[str | None, Target] = {}
        for target in self._shown:
            self._firsts.setdefault(target.type, target)
        self._version = version
        self._chosen: dict[int, Chosen] = {}

    def choose(self, key: int, plan: Plan, *, has_actor: bool) -> Chosen:
        """What an event with these targets is.

        Args:
            key: Tells plan, actor and privileges from others: four times a number of the plan, 2 more for an actor, 1 more for privileges.
            plan: What its type should be.
            has_actor: Whether its actor can be named.
        """
        chosen = self._chosen.get(key)
        if chosen is None:
            chosen = self._chosen[key] = self._choose(plan, has_actor=has_actor, has_privileges=bool(key & 1))
        return chosen

    def _choose(self, plan: Plan, *, has_actor: bool, has_privileges: bool) -> Chosen:
        first = self._firsts.get
        user, group = first("User") or first("AppUser"), first("UserGroup")
        for class_uid, activity_id in _steps(plan):
            if class_uid in (3001, 3002) and (user is not None or has_actor):
                return self._with_user(class_uid, activity_id, user)
            if class_uid == 3005 and user is not None and has_privileges:
                return self._with_user(class_uid, activity_id, user)
            if class_uid == 3006 and group is not None and (has_privileges if activity_id in (1, 2) else user is not None):
                return self._with_group(activity_id, group, user)
            if class_uid == 3004 and (entity := self._entity(plan)) is not None:
                made, is_whole = entity.entity
                return self._made(3004, activity_id, b',"entity":' + made, (entity,) if is_whole else ())
            if class_uid == 2004 or (class_uid == 6003 and has_actor):
                return self._with_resources(class_uid, activity_id)
        return self._made(0, 99, b"", ())

    def _entity(self, plan: Plan) -> Target | None:
        for wanted in plan.entities:
            if (found := self._firsts.get(wanted)) is not None:
                return found
        return self._shown[0] if self._shown else None

    def _with_user(self, class_uid: int, activity_id: int, target: Target | None) -> Chosen:
        attributes = observables = b""
        is_whole = False
        if target is not None:
            user, observables, is_whole = target.user
            attributes = b',"user":' + user
        service = self._firsts.get("AppInstance") if class_uid == 3002 else None
        if service is not None:
            attributes += b',"service":' + service.named
        whole = (target,) if target is not None and is_whole else ()
        return self._made(
            class_uid, activity_id, attributes, whole, observables, actor_is_user=target is None, has_service=service is not None
        )

    def _with_group(self, activity_id: int, group: Target, target: Target | None) -> Chosen:
        attributes, observables, whole = b',"group":' + group.group, b"", [group] if group.is_told else []
        if target is not None:
            user, observables, is_whole = target.user
            attributes += b',"user":' + user
            whole += [target] if is_whole else []
        return self._made(3006, activity_id, attributes, whole, observables)

    def _with_resources(self, class_uid: int, activity_id: int) -> Chosen:
        shown = self._shown
        resources = b',"resources":[%b]' % b",".join([target.resource for target in shown]) if shown else b""
        return self._made(class_uid, activity_id, resources, [target for target in shown if target.is_told])

    def _made(
        self,
        class_uid: int,
        activity_id: int,
        attributes: bytes,
        whole: Sequence[Target],
        observables: bytes = b"",
        *,
        actor_is_user: bool = False,
        has_service: bool = False,
    ) -> Chosen:
        rest = b",".join([target.whole for target in self._targets if target not in whole and target.whole])
        unmapped = b',"target":[%b]' % rest if rest else b',"target":' + self._odd if self._odd else b""
        head = _head(class_uid, activity_of(class_uid, activity_id, self._version))
        return Chosen(class_uid, head, attributes, observables, unmapped, actor_is_user, has_service)


@cache
def _head(class_uid: int, activity_id: int) -> bytes:
    return dump(class_members(class_uid, activity_id))[1:-1]


def class_members(class_uid: int, activity_id: int) -> Mapping[str, Any]:
    """What a class and an activity are called, by number and by caption."""
    of = CLASSES[class_uid]
    activity = of.activities[activity_id]
    return {
        "activity_id": activity_id,
        "activity_name": activity,
        "category_name": of.category_name,
        "category_uid": of.category_uid,
        "class_name": of.name,
        "class_uid": class_uid,
        "type_name": f"{of.name}: {activity}",
        "type_uid": 100 * class_uid + activity_id,
    }


@cache
def _steps(plan: Plan) -> Sequence[tuple[int, int]]:
    """The classes that an event may be, best first; there are some hundred plans, whatever event types come."""
    steps = [(plan.class_uid, plan.activity_id)]
    if plan.class_uid == 3005:
        steps.append((3001, {1: 7, 2: 8}.get(plan.activity_id, 99)))
    if plan.class_uid == 3006:
        steps.append((3004, plan.entity_id))
    if plan.class_uid not in (0, 6003):
        steps.append((6003, plan.crud_id))
    return steps


def _entity_type(told: str | None) -> tuple[int, str]:
    if told is None:
        return 0, "Unknown"
    return _POLICY if told.startswith("Policy") else _ENTITY_TYPES.get(told, (99, told))


def _is_news(rest: Any) -> bool:
    return cleaned(rest) not in _NOTHING_NEW
