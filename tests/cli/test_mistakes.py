"""What a new user gets wrong is answered in one sentence with a code, never with a traceback or a fault inside mcgurk."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from mcgurk.cli import main

MISTAKES = {
    "frobnicate": "E01",
    "compare": "E01",
    "compare missing.csv --target y": "F02",
    "compare good.csv": "C02",
    "compare good.csv --target price": "D01",
    "compare good.csv --target y --budget lots": "C02",
    "compare good.csv --target y --metric lots": "U01",
    "compare good.csv --target y --task lots": "C02",
    "compare good.csv --target y --fusion lowrnk": "U01",
    "compare good.csv --target y --candidate nobody": "C02",
    "describe empty.csv": "D03",
    "describe header.csv": "S01",
    "describe ragged.csv": "D04",
    "describe binary.csv": "D04",
    "describe table.xlsx": "D03",
    "describe folder": "D03",
    "describe photos.csv": "I04",
    "describe good.csv --image nope": "D01",
    "describe good.csv --rows 0": "E01",
    "describe good.csv --separator ';;'": "C02",
    "describe good.csv --encoding utf-9": "X01",
    "fit good.csv --target y": "E01",
    "fit good.csv --target y -o m.mcgurk --fusion lowrnk": "U01",
    "fit good.csv --target y -o m.mcgurk --set epoch=3": "C02",
    "fit good.csv --target y -o m.mcgurk --encoder words": "C02",
    "fit good.csv --target y -o m.mcgurk --encoder nope=tfidf": "U01",
    "fit good.csv --target y -o m.mcgurk --encoder words=image_stats": "D01",
    "predict missing.mcgurk good.csv -o out.csv": "S03",
    "predict binary.csv good.csv -o out.csv": "S07",
    "predict binary.csv good.csv -o out.xlsx": "C02",
    "explain binary.csv good.csv": "S07",
    "encode good.csv -o out.txt": "C02",
    "verify missing": "S03",
    "verify folder": "S05",
    "check nothing": "U01",
    "check fusion:nothing": "U01",
    "datasets show nothing": "U01",
    "datasets export emoji -o out --set n=many": "C02",
    "datasets export emoji -o out --set m=3": "U01",
    "assets install nothing": "U01",
    "demo --rows 3": "E01",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mistakes")
    lines = [f"{'warm day' if i % 2 else 'cold night with rain'} number {i},{i},{i % 2}" for i in range(24)]
    (folder / "good.csv").write_text("words,size,y\n" + "\n".join(lines) + "\n")
    (folder / "empty.csv").write_bytes(b"")
    (folder / "header.csv").write_text("a,b\n")
    (folder / "ragged.csv").write_text("a,b\n1,2\n3\n")
    (folder / "binary.csv").write_bytes(bytes((7 * i * i + 13 * i) % 251 for i in range(3000)) + b"\n,\n,,\n")
    (folder / "table.xlsx").write_bytes(b"PK\x03\x04")
    (folder / "photos.csv").write_text("photo,y\ngone/a.jpg,1\ngone/b.jpg,0\n")
    (folder / "folder").mkdir()
    return folder


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("line", "code"), MISTAKES.items(), ids=list(MISTAKES))
def test_mistake(line: str, code: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(place)
    with pytest.raises(SystemExit) as ended:
        main([*shlex.split(line), "--json"])
    said = json.loads(capsys.readouterr().out.splitlines()[-1])["error"]
    assert said["code"] == code and ended.value.code == (2 if code == "E01" else 1), said
    assert "\n" not in said["message"] and "Traceback" not in said["message"]
