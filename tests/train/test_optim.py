"""Optimisers by glob, Adam's quick step, schedules."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from mcgurk.errors import DataError, UnknownName
from mcgurk.nn import NamedModules
from mcgurk.train.adam import Adam, AdamW
from mcgurk.train.objective import Phase
from mcgurk.train.optim import make_optimisers, match, parameter_groups, phase_parameters, schedule_factor


def net():
    model = nn.Module()
    model.encoders = NamedModules({"image": nn.Linear(2, 2), "image.small": nn.Linear(2, 2), "text": nn.Linear(2, 2)})
    model.head = nn.Linear(2, 1)
    return model


COLUMNS = ("image", "image.small", "text")


def test_a_bare_column_name_means_its_encoder():
    assert match("encoders.image.weight", "image", COLUMNS)
    assert not match("encoders.image.small.weight", "image", COLUMNS)
    assert match("encoders.image.small.weight", "image.small", COLUMNS)
    assert match("head.weight", "head.*", COLUMNS) and not match("head.weight", "image", COLUMNS)


def test_a_column_of_the_name_of_a_part_is_the_column():
    assert not match("head.weight", "head", ("head",)) and match("encoders.head.weight", "head", ("head",))


def test_optimisers_by_column():
    groups, frozen = parameter_groups(
        net(),
        [n for n, _ in net().named_parameters()],
        {"*": ("adamw", 1e-3), "image": ("sgd", {"lr": 0.1, "momentum": 0.9}), "text": None},
        COLUMNS,
    )
    assert groups[0] == ("sgd", {"lr": 0.1, "momentum": 0.9}, ["encoders.image.weight", "encoders.image.bias"])
    assert groups[1][0] == "adamw" and groups[1][1] == {"lr": 1e-3} and len(groups[1][2]) == 4
    assert frozen == ["encoders.text.weight", "encoders.text.bias"]


def test_what_is_made():
    model = net()
    names = [n for n, _ in model.named_parameters()]
    made, frozen = make_optimisers(
        model,
        names,
        {"image": ("sgd", 0.1), "text": ("rmsprop", 0.2), "head.*": ("adam", 0.3), "*": ("adamw", 0.4)},
        lr_scale=0.5,
        columns=COLUMNS,
    )
    assert [type(o).__name__ for o in made] == ["SGD", "RMSprop", "Adam", "AdamW"] and frozen == []
    assert [o.param_groups[0]["lr"] for o in made] == [0.05, 0.1, 0.15, 0.2] == [o.param_groups[0]["base_lr"] for o in made]


@pytest.mark.parametrize(
    ("optim", "kind", "text"),
    [
        (("sgdm", 0.1), UnknownName, "no optimiser 'sgdm'"),
        ({"video": ("sgd", 0.1), "*": ("sgd", 0.1)}, UnknownName, "'video', which fits no parameter"),
        ({"image": ("sgd", 0.1)}, DataError, "add a '\\*' entry"),
    ],
)
def test_mistakes_are_told(optim, kind, text):
    with pytest.raises(kind, match=text):
        make_optimisers(net(), [n for n, _ in net().named_parameters()], optim, columns=COLUMNS)


def test_phases_name_their_parameters():
    names = [n for n, _ in net().named_parameters()]
    a, b = phase_parameters(names, (Phase("a", "image text"), Phase("b", "head.* encoders.image.small.*")), COLUMNS)
    assert a == [n for n in names if n.startswith(("encoders.image.w", "encoders.image.b", "encoders.text"))]
    assert sorted(a + b) == sorted(names)
    with pytest.raises(DataError, match="no phase would never train: head") as error:
        phase_parameters(names, (Phase("a", "encoders.*"),), COLUMNS)
    assert error.value.code == "T90"


@pytest.mark.parametrize(("ours", "theirs"), [(Adam, torch.optim.Adam), (AdamW, torch.optim.AdamW)])
def test_the_quick_step_gives_the_bits_of_torchs(ours, theirs):
    torch.manual_seed(0)
    a = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))
    b = copy.deepcopy(a)
    groups = [[{"params": m[0].parameters(), "lr": 1e-2, "weight_decay": 0.1}, {"params": m[2].parameters(), "lr": 1e-3}] for m in (a, b)]
    quick, plain = ours(groups[0]), theirs(groups[1], fused=True)
    for step in range(12):
        x = torch.randn(7, 5)
        for model, advance in ((a, quick.advance), (b, plain.step)):
            for p in model.parameters():
                p.grad = None
            out = model[0](x) if step == 5 else model(x)  # a step in which the last layer has no gradient
            out.square().mean().backward()
            if step == 8:
                for group in (*quick.param_groups, *plain.param_groups):
                    group["lr"] = 5e-3
            advance()
        if step == 9:
            quick.load_state_dict(copy.deepcopy(quick.state_dict()))
        assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True)), step
    counts = [[float(s["step"]) for s in o.state_dict()["state"].values()] for o in (quick, plain)]
    assert counts[0] == counts[1] == [12, 12, 11, 11]


@pytest.mark.parametrize(
    ("schedule", "warmup", "done", "factor"),
    [
        ("constant", 0, 0.7, 1),
        (None, 0, 0.7, 1),
        ("cosine", 0, 0.5, 0.5),
        ("cosine", 0, 1, 0),
        ("linear", 0, 0.25, 0.75),
        ("linear", 0.5, 0.75, 0.5),
        ("step", 0, 0.6, 0.1),
        (("step", {"at": [0.2, 0.4], "by": 0.5}), 0, 0.6, 0.25),
        ("cosine", 0.2, 0.1, 0.5),
        ("constant", 0.2, 0, 1e-3),
    ],
)
def test_schedules(schedule, warmup, done, factor):
    assert schedule_factor(schedule, done, warmup) == pytest.approx(factor, abs=1e-12)


def test_an_unknown_schedule():
    with pytest.raises(UnknownName, match="no schedule 'cosin'; there are constant"):
        schedule_factor("cosin", 0.5)
