from fastnn.rl.leaves import Leaves as Leaves
from fastnn.rl.q_learning import QLearning as QLearning
from fastnn.rl.replay import Batch as Batch, Priority as Priority, Replay as Replay
from fastnn.rl.returns import discounted as discounted, gae as gae
from fastnn.rl.search import Search as Search
from fastnn.rl.target_network import Every as Every, Polyak as Polyak
