from fastnn.callbacks.callback import Callback as Callback
from fastnn.callbacks.checkpoint import Checkpoint as Checkpoint
from fastnn.callbacks.csv_logger import CSVLogger as CSVLogger
from fastnn.callbacks.early_stopping import EarlyStopping as EarlyStopping
from fastnn.callbacks.monitor import Monitor as Monitor
from fastnn.callbacks.reduce_on_plateau import ReduceOnPlateau as ReduceOnPlateau
from fastnn.callbacks.tensor_board import TensorBoard as TensorBoard
from fastnn.model.history import History as History
