from __future__ import annotations

import io

import soundfile

from mcgurk.datasets import load_speech


def test_nine_recordings_with_their_words():
    X = load_speech()
    assert X.names == ("audio", "transcript")
    assert X.shape == (9,)
    assert X["audio"].present.all()
    assert X["audio"].kind == "audio"
    assert X.rows["speaker"].nunique() == 2
    assert (X.rows["group"] == X.rows["speaker"]).all()
    for content, seconds in zip(X["audio"].items, X.rows["seconds"]):
        samples, rate = soundfile.read(io.BytesIO(content))
        assert rate == 16000
        assert samples.ndim == 1
        assert abs(len(samples) / rate - seconds) < 1e-4
        assert 0.01 < abs(samples).max() <= 1
    for words, seconds in zip(X["transcript"].items, X.rows["seconds"]):
        assert words == words.lower().strip()
        assert 1 < len(words.split()) / seconds < 5
