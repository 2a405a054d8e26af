"""A small, fast neural-network framework for the CPU: arrays in, arrays out, one native call a step."""

from fastnn.common import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    {
        "fastnn": """
            activations architectures audio callbacks data datasets decode initializers inspection layers losses metrics
            optimizers rl schedules vision
        """,
        "fastnn._version": "__version__",
        "fastnn.callbacks": "CSVLogger Callback Checkpoint Diagnosis EarlyStopping History ReduceOnPlateau TensorBoard",
        "fastnn.engine.config": "show_config",
        "fastnn.engine.thread_count": "get_num_threads set_num_threads threads",
        "fastnn.layers": """
            ELU GLU GRU LSTM Activation Add AvgPool1D AvgPool2D BatchNorm Bidirectional Clip Composite Concatenate
            Conv1D Conv1DTranspose Conv2D Conv2DTranspose Crop1D Crop2D Cutout Dense DepthwiseConv1D DepthwiseConv2D
            Dropout Dueling Embedding Flatten GaussianNoise GaussianSample GlobalAvgPool GlobalMaxPool GroupNorm Layer
            LayerNorm LeakyReLU Mask Maxout MaxPool1D MaxPool2D Mean MultiHeadAttention Multiply Parameter Permute
            PositionEmbedding PReLU PythonLayer RandomBrightness RandomContrast RandomFlip RandomRotation RandomShift
            RepeatVector Rescale Reshape RMSNorm SeparableConv1D SeparableConv2D SimpleRNN Slice Subtract Take TiedDense
            TimeDistributed TransformerDecoderBlock TransformerEncoderBlock UpSample1D UpSample2D ZeroPad1D ZeroPad2D
        """,
        "fastnn.layers.input": "Input",
        "fastnn.network": "Network Sequential load",
        "fastnn.optimizers": "LBFGS SGD Adadelta Adagrad Adam AdamW Lion Nadam Optimizer RMSprop Rprop",
        "fastnn.perceptron": "Perceptron",
        "fastnn.training.gradient_penalty": "gradient_penalty",
        "fastnn.training.gradients": "check_gradients",
    },
)
