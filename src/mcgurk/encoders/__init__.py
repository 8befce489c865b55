"""From raw columns to numbers: what is fitted on training rows, what is frozen and cached, what trains with the model.

``encoder="auto"`` is no entry of this table: the estimator resolves it per column with :func:`mcgurk.encoders.auto.default_encoder`.
"""

from mcgurk.registry import Entry, exports

ENTRIES: dict[str, Entry] = {
    "precomputed": Entry(
        "vector:Precomputed",
        role="encoder",
        wants=("vector", "series", "tokens"),
        summary="vectors, or series of vectors, that were computed elsewhere",
        cost="0",
    ),
    "tabular": Entry(
        "tabular:TabularEncoder",
        role="encoder",
        wants=("tabular",),
        summary="numbers, categories, dates and flags of a table as one vector, with flags for missing cells",
        cost="p per row",
    ),
    "tfidf": Entry(
        "tfidf:TfidfEncoder",
        role="encoder",
        wants=("text",),
        summary="term-document matrix with TF-IDF weights: latent components, all terms, or the exact span of the training texts",
        cost="words x components",
        paper="Salton, Buckley 1988, Information Processing & Management; Deerwester et al. 1990, JASIS",
        small={"components": 3},
    ),
    "minilm": Entry(
        "minilm:MiniLMEncoder",
        role="encoder",
        wants=("text",),
        summary="sentence vectors (384) of the packaged all-MiniLM-L6-v2, or one vector a token",
        cost="21e6 x tokens",
        paper="Wang et al. 2020, NeurIPS; Reimers, Gurevych 2019, EMNLP",
    ),
    "efficientnet": Entry(
        "efficientnet:EfficientNetEncoder",
        role="encoder",
        wants=("image",),
        summary="picture vectors (1280) of the packaged EfficientNet-Lite0, its 7 x 7 grid, or its 1000 class probabilities",
        cost="0.4e9 per picture",
        paper="Tan, Le 2019, ICML",
    ),
    "audio_stats": Entry(
        "audio_stats:AudioStats",
        role="encoder",
        wants=("audio",),
        summary="the classic 34 short-term features of a sound with mid-term statistics, one vector (136) or one a second",
        cost="samples x log(frame)",
        paper="Giannakopoulos 2015, PLoS ONE",
    ),
    "log_mel": Entry(
        "log_mel:LogMel",
        role="encoder",
        wants=("audio",),
        summary="log-mel frames as a timed sequence, or their means and standard deviations",
        cost="samples x log(frame)",
        paper="Stevens, Volkmann, Newman 1937, JASA",
        small={"n_mels": 8},
    ),
    "mfcc": Entry(
        "mfcc:Mfcc",
        role="encoder",
        wants=("audio",),
        summary="mel-frequency cepstral coefficients and their slopes as a timed sequence, or their means and standard deviations",
        cost="samples x log(frame)",
        paper="Davis, Mermelstein 1980, IEEE TASSP",
        small={"n": 4},
    ),
    "prosody": Entry(
        "prosody:Prosody",
        role="encoder",
        wants=("audio",),
        summary="pitch, level, voicing and pauses of a voice",
        cost="samples x log(frame)",
        paper="Boersma 1993, IFA Proceedings; Eyben et al. 2016, IEEE TAC",
    ),
    "whisper": Entry(
        "whisper:WhisperEncoder",
        role="encoder",
        wants=("audio",),
        summary="sound vectors (384) of the packaged encoder of Whisper tiny.en, one a sound or a sequence",
        cost="0.2e9 per second of sound",
        paper="Radford et al. 2023, ICML",
    ),
    "series_stats": Entry(
        "series_stats:SeriesStats",
        role="encoder",
        wants=("series",),
        summary="statistics, autocorrelations and octaves of the observed steps, channel by channel",
        cost="T log T",
        paper="Fulcher, Jones 2014, IEEE TKDE",
        small={"lags": (1,), "octaves": 2},
    ),
    "spectrum": Entry(
        "spectrum:SeriesSpectrum",
        role="encoder",
        wants=("series",),
        summary="log power of a series in bands of frequency, whole or in windows",
        cost="T log T",
        paper="Welch 1967, IEEE TAE",
        small={"bands": 3},
    ),
}

__getattr__, __dir__, __all__ = exports(__name__, ENTRIES, {"assets": "", "default_encoder": "auto"})
