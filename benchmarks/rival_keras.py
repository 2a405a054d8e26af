"""Keras on JAX, on dense networks: its functions without state, compiled as its guide to training loops in JAX shows.

`train_on_batch` and `predict_on_batch` do the same and take longer.
"""

import os
from typing import Any

import numpy as np

from fastnn.bench.contest import Task
from fastnn.bench.workloads import AnyWorkload, Workload


def keras_task(workload: AnyWorkload, threads: int) -> Task | None:
    """A training step, or the outputs for a batch or a single sample."""
    if not isinstance(workload, Workload) or workload.kind not in ("train", "predict", "one"):
        return None
    os.environ |= {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    import jax
    import keras

    jax.config.update("jax_cpu_enable_async_dispatch", workload.flops > 1e7)
    keras.utils.set_random_seed(0)
    *hidden, last = workload.sizes[1:]
    layers = [keras.layers.Dense(units, workload.activation) for units in hidden]
    model = keras.Sequential([keras.Input(workload.sizes[:1]), *layers, keras.layers.Dense(last)])
    fixed = [each.value for each in model.non_trainable_variables]
    weights = [each.value for each in model.trainable_variables]
    if workload.kind != "train":
        run = jax.jit(lambda x: model.stateless_call(weights, fixed, x)[0])
        if workload.kind == "one":
            return Task(lambda x: np.asarray(run(x[None])), workload.batches())
        return Task(lambda x: np.asarray(run(x)), workload.batches())
    optimizer = getattr(keras.optimizers, workload.optimizer)(workload.rate)
    optimizer.build(model.trainable_variables)

    def loss_of(weights: Any, x: Any, y: Any) -> Any:
        logits, _ = model.stateless_call(weights, fixed, x, training=True)
        return keras.losses.sparse_categorical_crossentropy(y, logits, from_logits=True).mean()

    def update(state: Any, x: Any, y: Any) -> Any:
        weights, slots = state
        loss, gradients = jax.value_and_grad(loss_of)(weights, x, y)
        return optimizer.stateless_apply(slots, gradients, weights), loss

    compiled, state = jax.jit(update, donate_argnums=0), [(weights, [each.value for each in optimizer.variables])]

    def step(x: np.ndarray, y: np.ndarray) -> float:
        state[0], loss = compiled(state[0], x, y)
        return float(loss)

    return Task(step, [(x, y.astype(np.int32)) for x, y in workload.batches()])
