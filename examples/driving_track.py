"""Cars on tracks, seen from above: gymnasium's CarRacing-v3, a small circuit in NumPy, and a controller for both.

The controller knows the whole track: it steers towards a point of the centre line ahead of the car (pure pursuit), at
the speed from which it can still brake for every bend to come.
R. C. Coulter, "Implementation of the Pure Pursuit Path Tracking Algorithm", CMU-RI-TR-92-01, 1992.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol, cast

import numpy as np

from environments import Step

ROWS, COLUMNS = 42, 48
#: The half width of a track, and the distance of a car's axles, in units of length that CarRacing's physics uses.
WIDTH, AXLES = 20 / 3, 3.24
#: Frames per action, and seconds per frame.
FRAMES, SECONDS = 2, 0.02


class Controller:
    """Steering, gas and brake for a car on a track whose centre line (n, 2) it knows.

    Its constants were chosen on 40 tracks that are neither for training nor for the test. A lap has to be completed
    within 1000 frames, so the car must be fast; at a sideways acceleration of 150 it loses its grip.
    """

    ahead, per_speed, steering = 5.0, 0.2, 2.0  # the point to steer to: so far ahead, and further at a higher speed
    fastest, sideways, braking = 90.0, 130.0, 100.0  # the highest speed and accelerations
    gas, brake, careful = 0.05, 0.03, 4.0  # per unit of speed too little or too much; less gas with turned wheels

    def __init__(self, centre: np.ndarray) -> None:
        self.centre, self.nearest = centre, 0
        steps = np.roll(centre, -1, axis=0) - centre
        self.spacing = np.hypot(*steps.T).mean()
        heading = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
        turn = np.roll(heading, -3) - np.roll(heading, 3)
        curvature = np.abs(np.angle(np.exp(1j * turn))) / (6 * self.spacing)
        self.speed = np.minimum(self.fastest, np.sqrt(self.sideways / np.maximum(curvature, 1e-6)))
        for i in range(2 * len(centre) - 1, -1, -1):  # twice round: the end of the lap brakes for its beginning
            after = self.speed[(i + 1) % len(centre)]
            here = i % len(centre)
            self.speed[here] = min(self.speed[here], np.sqrt(after**2 + 2 * self.braking * self.spacing))

    def __call__(self, position: np.ndarray, forward: np.ndarray, speed: float) -> np.ndarray:
        """The action. forward: the unit vector of the car's direction."""
        near = (self.nearest + np.arange(-5, 15)) % len(self.centre)  # not all: other parts of the track may be close
        self.nearest = int(near[np.square(self.centre[near] - position).sum(axis=1).argmin()])
        points = round((self.ahead + self.per_speed * speed) / self.spacing)
        x, y = self.centre[(self.nearest + points) % len(self.centre)] - position
        right = x * forward[1] - y * forward[0]
        wheels = np.arctan(2 * AXLES * right / (x * x + y * y))
        slow = self.speed[(self.nearest + 1) % len(self.centre)] - speed
        gas = self.gas * slow * max(0.2, 1 - self.careful * abs(wheels))  # or the rear wheels slide
        action: np.ndarray = np.clip([self.steering * wheels, gas, -self.brake * slow], [-1, 0, 0], [1, 1, 0.8])
        return action


class Car(Protocol):
    """A car at the beginning of a lap. finished: whether the lap is complete."""

    name: str
    controller: Controller
    finished: bool

    @property
    def position(self) -> np.ndarray:
        """The place of the car (2,) on the plane of the track."""

    @property
    def observation(self) -> dict[str, np.ndarray]:
        """The image and the speedometer, a batch of one. It is drawn only where it is asked for."""

    def advice(self) -> np.ndarray:
        """The action (3,) of the controller: steering from -1 (left) to 1, gas and brake from 0 to 1."""

    def step(self, action: np.ndarray) -> Step:
        """As in environments.py, for one car, without what it came to."""

    def picture(self) -> np.ndarray:
        """An image (height, width, 3) for a film."""


