"""Where a fusion model looked: the weights by which it weighed modalities and steps, read off the forward pass that predicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mcgurk import registry
from mcgurk.data.coerce import as_dataset
from mcgurk.data.dataset import Dataset
from mcgurk.data.spec import conform
from mcgurk.errors import DataError, listing
from mcgurk.nn.batch import Batch, Slot
from mcgurk.nn.component import Fusion
from mcgurk.nn.look import Axis, Look, recording, relevance
from mcgurk.roles import class_array, decided, log_probabilities
from mcgurk.run import Run
from mcgurk.study.erasure import erased
from mcgurk.study.maps import Attention, Ends, Map
from mcgurk.train import features
from mcgurk.train.estimator import NeuralEstimator
from mcgurk.train.objective import Objective

DRAWS = 20
"""Random tenths of the steps that the most attended tenth is held against."""


def attention(model: Any, X: Any, *, erase: int = DRAWS, random_state: int = 0) -> Attention:
    """What the fusion layer of a model looked at for each row.

    Weights come from the forward pass that makes the prediction. Beside each stands its relevance, ``max(0, w dy/dw)`` with y the score of
    what was predicted less the mean score: a weight that changes nothing has none.

    When not to use it: as what the prediction rests on. A model can look at a step and not use it, or use all it has collected from steps
    it looks at evenly; very different maps can make the same prediction. The erasure check beside the maps says how far they can be
    trusted here, and :func:`mcgurk.study.explain.explain` measures what rests on which modality.

    Args:
        model: a fitted classifier or regressor of one target whose fusion layer has maps.
        X: rows to look at, one after another; maps of hundreds of rows of hundreds of steps take gigabytes.
        erase: random draws of the erasure check; 0 leaves it out.
        random_state: of those draws.

    Raises:
        DataError: C02, a model without maps, with several networks, or with several tasks.

    Source: weights: Bahdanau, Cho, Bengio 2015; Vaswani et al. 2017. Relevance: Chefer, Gur, Wolf 2021, Generic attention-model
        explainability for interpreting bi-modal and encoder-decoder transformers, ICCV, equation 5, kept apart by layer. What maps are not:
        Jain, Wallace 2019, Attention is not explanation, NAACL; Wiegreffe, Pinter 2019, Attention is not not explanation, EMNLP.

    Example:
        >>> from mcgurk import FusionClassifier
        >>> from mcgurk.datasets import make_reliability
        >>> X, y = make_reliability(n=200)
        >>> found = attention(FusionClassifier("attention", epochs=5).fit(X, y), X[:10])
        >>> found.summary()[["source", "kind"]].values.tolist()
        [['a', 'attention'], ['b', 'attention']]
    """
    network = network_of(model)
    data = _for(network, conform(as_dataset(X, model.spec_), model.spec_))
    groups = data.rows["group"].to_numpy() if data.rows is not None and "group" in data.rows else None
    prepared = features.prepare(network.encoders_, data)
    loader = network._rows_of(prepared)
    objective = network.objective_.eval().to(loader.device)
    scores, maps = [], []
    row_of: list[int] = []
    with Run.of(0, None, network.dtype).threaded(0.0):
        for row in range(len(loader)):
            batch = loader.batch(np.array([row]))
            said, found = looked_at(objective, batch, network.target_)
            maps += [m for part, look, counts in found for m in _maps(part, look, counts, len(row_of))]
            row_of += [row] * len(said)
            scores.append(said)
        if not maps:
            raise DataError(_without(model), code="C02")
        whole = np.concatenate(scores)
        check = erased(objective, loader, maps, network.target_, draws=erase, seed=random_state, groups=groups) if erase else None
    value = _value(whole, network.target_)
    names = {name: encoder.step_names(data[name]) for name, encoder in network.encoders_.items()}
    return Attention(
        ids=np.asarray(data.ids)[row_of],
        row=np.array(row_of),
        prediction=_predicted(whole, network.target_),
        value=value,
        maps=tuple(maps),
        words={name: words for name, words in names.items() if words is not None},
        erasure=check,
    )


def looked_at(objective: Objective, batch: Batch, target: Any) -> tuple[np.ndarray, list[tuple[str, Look, Look]]]:
    """Scores in the target's units, and (part, map, its relevance) of every fusion layer that took part."""
    layers = {path: module for path, module in objective.named_modules() if isinstance(module, Fusion)}
    with torch.enable_grad(), _given(layers) as given, recording() as seen:
        scores = objective.outputs(batch)
        relevant = relevance(seen, _chosen(scores, target))
    found = []
    for path, slots in given.items():
        pairs = zip(layers[path].looks(slots, seen), layers[path].looks(slots, relevant), strict=True)
        found += [(path, look, counts) for look, counts in pairs]
    found += [("", look, counts) for look, counts in zip(objective.looks(batch, seen), objective.looks(batch, relevant), strict=True)]
    return scores.detach().cpu().double().numpy(), found


