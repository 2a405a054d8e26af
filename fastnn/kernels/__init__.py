"""The Ops: each a kernel of csrc bound to its buffers. They check shapes when made; calling one runs it."""

from fastnn.common import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__)
