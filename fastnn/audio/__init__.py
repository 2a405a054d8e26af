"""Sound: spectra, mel and cepstral features, augmentation, quantization, phase reconstruction, and files.

A sound is an array (samples,), one channel; its rate is in samples per second (Hz). Spectra and features have one row
per frame, (frames, features), so that several sounds are a batch of sequences for `fastnn.data.padded`.
"""

from fastnn.common import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    {
        "fastnn.audio.cepstra": "mfcc",
        "fastnn.audio.companding": "inverse_mu_law mu_law",
        "fastnn.audio.features": "deltas normalize",
        "fastnn.audio.files": "read write",
        "fastnn.audio.masking": "spec_augment",
        "fastnn.audio.mel": "log_mel mel_filters mel_to_magnitude",
        "fastnn.audio.phase": "griffin_lim",
        "fastnn.audio.resampling": "resample",
        "fastnn.audio.spectra": "istft stft",
    },
)