def network_of(model: Any) -> NeuralEstimator:
    """The network inside a model, followed through recipes.

    Raises:
        DataError: C02, none or several of them, or several tasks.
    """
    networks = list(_networks(model))
    if len(networks) != 1:
        what = "several networks" if networks else "no fusion layer"
        raise DataError(f"this model has {what} inside; {_offer()}", code="C02")
    if networks[0].target_.parts:
        raise DataError("this model has several tasks; fit one of them alone to see where it looks", code="C02")
    return networks[0]


def _networks(model: Any) -> Iterator[NeuralEstimator]:
    inner = getattr(model, "model_", None)
    if inner is not None:
        yield from _networks(inner)
    elif isinstance(model, NeuralEstimator):
        yield model
    else:
        for node in getattr(model, "nodes_", {}).values():
            yield from _networks(node)


def _without(model: Any) -> str:
    return f"the fusion layer of this model ({getattr(model, 'fusion', type(model).__name__)!r}) has no map to show; {_offer()}"


def _offer() -> str:
    table = registry.entries("fusion")
    names = [name for name, entry in table.items() if entry.role == "fusion" and getattr(registry.find("fusion", name), "shows", False)]
    return f"those that have one are {listing(names, 20)}; shares of modalities (--what shares) can be had of every model"


@contextmanager
def _given(layers: Mapping[str, Fusion]) -> Iterator[dict[str, dict[str, Slot]]]:
    """Inside the block, the dict fills with what each layer was called with."""
    found: dict[str, dict[str, Slot]] = {}
    handles = [
        layer.register_forward_pre_hook(lambda _, inputs, path=path: found.__setitem__(path, inputs[0])) for path, layer in layers.items()
    ]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _chosen(scores: Tensor, target: Any) -> Tensor:
    """The score of what was predicted, less the mean score where there are classes; rows do not see each other, so their sum will do."""
    if target.task in ("number", "count"):
        return scores.sum()
    return (scores.amax(dim=1) - (scores.mean(dim=1) if target.task == "classes" else 0.0)).sum()


def _maps(part: str, look: Look, counts: Look, first: int) -> Iterator[Map]:
    """One map a row, without padding."""
    for row in range(len(look.weights)):
        steps, keys = look.steps.mask[row].cpu().numpy(), look.keys.mask[row].cpu().numpy()
        weights, relevance = (m.weights[row].detach().cpu().numpy()[:, :, steps][:, :, :, keys] for m in (look, counts))
        ends = _ends(look.steps, row), _ends(look.keys, row)
        yield Map(first + row, part, look.kind, look.target, look.source, look.joint, weights, relevance, *ends)


def _ends(axis: Axis, row: int) -> Ends:
    mask = axis.mask[row].cpu().numpy()
    number = np.flatnonzero(mask) - axis.lead
    times = None if axis.times is None or axis.latent else axis.times[row].cpu().numpy()[mask]
    if times is not None:
        times = np.where(number < 0, np.nan, times)
    return Ends(np.maximum(number, -1), times, axis.latent)


def _predicted(scores: np.ndarray, target: Any) -> np.ndarray:
    """The label (of several the most probable one), or the number (of several the first)."""
    if target.task in ("classes", "multilabel"):
        return class_array(target)[scores.argmax(axis=1)]
    return np.asarray(decided(scores, target), dtype=np.float64).reshape(len(scores), -1)[:, 0]


def _value(scores: np.ndarray, target: Any) -> np.ndarray:
    """Its probability, or the number itself."""
    if target.task in ("classes", "multilabel"):
        return np.exp(log_probabilities(scores, target)).max(axis=1)
    return _predicted(scores, target)


def _for(network: NeuralEstimator, data: Dataset) -> Dataset:
    return conform(data.select(list(network.spec_)), network.spec_)
