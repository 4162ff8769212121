"""From a set of paths to what reads them, and only them, from an event's bytes.

`FieldReader` makes a tree of msgspec structs that hold just these members: all else in the event is skipped without an object being made
of it. Of a 2 KB event, five members take 1.4 times as long as one, and all of them in a plain tree five times as long (measured).

The types of the structs allow any JSON value everywhere, so an event that isn't shaped as Okta documents (a text for an object, an object
for an array) is read like any other: what isn't there is `MISSING`. `TreeReader` reads whole events into plain objects, with the same
accessors; it is the fallback for what msgspec refuses, such as half of a surrogate pair or bytes that are no UTF-8 (they are read as
replacement characters), and the judge of the structs in the tests.

A path's names may be written in any case. In an event, those that Okta documents are looked up as Okta writes them, which is what structs
can do; those that it leaves open, in any case.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from operator import attrgetter
from typing import Any, Final

import msgspec

from okta_source.events.fields.catalogue import OKTA_FIELDS, PIPELINE_FIELDS, canonical
from okta_source.events.fields.values import MISSING, walk
from okta_source.events.fields.virtual import TENANT_MEMBER, find_virtual

__all__ = ["Accessor", "FieldReader", "TreeReader", "beside"]

Accessor = Callable[[Any], Any]
"""Takes a decoded event; gives the value at a path, a list of values where an array is on the way, or `MISSING`."""

_KNOWN: Final = frozenset((*OKTA_FIELDS, *PIPELINE_FIELDS))
# The second: bytes that are no UTF-8 in a text that is read.
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_OTHERS: Final[Any] = str | int | float | bool | None | msgspec.UnsetType


class _Node:
    """A member that is read: whole, or some of its own members."""

    def __init__(self) -> None:
        self.inner: dict[str, _Node] = {}
        self.whole = False
        self.attribute = ""
        self.struct: type[Any] | None = None

    def add(self, segments: Sequence[str], known: str = "") -> None:
        """Note that a path is read; below what Okta doesn't document, objects are read whole, since their names may differ in case."""
        if not segments or f"{known}{segments[0]}" not in _KNOWN:
            self.whole = True
            return
        self.inner.setdefault(segments[0], _Node()).add(segments[1:], f"{known}{segments[0]}.")

    def build(self, numbers: Iterator[int], head: type[msgspec.Struct] | None = None) -> Any:
        """The type of this member, with structs for what is below it; of an event, with a head's own members too."""
        if self.whole:
            return Any
        fields, names = [], {}
        for name, node in self.inner.items():
            node.attribute = f"m{next(numbers)}"
            kind = node.build(numbers)
            # An object that isn't there is read like an empty one, so that mostly a path can be followed without a look at each step.
            fields.append((node.attribute, kind, MISSING if node.struct is None else node.struct()))
            names[node.attribute] = name
        bases = (head,) if head is not None else None
        self.struct = msgspec.defstruct("Members", fields, bases=bases, rename=names, gc=False, frozen=True)
        # An array holds the same objects; one type can't name both an array of structs and be one of them, so the array's are named apart.
        element = self.struct | list[Any] | _OTHERS
        return self.struct | list[element] | _OTHERS  # type: ignore[valid-type]


class FieldReader:
    """Reads some fields of events.

    Args:
        paths: Dotted paths, in any case; virtual ones too. The empty one is the event as a whole.
        head: A struct whose members are read in the same pass, so that what is decoded is one of it: see `beside`.

    Attributes:
        paths: The paths as they were given, each once.
    """

    def __init__(self, paths: Iterable[str], head: type[msgspec.Struct] | None = None) -> None:
        self.paths = tuple(dict.fromkeys(paths))
        self._root = _Node()
        sources = [source for path in self.paths for source in _sources(path)]
        for source in sources:
            self._root.add(source.split("."))
        if not self._root.whole:
            self._root.build(count(), head)
        self._wants_tenant = TENANT_MEMBER in sources
        decoder = msgspec.json.Decoder(self._root.struct or dict[str, Any])
        self._decode, self._decode_lines = decoder.decode, decoder.decode_lines
        self._virtual = {path: virtual for path in self.paths if (virtual := find_virtual(path)) is not None}
        plain = [path for path in self.paths if path not in self._virtual]
        made_of = [source for virtual in self._virtual.values() for source in virtual.sources]
        self._ways = {path: self._member(canonical(path)) for path in (*plain, *made_of)}
        self._straight = dict(self._straight_ways())

    def decode(self, data: bytes | memoryview | msgspec.Raw, tenant: str = "") -> Any:
        """Read an event.

        Args:
            data: The event's bytes, brace to brace.
            tenant: Whose it is, for the field `tenant`; what this pipeline has written says so itself.

        Returns:
            Something for the accessors of this reader only.
        """
        try:
            event = self._decode(data)
        except _UNREADABLE:
            event = self._tolerate(_tree(data))
        if tenant and self._wants_tenant:
            if type(event) is dict:
                event[TENANT_MEMBER] = tenant
            else:
                event = msgspec.structs.replace(event, **{self._root.inner[TENANT_MEMBER].attribute: tenant})
        return event

    def decode_all(self, events: Sequence[bytes | msgspec.Raw], tenant: str = "") -> list[Any]:
        """Read some events of one tenant; the same as one by one, and faster."""
        if not self._wants_tenant:
            try:
                return list(map(self._decode, events))
            except _UNREADABLE:
                pass
        return [self.decode(data, tenant) for data in events]

    def decode_lines(self, block: bytes) -> list[Any]:
        """Read lines that say themselves whose they are, an event each.

        Raises:
            msgspec.DecodeError, UnicodeDecodeError, RecursionError: Some line can't be read so; `decode` takes more.
        """
        return self._decode_lines(block)

    def accessor(self, path: str) -> Accessor:
        """What gives a path's value.

        Raises:
            KeyError: The path isn't among this reader's.
        """
        if path not in self.paths:
            raise KeyError(path)
        return _accessor(path, self._member)

    def column(self, path: str, events: Sequence[Any]) -> list[Any]:
        """A path's value in each of some decoded events.

        Raises:
            KeyError: The path isn't among this reader's.
        """
        straight = self._straight.get(path)
        if straight is not None:
            try:
                return list(map(straight, events))
            except AttributeError:
                pass  # null, or what an event has in the place of an object
        virtual = self._virtual.get(path)
        if virtual is not None:
            return list(map(virtual.make, *(self.column(source, events) for source in virtual.sources)))
        return list(map(self._ways[path], events))

    def _straight_ways(self) -> Iterator[tuple[str, Accessor]]:
        """What reads those paths that lead through objects alone, where every event has them: all in C."""
        for path in self._ways:
            node, attributes = self._root, []
            for segment in canonical(path).split("."):
                if node.whole or segment not in node.inner:
                    break
                node = node.inner[segment]
                attributes.append(node.attribute)
            else:
                if attributes:
                    yield path, attrgetter(".".join(attributes))

    def _tolerate(self, tree: dict[str, Any]) -> Any:
        """A struct that holds plain objects: its accessors find their way through them too."""
        if self._root.struct is None:
            return tree
        return self._root.struct(**{node.attribute: tree.get(name, MISSING) for name, node in self._root.inner.items()})

    def _member(self, path: str) -> Accessor:
        if not path:
            return _without_tenant
        segments = path.split(".")
        nodes: list[_Node] = []
        node = self._root
        for segment in segments:
            if node.whole:
                break
            node = node.inner[segment]
            nodes.append(node)
        if not nodes:
            return _of_tree(segments)
        owners = [self._root, *nodes[:-1]]
        steps = [(owner.struct, node.attribute) for owner, node in zip(owners, nodes, strict=True) if owner.struct is not None]
        return _of_structs(steps, segments, len(nodes))


