"""Learner: a network that learns from a memory, a whole step in one native call, and chooses actions."""

from __future__ import annotations

from typing import Any

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, int64_t

cimport numpy as cnp
import numpy as np

from fastnn.data.transitions cimport Transitions
from fastnn.engine.guard cimport Hold, hold
from fastnn.engine.op cimport Run
from fastnn.engine.plan cimport Plan
from fastnn.engine.port cimport Port, is_batch, takes
from fastnn.engine.tensor cimport Tensor
from fastnn.model.counters cimport Counters
from fastnn.model.program cimport Program

from fastnn.common import checks
from fastnn.data import arrays

cnp.import_array()


cdef class Learner:
    """What of QLearning runs at each step: the calls that learn and act. `build` and `watch` make the plans."""

    cdef readonly object net          # type: Compiled
    cdef readonly Transitions memory
    cdef readonly Py_ssize_t batch_size
    cdef public int64_t acted         # calls of act so far: the position of its random numbers
    cdef Program program
    cdef object slots, optimizer      # that the program was made for
    cdef Plan actor
    cdef Port eye
    cdef Tensor actions
    cdef object explore

    def __init__(self, net: Compiled, memory: Replay, batch_size: int) -> None:
        self.net, self.memory, self.batch_size = net, memory, batch_size
        self.make()
        self.look_at(self.memory.environments)

    cdef void make(self) except *:
        """Makes the program for the optimizer that the network is compiled with now."""
        self.program, self.slots, self.optimizer = self.build(), self.net.slots, self.net.optimizer

    cdef void look_at(self, Py_ssize_t rows) except *:
        """Makes the plan that acts, for that many observations."""
        self.actor, self.eye, self.actions, self.explore = self.watch(rows)

    def build(self) -> Program:
        """The program of a step."""
        raise NotImplementedError(f"{type(self).__name__}.build is not defined")

    def watch(self, rows: int) -> tuple[Plan, Port, Tensor, Any]:
        """The plan that acts; its port, its results, and its `Explore`."""
        raise NotImplementedError(f"{type(self).__name__}.watch is not defined")

    def __call__(self, Py_ssize_t steps = 1) -> float:
        """Make steps of learning, each an update of the network.

        Several steps run without the GIL: other threads act and add to the memory meanwhile.

        Parameters
        ----------
        steps : int, default 1

        Returns
        -------
        float
            The mean loss of these steps.

        Raises
        ------
        RuntimeError
            Where another thread changes the network.
        ValueError
            For steps < 1, and where the memory has fewer steps than a batch.
        FloatingPointError
            Where the loss is not finite. The step that fails changes nothing.
        """
        cdef Hold held
        if steps < 1:
            raise ValueError(f"steps must be at least 1, got {steps}")
        if self.memory.ready < self.batch_size:
            raise ValueError(
                f"the memory has {self.memory.ready} steps that can be drawn, fewer than the batch of {self.batch_size}"
            )
        held = hold(self.net.guard, "QLearning", True, False)
        held.enter()
        try:
            if self.slots is not self.net.slots or self.optimizer is not self.net.optimizer:
                self.make()
            return self.once() if steps == 1 else self.several(steps)
        finally:
            held.let_go()

    cdef double once(self) except? -1:
        """A step with the GIL: a busy thread would not return it for milliseconds."""
        cdef Plan plan = self.program.plan
        cdef Counters counters = self.net.counters
        cdef double rate = self.program.next_rate(self.net.optimizer, counters)
        cdef Run *run = &plan.shared.run
        plan.begin()
        run.rate, run.step, run.update = &rate, counters.step, counters.update
        plan.position = 0
        plan.advance(self.batch_size, self.batch_size, 0)
        plan.end()
        plan.check()
        counters.trained(1)
        return self.program.loss.last

    cdef double several(self, Py_ssize_t steps) except? -1:
        cdef Plan plan = self.program.plan
        cdef Counters counters = self.net.counters
        cdef Py_ssize_t done = 0, n = self.batch_size, before
        self.program.reset()
        while done < steps:
            rates = self.program.rates_for(steps - done, self.net.optimizer, counters)
            try:
                plan.run((steps - done) * n, n, rates=rates, step=counters.step, update=counters.update)
            finally:
                before = plan.position // n
                counters.trained(before)
                done += before
            PyErr_CheckSignals()
        return self.program.loss.mean

    def act(self, observation: Any, epsilon: float = 0.0) -> Any:
        """Choose actions: those of greatest value, or with probability epsilon any other, each as likely.

        The network's present weights count, also while another thread learns.

        Parameters
        ----------
        observation : array
            One observation, or n of them, (n, ...).
        epsilon : float, default 0
            From 0 to 1.

        Returns
        -------
        int, or array of int64 (n,)

        Raises
        ------
        RuntimeError
            Where another thread acts at the same moment.
        TypeError, ValueError
            For an observation that does not fit or is not finite, and another epsilon.

        Examples
        --------
        See `QLearning`.
        """
        cdef tuple shape = self.memory.shape
        cdef cnp.ndarray array = observation if takes(observation) else arrays.packed(
            arrays.numbers("observation", observation)
        )
        cdef bint one = cnp.PyArray_NDIM(array) == len(shape)
        cdef Py_ssize_t i, rows
        if one:
            array = (<object> array)[None]
        if not is_batch(array, shape):
            got = np.shape(observation)
            raise ValueError(f"observation: expected {shape}, or {checks.batch(shape)}, got {got}")
        if not (type(epsilon) is float and 0 <= epsilon <= 1):
            epsilon = checks.real("epsilon", epsilon, 0, 1)
        rows = cnp.PyArray_DIM(array, 0)
        if rows > self.actor.capacity:
            self.look_at(rows)
        cdef Tensor chosen = self.look(array, rows, epsilon)
        cdef const int32_t *action = <const int32_t *> chosen.data
        if one:
            return action[0]
        cdef cnp.ndarray actions = np.empty(rows, np.int64)
        for i in range(rows):
            (<int64_t *> cnp.PyArray_DATA(actions))[i] = action[i]
        return actions

    cdef Tensor look(self, cnp.ndarray array, Py_ssize_t rows, double epsilon):
        """The actions, in a Tensor of the plan that ran: another call may replace the plan meanwhile."""
        cdef Plan plan = self.actor
        cdef Port eye = self.eye
        cdef Tensor actions = self.actions
        explore = self.explore
        plan.begin()
        try:
            explore.epsilon = epsilon
            eye.point(array, rows)
            plan.position, plan.shared.run.step = 0, self.acted
            plan.advance_alone(rows, rows, 0, plan.nanoseconds)
        finally:
            plan.end()
        plan.check()
        self.acted += 1
        return actions

    def __reduce__(self) -> tuple:
        raise TypeError(f"a {type(self).__name__} cannot be copied; save() writes it to a file")
