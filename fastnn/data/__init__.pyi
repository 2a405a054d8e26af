from fastnn.data import augment as augment
from fastnn.data.loader import Loader as Loader
from fastnn.data.padding import buckets as buckets, padded as padded
from fastnn.data.vocabulary import Vocabulary as Vocabulary