def beside(head: type[msgspec.Struct], paths: Iterable[str]) -> list[str]:
    """Those paths that a `FieldReader` can read in one pass with a head: what Okta documents, and is no member of the head's own."""
    own = {field.encode_name for field in msgspec.structs.fields(head)}
    return [path for path in paths if path and all((top := source.split(".")[0]) in _KNOWN and top not in own for source in _sources(path))]


class TreeReader:
    """The same, reading each event whole into plain objects."""

    def decode(self, data: bytes | memoryview | msgspec.Raw, tenant: str = "") -> Any:
        """Read an event, see `FieldReader.decode`."""
        try:
            tree = msgspec.json.decode(data, type=dict[str, Any])
        except _UNREADABLE:
            tree = _tree(data)
        if tenant:
            tree[TENANT_MEMBER] = tenant
        return tree

    def accessor(self, path: str) -> Accessor:
        """What gives a path's value."""
        return _accessor(path, lambda own: _of_tree(own.split(".")) if own else _without_tenant)


def _sources(path: str) -> tuple[str, ...]:
    virtual = find_virtual(path)
    return tuple(map(canonical, virtual.sources if virtual else (path,)))


def _accessor(path: str, member: Callable[[str], Accessor]) -> Accessor:
    virtual = find_virtual(path)
    sources = [member(source) for source in _sources(path)]
    if virtual is None:
        return sources[0]
    make = virtual.make
    return lambda event: make(*[source(event) for source in sources])


def _without_tenant(event: Any) -> Any:
    """An event as Okta sent it; whose it is was put there for the field `tenant`."""
    if type(event) is dict and TENANT_MEMBER in event:
        return {name: value for name, value in event.items() if name != TENANT_MEMBER}
    return event


def _of_tree(segments: Sequence[str]) -> Accessor:
    exact = _documented(segments)
    return lambda event: walk(event, segments, exact)


def _documented(segments: Sequence[str]) -> int:
    """How many of a path's names Okta documents, from the first on."""
    return next((place for place in range(len(segments)) if ".".join(segments[: place + 1]) not in _KNOWN), len(segments))


def _of_structs(steps: Sequence[tuple[type[Any], str]], segments: Sequence[str], reached: int) -> Accessor:
    """What goes from struct to struct, and through anything else by walking.

    Args:
        steps: The struct that has each member, and its attribute there.
        segments: The path's names, for where an event holds plain objects in the structs' place.
        reached: How many of them lead to the last member; the others to what is below it.
    """
    first = attrgetter(steps[0][1])
    rest, exact = segments[reached:], _documented(segments)
    if len(steps) == 1:
        return (lambda event: walk(first(event), rest, exact - reached)) if rest else first
    attributes = dict(steps)
    straight = attrgetter(".".join(attribute for _, attribute in steps))

    def get(event: Any) -> Any:
        try:
            value = straight(event)
        except AttributeError:  # null, an array, or something odd in the place of an object
            return follow(first(event), 1)
        return walk(value, rest, exact - reached) if rest else value

    def follow(value: Any, place: int) -> Any:
        for index in range(place, len(segments)):
            attribute = attributes.get(type(value))
            if attribute is not None:
                value = getattr(value, attribute)
            elif type(value) is list:
                found = [inner for element in value if (inner := follow(element, index)) is not MISSING]
                return found or MISSING
            else:
                return walk(value, segments[index:], exact - index)
        return value

    return get


def _tree(data: bytes | memoryview | msgspec.Raw) -> dict[str, Any]:
    """An event as plain objects where msgspec refuses it; empty where nobody can read it."""
    try:
        tree = json.loads(bytes(memoryview(data)).decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return {}
    return tree if type(tree) is dict else {}
