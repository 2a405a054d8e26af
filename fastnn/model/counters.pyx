"""Counters: how often a network has been trained, by which random numbers, learning rates and corrections go."""

cimport cython
from libc.stdint cimport int64_t


@cython.final
cdef class Counters:
    """The epochs and steps since the network was made, and the updates since it was compiled.

    Shuffling is keyed by the epoch, dropout and augmentation by the step, learning rates and bias corrections by the
    update. They change by these methods alone.
    """

    def __init__(self, int64_t epoch=0, int64_t step=0, int64_t update=0) -> None:
        self.epoch, self.step, self.update = epoch, step, update

    cdef void trained(self, int64_t steps) noexcept:
        self.step += steps
        self.update += steps

    def count_epoch(self) -> None:
        """An epoch is over."""
        self.epoch += 1

    def count_steps(self, int64_t steps) -> None:
        """Training steps, each with an update."""
        self.trained(steps)

    def count_forward(self) -> None:
        """A forward pass in training, which has used the random numbers of a step."""
        self.step += 1

    def count_update(self) -> None:
        """An update without a forward pass."""
        self.update += 1

    def compiled(self) -> Counters:
        """Those of the network when it is compiled again: updates count from 0."""
        return Counters(self.epoch, self.step, 0)

    def copy(self) -> Counters:
        """They as they are now."""
        return Counters(self.epoch, self.step, self.update)

    def restore(self, Counters before) -> None:
        """Puts back what `copy` gave."""
        self.epoch, self.step, self.update = before.epoch, before.step, before.update

    def values(self) -> tuple[int, int, int]:
        """Epoch, step and update, as files hold them."""
        return self.epoch, self.step, self.update

    def __eq__(self, other: object, /) -> bool:
        return isinstance(other, Counters) and self.values() == (<Counters> other).values()

    __hash__ = None

    def __repr__(self) -> str:
        return f"Counters(epoch={self.epoch}, step={self.step}, update={self.update})"
