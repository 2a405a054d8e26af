"""Returns and advantages against their definitions."""

import numpy as np
import pytest

import fastnn as fnn
from check import generator


def by_definition(reward: np.ndarray, ended: np.ndarray, factor: float, last: np.ndarray) -> np.ndarray:
    """The sum over the rest of the episode, term by term."""
    time, count = reward.shape
    result = np.zeros((time, count))
    for t in range(time):
        for e in range(count):
            for k in range(t, time):
                result[t, e] += factor ** (k - t) * reward[k, e]
                if ended[k, e]:
                    break
            else:
                result[t, e] += factor ** (time - t) * last[e]
    return result


def test_discounted() -> None:
    random = generator(0)
    reward, ended, last = random.standard_normal((30, 4)), random.random((30, 4)) < 0.2, random.standard_normal(4)
    expected = by_definition(reward, ended, 0.9, last)
    np.testing.assert_allclose(fnn.rl.discounted(reward, ended, 0.9, last), expected, rtol=1e-6)
    np.testing.assert_allclose(fnn.rl.discounted(reward[:, 0], ended[:, 0], 0.9, last[0]), expected[:, 0], rtol=1e-6)
    assert fnn.rl.discounted(reward, ended, 0.9, 0.0).dtype == np.float32


def test_gae() -> None:
    random = generator(1)
    reward, value, final = random.standard_normal((3, 25, 3))
    terminated, truncated = random.random((2, 25, 3)) < 0.15
    last = random.standard_normal(3)
    following = np.where(truncated, final, np.vstack([value[1:], last[None]]))
    error = reward + 0.9 * np.where(terminated, 0, following) - value
    expected = by_definition(error, terminated | truncated, 0.9 * 0.8, np.zeros(3))
    advantage, target = fnn.rl.gae(reward, value, terminated, last, 0.9, 0.8, truncated, final)
    np.testing.assert_allclose(advantage, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(target, expected + value, rtol=1e-5, atol=1e-6)
    one = fnn.rl.gae(reward[:, 1], value[:, 1], terminated[:, 1], last[1], 0.9, 0.8, truncated[:, 1], final[:, 1])
    np.testing.assert_array_equal(one[0], advantage[:, 1])


def test_lambda_one_is_the_return() -> None:
    random = generator(2)
    reward, value = random.standard_normal((2, 20))
    ended = random.random(20) < 0.2
    advantage, target = fnn.rl.gae(reward, value, ended, 0.5, 0.95, 1.0)
    np.testing.assert_allclose(target, fnn.rl.discounted(reward, ended, 0.95, 0.5), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(advantage, target - value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"reward": np.zeros((2, 2, 2))}, "reward: expected"),
        ({"reward": np.zeros(0)}, "reward: expected"),
        ({"reward": [1.0, np.nan]}, "reward: expected finite numbers"),
        ({"terminated": [True]}, "expected bools of shape"),
        ({"terminated": [0.5, 1]}, "expected bools"),
        ({"value": [1.0]}, r"value: expected shape \(2,\), got \(1,\)"),
        ({"last": [1.0, 2.0, 3.0]}, "last: expected a finite number"),
        ({"last": np.inf}, "last: expected a finite number"),
        ({"gamma": 1.5}, "gamma"),
        ({"lam": -1}, "lam"),
        ({"truncated": ["no", "no"]}, "truncated"),
    ],
)
def test_bad_input(wrong: dict, message: str) -> None:
    good = {"reward": [1.0, 1.0], "value": [0.0, 0.0], "terminated": [False, False], "last": 0.0}
    with pytest.raises((TypeError, ValueError), match=message):
        fnn.rl.gae(**{**good, **wrong})
