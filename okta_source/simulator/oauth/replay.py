"""Which one-time ids have been used."""

__all__ = ["UsedIds"]

_SWEEP_EVERY = 1000


class UsedIds:
    """Remembers ids until they would be refused anyway."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._sweep_at = _SWEEP_EVERY

    def use(self, used_id: str, until: float, now: float) -> bool:
        """Use an id.

        Args:
            used_id: The id.
            until: Unix time from which on it needn't be remembered.
            now: Unix time.

        Returns:
            Whether this is the first time.
        """
        if len(self._until) >= self._sweep_at:
            self._until = {known: end for known, end in self._until.items() if end > now}
            self._sweep_at = len(self._until) + _SWEEP_EVERY
        if self._until.get(used_id, now) > now:
            return False
        self._until[used_id] = until
        return True
