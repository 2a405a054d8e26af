from fastnn.audio.cepstra import mfcc as mfcc
from fastnn.audio.companding import inverse_mu_law as inverse_mu_law, mu_law as mu_law
from fastnn.audio.features import deltas as deltas, normalize as normalize
from fastnn.audio.files import read as read, write as write
from fastnn.audio.masking import spec_augment as spec_augment
from fastnn.audio.mel import log_mel as log_mel, mel_filters as mel_filters, mel_to_magnitude as mel_to_magnitude
from fastnn.audio.phase import griffin_lim as griffin_lim
from fastnn.audio.resampling import resample as resample
from fastnn.audio.spectra import istft as istft, stft as stft
