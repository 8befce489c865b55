"""scikit-learn's parameter protocol for things that are not estimators: constructors store, get_params reads, clone works."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from mcgurk.errors import StoreError, UnknownName


class Params:
    """``get_params``, ``set_params`` and a readable ``repr`` from the constructor's signature."""

    @classmethod
    def _param_names(cls) -> tuple[str, ...]:
        signature = inspect.signature(cls.__init__)
        return tuple(
            name for name, p in signature.parameters.items() if name != "self" and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        )

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Constructor arguments as given; with ``deep`` also those of arguments that have their own, as ``name__inner``."""
        out: dict[str, Any] = {}
        for name in self._param_names():
            value = getattr(self, name)
            out[name] = value
            if deep and hasattr(value, "get_params") and not isinstance(value, type):
                out.update({f"{name}__{k}": v for k, v in value.get_params().items()})
        return out

    def set_params(self, **params: Any) -> Any:
        """Set constructor arguments; ``name__inner`` reaches into arguments."""
        names = self._param_names()
        for key, value in params.items():
            name, _, inner = key.partition("__")
            if name not in names:
                raise UnknownName(f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(names)}")
            if inner:
                getattr(self, name).set_params(**{inner: value})
            else:
                setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        given = {k: v for k, v in self.get_params(deep=False).items() if repr(v) != repr(defaults[k].default)}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in given.items())})"


def learn(thing: Any, facts: Mapping[str, Any]) -> None:
    """Set learned attributes that came from a file.

    Raises:
        StoreError: S05, a name that no learned attribute has: without the final underscore, private, or a method's or property's.

    Example:
        >>> thing = Params()
        >>> learn(thing, {"words_": ["red", "blue"]})
        >>> thing.words_
        ['red', 'blue']
    """
    for key, value in facts.items():
        taken = getattr(type(thing), key, None)
        if not key.endswith("_") or key.startswith("_") or callable(taken) or isinstance(taken, property):
            raise StoreError(
                f"the model sets {key!r} of a {type(thing).__name__}, which is nothing it learns; it was not written by mcgurk", code="S05"
            )
        setattr(thing, key, value)
