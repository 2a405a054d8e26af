from fastnn.callbacks.callback import Callback as Callback
from fastnn.callbacks.checkpoint import Checkpoint as Checkpoint
from fastnn.callbacks.early_stopping import EarlyStopping as EarlyStopping
from fastnn.callbacks.monitor import Monitor as Monitor
from fastnn.callbacks.reduce_on_plateau import ReduceOnPlateau as ReduceOnPlateau
from fastnn.model.history import History as History
