from fastnn.vision.boxes import area as area, box_iou as box_iou
from fastnn.vision.centres import CentreGrid as CentreGrid, CentreTargets as CentreTargets
from fastnn.vision.flipping import flip as flip
from fastnn.vision.mosaics import mosaic as mosaic
from fastnn.vision.pasting import paste as paste
from fastnn.vision.suppression import suppress as suppress
