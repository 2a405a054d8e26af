from fastnn.data import augment as augment
from fastnn.data.loader import Loader as Loader
