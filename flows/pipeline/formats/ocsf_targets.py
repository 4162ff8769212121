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

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from flows.pipeline.formats.ocsf_classes import CLASSES, Plan, activity_of
from flows.pipeline.formats.ocsf_parties import user_of
from flows.pipeline.formats.ocsf_values import observable, short
from flows.pipeline.formats.values import cleaned, dump, objects, parse

__all__ = ["Chosen", "TargetSet", "class_members"]

_USER_TYPES: Final = {"User": (1, "User")}
_ENTITY_TYPES: Final = {
    "UserGroup": (3, "Group"),
    "User": (2, "User"),
    "AppUser": (2, "User"),
    "UDDevice": (1, "Device"),
    "Device": (1, "Device"),
}
_POLICY: Final = (5, "Policy")
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


class _Used(NamedTuple):
    """Targets that are something, by their places, and whether all of each is said thereby."""

    attributes: dict[str, Any]
    whole: frozenset[int]
    observables: bytes = b""


class TargetSet:
    """The targets of events that have the same ones; remembers what they are in each kind of event.

    Args:
        raw: `target`, JSON text.
        version: OCSF's.
    """

    def __init__(self, raw: bytes, version: str) -> None:
        sent = parse(raw)
        self._targets = objects(sent)
        self._odd = cleaned(sent) if not isinstance(sent, list) or len(self._targets) < len(sent) else None
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
        user, group = self._first_user(), self._first("UserGroup")
        for class_uid, activity_id in _steps(plan):
            if class_uid in (3001, 3002) and (user is not None or has_actor):
                return self._with_user(class_uid, activity_id, user)
            if class_uid == 3005 and user is not None and has_privileges:
                return self._with_user(class_uid, activity_id, user)
            if class_uid == 3006 and group is not None and (has_privileges if activity_id in (1, 2) else user is not None):
                return self._with_group(activity_id, group, user)
            if class_uid == 3004 and (entity := self._entity(plan)) is not None:
                return self._with_entity(activity_id, entity)
            if class_uid == 2004 or (class_uid == 6003 and has_actor):
                return self._with_resources(class_uid, activity_id)
        return self._made(0, 99, _Used({}, frozenset()))

    def _first(self, *types: str) -> int | None:
        """The place of the first target of a type that has an id or a name."""
        return next((at for at, target in enumerate(self._targets) if target.get("type") in types and _has_name(target)), None)

    def _first_user(self) -> int | None:
        found = self._first("User")
        return self._first("AppUser") if found is None else found

    def _entity(self, plan: Plan) -> int | None:
        for wanted in plan.entities:
            if (found := self._first(wanted)) is not None:
                return found
        return next((at for at, target in enumerate(self._targets) if _has_name(target)), None)

    def _with_user(self, class_uid: int, activity_id: int, at: int | None) -> Chosen:
        used = _Used({}, frozenset()) if at is None else self._user(at)
        service = self._first("AppInstance") if class_uid == 3002 else None
        if service is not None:
            used.attributes["service"] = _named(self._targets[service])
        return self._made(class_uid, activity_id, used, actor_is_user=at is None, has_service=service is not None)

    def _user(self, at: int) -> _Used:
        user, rest = user_of(self._targets[at], known_types=_USER_TYPES)
        observed = observable("user.name", "user_name", user.get("name")) + observable("user.email_addr", "email", user.get("email_addr"))
        return _Used({"user": user}, frozenset() if _is_news(rest) else frozenset({at}), observed)

    def _with_group(self, activity_id: int, group: int, user: int | None) -> Chosen:
        used = _Used({}, frozenset()) if user is None else self._user(user)
        target = self._targets[group]
        whole = used.whole | ({group} if _is_told(target) else set())
        return self._made(3006, activity_id, _Used({**used.attributes, "group": _group(target)}, whole, used.observables))

    def _with_entity(self, activity_id: int, at: int) -> Chosen:
        target = self._targets[at]
        told = short(target.get("type"))
        type_id, caption = _entity_type(told)
        entity: dict[str, Any] = _named(target) | {"type": caption, "type_id": type_id}
        is_whole = _is_told(target) and told == caption
        if type_id == 3:
            entity["group"] = _group(target)
            is_whole = _is_told(target)
        elif type_id == 5:
            entity["policy"] = _named(target)
        elif type_id == 2:
            entity["user"], rest = user_of(target, known_types=_USER_TYPES)
            is_whole = not _is_news(rest)
        return self._made(3004, activity_id, _Used({"entity": entity}, frozenset({at} if is_whole else ())))

    def _with_resources(self, class_uid: int, activity_id: int) -> Chosen:
        resources, whole = [], set()
        for at, target in enumerate(self._targets):
            if _has_name(target):
                told = short(target.get("type"))
                resources.append(_named(target) | ({"type": told} if told else {}))
                if _is_told(target):
                    whole.add(at)
        return self._made(class_uid, activity_id, _Used({"resources": resources} if resources else {}, frozenset(whole)))

    def _made(self, class_uid: int, activity_id: int, used: _Used, *, actor_is_user: bool = False, has_service: bool = False) -> Chosen:
        rest = self._odd or [kept for at, target in enumerate(self._targets) if at not in used.whole and (kept := cleaned(target))]
        return Chosen(
            class_uid,
            dump(class_members(class_uid, activity_of(class_uid, activity_id, self._version)))[1:-1],
            b"," + dump(used.attributes)[1:-1] if used.attributes else b"",
            used.observables,
            b',"target":%b' % dump(rest) if rest else b"",
            actor_is_user,
            has_service,
        )


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


def _steps(plan: Plan) -> Iterator[tuple[int, int]]:
    """The classes that an event may be, best first."""
    yield plan.class_uid, plan.activity_id
    if plan.class_uid == 3005:
        yield 3001, {1: 7, 2: 8}.get(plan.activity_id, 99)
    if plan.class_uid == 3006:
        yield 3004, plan.entity_id
    if plan.class_uid not in (0, 6003):
        yield 6003, plan.crud_id


def _has_name(target: Mapping[str, Any]) -> bool:
    return short(target.get("id")) is not None or short(target.get("displayName")) is not None


def _named(target: Mapping[str, Any]) -> dict[str, Any]:
    """`name` and `uid`, those that are there."""
    pairs: Sequence[tuple[str, str | None]] = (("name", short(target.get("displayName"))), ("uid", short(target.get("id"))))
    return {name: value for name, value in pairs if value}


def _group(target: Mapping[str, Any]) -> dict[str, Any]:
    return _named(target) | {"type": "UserGroup"}


def _entity_type(told: str | None) -> tuple[int, str]:
    if told is None:
        return 0, "Unknown"
    return _POLICY if told.startswith("Policy") else _ENTITY_TYPES.get(told, (99, told))


def _is_told(target: Mapping[str, Any]) -> bool:
    """Whether id, type and name say all that there is to say of a target."""
    return not _is_news({name: value for name, value in target.items() if name not in ("id", "displayName", "type")}) and all(
        target.get(name) is None or short(target[name]) is not None for name in ("id", "displayName", "type")
    )


def _is_news(rest: Any) -> bool:
    return cleaned(rest) not in _NOTHING_NEW
