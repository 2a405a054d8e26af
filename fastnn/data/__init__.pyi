from fastnn.data.loader import Loader as Loader
