from fastnn.architectures.images import lenet as lenet, resnet as resnet, unet as unet
from fastnn.architectures.speech import conformer as conformer
from fastnn.architectures.transformers import gpt as gpt, transformer as transformer
