"""Callbacks, called around the epochs and steps of `fit`; and the History that it returns."""

from fastnn.common import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    {
        "fastnn.callbacks.callback": "Callback",
        "fastnn.callbacks.checkpoint": "Checkpoint",
        "fastnn.callbacks.csv_logger": "CSVLogger",
        "fastnn.callbacks.early_stopping": "EarlyStopping",
        "fastnn.callbacks.monitor": "Monitor",
        "fastnn.callbacks.reduce_on_plateau": "ReduceOnPlateau",
        "fastnn.callbacks.tensor_board": "TensorBoard",
        "fastnn.model.diagnosis": "Diagnosis",
        "fastnn.model.history": "History",
    },
)
