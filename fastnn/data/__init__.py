"""Input data: users' arrays, files and datasets, read ahead in batches; padding; vocabularies; weights of classes."""

from fastnn.common import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    {
        "fastnn.data": "augment",
        "fastnn.data.loader": "Loader",
        "fastnn.data.padding": "buckets padded",
        "fastnn.data.vocabulary": "Vocabulary",
    },
)
