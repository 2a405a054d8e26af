"""Reinforcement learning: what agents are made of. The agents themselves are in the examples.

A loop of Q-learning has these calls:

    net.compile(fnn.Adam(1e-3), loss=None)
    memory = fnn.rl.Replay(50_000, observation=(4,), actions=2, n_step=3)
    learn = fnn.rl.QLearning(net, memory, batch_size=64, target=fnn.rl.Polyak(0.01))
    action = learn.act(observation, epsilon=0.1)
    memory.add(observation, action, reward, next_observation, terminated, truncated)
    loss = learn()
"""

from fastnn.common import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    {
        "fastnn.rl.leaves": "Leaves",
        "fastnn.rl.q_learning": "QLearning",
        "fastnn.rl.replay": "Batch Priority Replay",
        "fastnn.rl.returns": "discounted gae",
        "fastnn.rl.search": "Search",
        "fastnn.rl.target_network": "Every Polyak",
    },
)
