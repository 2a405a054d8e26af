from fastnn.architectures.classifiers import alexnet as alexnet, lenet as lenet, resnet as resnet, vgg as vgg
from fastnn.architectures.segmentation import unet as unet
from fastnn.architectures.speech import conformer as conformer
from fastnn.architectures.transformers import gpt as gpt, transformer as transformer
