"""What rivals have in common, whatever the network: lasting inference, JAX's training step, ONNX Runtime's session."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

#: Contexts that last as long as the process: to enter one at each call would count against the rival.
LASTING = ExitStack()


def jax_training(
    parameters: Any, loss_of: Callable[..., Any], optimizer: str, rate: float, momentum: float = 0.0
) -> Callable[..., float]:
    """A training step of SGD or Adam: one compiled call, its state donated. loss_of(parameters, *batch)."""
    import jax
    import jax.numpy as jnp

    tree = jax.tree_util.tree_map

    def update(state: Any, *batch: Any) -> Any:
        p, m, v, t = state
        loss, g = jax.value_and_grad(loss_of)(p, *batch)
        if optimizer == "SGD":
            m = tree(lambda m, g: momentum * m + g, m, g) if momentum else m
            return (tree(lambda p, m: p - rate * m, p, m if momentum else g), m, v, t), loss
        t += 1
        m = tree(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = tree(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        step, root = rate / (1 - 0.9**t), jnp.sqrt(1 - 0.999**t)
        return (tree(lambda p, m, v: p - step * m / (jnp.sqrt(v) / root + 1e-8), p, m, v), m, v, t), loss

    step, adam = jax.jit(update, donate_argnums=0), optimizer == "Adam"
    slots = [tree(jnp.zeros_like, parameters) if kept else () for kept in (adam or momentum, adam)]
    state = [(parameters, *slots, jnp.float32(0))]

    def train(*batch: Any) -> float:
        state[0], loss = step(state[0], *batch)
        return float(loss)

    return train


def onnxruntime_session(model: bytes, threads: int) -> Any:
    """A session with all of its graph optimizations, on that many threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