class CarRacing:
    """gymnasium's CarRacing-v3. Its steps draw the image, which takes 99 % of their time; here only if it is needed."""

    name = "CarRacing-v3"

    def __init__(self, seed: int) -> None:
        import gymnasium

        self.env = gymnasium.make(self.name, disable_env_checker=True)
        self.world = cast("Any", self.env.unwrapped)
        self.draw = self.world._render
        self.world._render = lambda mode: None
        self.env.reset(seed=seed)
        self.controller, self.finished = Controller(np.array(self.world.track)[:, 2:]), False

    @property
    def position(self) -> np.ndarray:
        return np.array(self.world.car.hull.position)

    @property
    def speed(self) -> float:
        """The length of the hull's velocity."""
        return float(np.hypot(*self.world.car.hull.linearVelocity))

    @cached_property
    def observation(self) -> dict[str, np.ndarray]:
        """As `Car.observation`: without the bar of instruments, at half the resolution."""
        pixels = self.draw("state_pixels")[: 2 * ROWS].reshape(ROWS, 2, COLUMNS, 2, 3)
        image = pixels.mean(axis=(1, 3)).astype(np.uint8)
        return {"image": image[None], "speed": np.array([[self.speed]], np.float32)}

    def advice(self) -> np.ndarray:
        return self.controller(self.position, np.array(self.world.car.hull.GetWorldVector((0, 1))), self.speed)

    def step(self, action: np.ndarray) -> Step:
        self.__dict__.pop("observation", None)  # drawn again when it is next asked for
        total, terminated, truncated = 0.0, False, False
        for _ in range(FRAMES):
            if not (terminated or truncated):
                _, reward, terminated, truncated, info = self.env.step(action)
                total += float(reward)
                self.finished = info.get("lap_finished", False)
        return np.array([total]), np.empty(0), np.array([terminated]), np.array([truncated])

    def picture(self) -> np.ndarray:
        return np.kron(self.draw("state_pixels"), np.ones((2, 2, 1), np.uint8))


class Circuit:
    """A closed curve in NumPy, about a third as long, and a car that slides from a sideways acceleration on.

    grip: that acceleration; limit: the most frames of a lap.
    """

    name, grip, limit = "a circuit in NumPy", 160.0, 400

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        angle = np.linspace(0, 2 * np.pi, 110, endpoint=False)
        size, phase = random.uniform(0.04, 0.12, (2, 1)), random.uniform(0, 2 * np.pi, (2, 1))
        radius = 60 * (1 + (size * np.cos([[2], [3]] * angle + phase)).sum(axis=0))
        centre = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        self.controller, self.position, self.finished = Controller(centre), centre[0], False
        x, y = centre[1] - centre[0]
        self.heading = float(np.arctan2(y, x))
        self.speed, self.wheels, self.frames = 0.0, 0.0, 0
        self.visited = np.zeros(len(centre), bool)

    @property
    def forward(self) -> np.ndarray:
        """The unit vector of the car's direction."""
        return np.array([np.cos(self.heading), np.sin(self.heading)])

    @cached_property
    def observation(self) -> dict[str, np.ndarray]:
        """As `Car.observation`: grey where the centre line is near, at the scale of CarRacing."""
        (x, y), (rows, columns) = self.forward, np.mgrid[:ROWS, :COLUMNS].reshape(2, -1)
        ahead, right = 1.03 * (36 - rows), 1.29 * (columns - COLUMNS / 2 + 0.5)
        points = np.stack([ahead * x + right * y, ahead * y - right * x], axis=1)
        line = self.controller.centre - self.position
        squares = np.square(line).sum(axis=1) - 2 * points @ line.T  # of the distances, less those of the points
        road = (squares.min(axis=1) + np.square(points).sum(axis=1) < WIDTH**2).reshape(ROWS, COLUMNS)
        image = np.where(road[..., None], (102, 102, 102), (100, 204, 100)).astype(np.uint8)
        image[34:38, 23:25] = (200, 0, 0)
        return {"image": image[None], "speed": np.array([[self.speed]], np.float32)}

    def advice(self) -> np.ndarray:
        return self.controller(self.position, self.forward, self.speed)

    def step(self, action: np.ndarray) -> Step:
        self.__dict__.pop("observation", None)
        before, far = self.visited.sum(), False
        steering, gas, brake = np.clip(action, [-0.4, 0, 0], [0.4, 1, 1])
        for _ in range(FRAMES):
            self.wheels += np.clip(steering - self.wheels, -3 * SECONDS, 3 * SECONDS)
            self.speed = max(0.0, self.speed + SECONDS * (40 * gas - 100 * brake - 0.1 * self.speed))
            most = self.grip / max(self.speed, 1.0)
            self.heading -= SECONDS * np.clip(self.speed * np.tan(self.wheels) / AXLES, -most, most)
            self.position = self.position + SECONDS * self.speed * self.forward
            self.frames += 1
            distance = np.hypot(*(self.controller.centre - self.position).T)
            self.visited |= distance < WIDTH
            far |= bool(distance.min() > 4 * WIDTH)
        self.finished = bool(self.visited.all())
        reward = 1000 * (self.visited.sum() - before) / len(self.visited) - 0.1 * FRAMES
        ended = self.finished or far
        return np.array([reward]), np.empty(0), np.array([ended]), np.array([not ended and self.frames >= self.limit])

    def picture(self) -> np.ndarray:
        return np.kron(self.observation["image"][0], np.ones((4, 4, 1), np.uint8))
