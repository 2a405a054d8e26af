"""Counters of a network's training, which determine random numbers, learning rates and bias corrections."""

cimport cython
from libc.stdint cimport int64_t


@cython.final
cdef class Counters:
    """The epochs and steps since the network was made, and the updates since it was compiled.

    Shuffling is keyed by the epoch, dropout and augmentation by the step, learning rates and bias corrections by the
    update. Only these methods change them.
    """

    def __init__(self, int64_t epoch=0, int64_t step=0, int64_t update=0) -> None:
        self.epoch, self.step, self.update = epoch, step, update

    cdef void trained(self, int64_t steps) noexcept:
        self.step += steps
        self.update += steps

    def count_epoch(self) -> None:
        """Counts an epoch."""
        self.epoch += 1

    def count_steps(self, int64_t steps) -> None:
        """Counts training steps, each with an update."""
        self.trained(steps)

    def count_forward(self) -> None:
        """Counts a forward pass in training, which has used the random numbers of a step."""
        self.step += 1

    def count_update(self) -> None:
        """Counts an update without a forward pass."""
        self.update += 1

    def compiled(self) -> Counters:
        """The counters after another compile: updates count from 0."""
        return Counters(self.epoch, self.step, 0)

    def copy(self) -> Counters:
        """A copy of the present counts."""
        return Counters(self.epoch, self.step, self.update)

    def restore(self, Counters before) -> None:
        """Restores what `copy` returned."""
        self.epoch, self.step, self.update = before.epoch, before.step, before.update

    def values(self) -> tuple[int, int, int]:
        """Epoch, step and update, as files hold them."""
        return self.epoch, self.step, self.update

    def __eq__(self, other: object, /) -> bool:
        return isinstance(other, Counters) and self.values() == (<Counters> other).values()

    __hash__ = None

    def __repr__(self) -> str:
        return f"Counters(epoch={self.epoch}, step={self.step}, update={self.update})"
