from fastnn.rl.q_learning import QLearning as QLearning
from fastnn.rl.replay import Batch as Batch, Priority as Priority, Replay as Replay
from fastnn.rl.returns import discounted as discounted, gae as gae
from fastnn.rl.search import Leaves as Leaves, Search as Search
from fastnn.rl.target_network import Every as Every, Polyak as Polyak
