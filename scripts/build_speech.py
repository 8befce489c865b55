"""Rebuild ``src/mcgurk/datasets/embedded/speech`` bit for bit from the unpacked Debian package pocketsphinx-testdata.

    apt-get download pocketsphinx-testdata=0.8+5prealpha+1-15
    dpkg-deb -x pocketsphinx-testdata_*.deb packages
    python scripts/build_speech.py packages

The samples are kept exactly (16 kHz, 16 bit); FLAC only packs them.
"""

from __future__ import annotations

import argparse
import io
import json
import re
from pathlib import Path

import soundfile

from mcgurk.datasets import embedded
from mcgurk.files import atomic_write

SOURCES = (
    ("librivox", "transcription", "librivox-reader", "Jane Austen, Sense and Sensibility, chapter 1, read for LibriVox"),
    ("cards", "cards.transcription", "cards", "names of playing cards, CMU Sphinx test recordings"),
)


LEFT_OUT = ("004",)  # "five five" names no card; without it the folder stays below 600 kB


def utterances(folder: Path, transcription: str) -> list[tuple[str, str]]:
    """(file stem, words) of each line ``<s> words </s> (stem)``."""
    lines = (folder / transcription).read_text("utf-8").splitlines()
    found = [re.fullmatch(r"<s>(.*)</s>\s*\((.+)\)", line.strip()) for line in lines if line.strip()]
    return [(m[2], " ".join(m[1].split())) for m in found if m]


def build(packages: Path, out: Path) -> None:
    test = packages / "usr" / "share" / "pocketsphinx" / "test" / "data"
    contents: dict[str, bytes] = {}
    index = []
    for folder, transcription, speaker, source in SOURCES:
        for stem, words in utterances(test / folder, transcription):
            if stem in LEFT_OUT:
                continue
            samples, rate = soundfile.read(test / folder / f"{stem}.wav", dtype="int16")
            name = f"{folder}-{stem.rpartition('-')[2]}.flac"
            packed = io.BytesIO()
            soundfile.write(packed, samples, rate, format="FLAC", subtype="PCM_16", compression_level=1.0)
            contents[name] = packed.getvalue()
            seconds = round(len(samples) / rate, 4)
            index.append({"file": name, "transcript": words, "speaker": speaker, "source": source, "seconds": seconds})
    contents["speech.json"] = (json.dumps(index, indent=1) + "\n").encode()
    notice = (packages / "usr/share/doc/pocketsphinx-testdata/copyright").read_text("utf-8")
    begin, end = notice.index("Files: *"), notice.index("Files: doc/doxy2swig.py")
    head = (
        "The recordings come from the test data of CMU PocketSphinx (0.8+5prealpha), packed as FLAC without change of a sample.\n"
        "The five sentences of Sense and Sensibility (1811) are LibriVox recordings, which LibriVox dedicates to the public domain.\n\n"
    )
    body = "\n".join("" if line.strip() == "." else line.removeprefix(" ") for line in notice[begin:end].strip().splitlines())
    contents["LICENSE-BSD.txt"] = (head + body + "\n").encode()
    for name, content in contents.items():
        atomic_write(out / name, content)
    versions = {"soundfile": soundfile.__version__, "libsndfile": soundfile.__libsndfile_version__}
    embedded.write_manifest(out, contents, source="pocketsphinx-testdata 0.8+5prealpha+1-15 (Debian)", made_with=versions)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", type=Path, help="folder into which the package was unpacked")
    parser.add_argument("-o", "--out", type=Path, default=embedded.FOLDER / "speech")
    arguments = parser.parse_args()
    build(arguments.packages, arguments.out)
