"""The partitions of a sink: one for each tenant, in the order of the source's, so that Bytewax puts both on the same worker."""

from collections.abc import Sequence

from sinks.paths import safe_name

__all__ = ["TenantPartitions"]


class TenantPartitions:
    """A sink's partitions by tenant.

    Args:
        sink_name: The sink's name, for messages.
        tenants: All tenants of the source, retired ones and those that the sink's filter leaves out included: Bytewax assigns partitions to
            workers by position.
    """

    def __init__(self, sink_name: str, tenants: Sequence[str]) -> None:
        self._sink_name = sink_name
        self.names = sorted({safe_name(tenant) for tenant in tenants})
        self._indices = {name: index for index, name in enumerate(self.names)}

    def index_of(self, tenant: str) -> int:
        """The tenant's position: Bytewax takes what `part_fn` returns as an index into the sorted partitions.

        Raises:
            ValueError: The tenant was not among the constructor's.
        """
        try:
            return self._indices[tenant]
        except KeyError:
            message = f"sink {self._sink_name!r} got events of the unknown tenant {tenant!r}"
            raise ValueError(message) from None
