"""Boxes and masks: what detection and segmentation need around a network.

Boxes are arrays (n, 4) of left, top, right, bottom, in pixels from the top left corner of the image; right and bottom
are exclusive, so that a box of one pixel at the corner is 0, 0, 1, 1. No boxes are an array (0, 4), or an empty list.
A detector in outline, where f(x) returns the three outputs of a network of your own:

    grid = fnn.vision.CentreGrid((416, 416), stride=16, classes=3)
    objectness, labels, offsets_and_sizes = map(np.stack, zip(*(grid.encode(*each) for each in truth)))  # to train
    found = grid.decode(*f(x), threshold=0.3)                                                           # to predict
    fnn.metrics.average_precision(found, truth)
"""

from fastnn.common import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    {
        "fastnn.vision.boxes": "area box_iou",
        "fastnn.vision.centres": "CentreGrid CentreTargets",
        "fastnn.vision.flipping": "flip",
        "fastnn.vision.mosaics": "mosaic",
        "fastnn.vision.pasting": "paste",
        "fastnn.vision.suppression": "suppress",
    },
)
