"""The doctor tells what is there, and what to do about what is not."""

from __future__ import annotations

import json

import pytest

from mcgurk.cli import doctor, main


def test_packages_come_from_the_metadata() -> None:
    core, extras = doctor.packages(["numpy>=2.1", "no-such-thing>=1", "pytest>=8; extra == 'test'", 'nor-this[a]; extra == "ann"'])
    assert core["numpy"] and core["no-such-thing"] is None
    assert extras["test"]["pytest"] and extras["ann"] == {"nor-this": None}


def test_advice_names_the_command() -> None:
    facts = {
        "packages": {"soxr": None},
        "encoders": {"minilm": False, "lite0": True},
        "cache": {"folder": "c", "writable": False, "free_gb": 0.5},
    }
    advice = "\n".join(doctor.advice(facts))
    for piece in ("pip install soxr", "mcgurk assets install", "MCGURK_CACHE", "0.5 GB"):
        assert piece in advice
    assert "lite0" not in advice


def test_a_broken_package_does_not_silence_the_doctor() -> None:
    def broken() -> None:
        raise OSError("libsndfile is missing")

    assert doctor._try(broken) == "not known: OSError: libsndfile is missing"


def test_both_voices(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["doctor", "--json"])
    facts = json.loads(capsys.readouterr().out)
    assert facts["decoders"]["sound"] and facts["decoders"]["video"] and facts["cores"] >= 1
    with pytest.raises(SystemExit):
        main(["doctor"])
    assert "torch uses" in capsys.readouterr().out
