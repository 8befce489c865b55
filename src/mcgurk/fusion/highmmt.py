"""HighMMT: any modality as tokens of one kind, encoders and cross-modal blocks shared where modalities are alike."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from itertools import permutations
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcgurk.errors import DataError, UnknownName, listing
from mcgurk.fusion._sequences import any_present, flags, step_widths, streams
from mcgurk.nn.attention import CrossBlock
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Fusion, NamedModules
from mcgurk.nn.look import Axis, Look, Seen, looking
from mcgurk.nn.macs import dense


class HighMMT(Fusion):
    """Tokens ``[channels, 0...; Fourier features of the position; tag of the modality]``; latents that look at them, then at those of every
    other modality; the last latent of every ordered pair, side by side with that of every modality alone.

    ``z_m = encoder(latents, tokens_m)`` and ``z_(i,j) = cross(z_i, z_j)``: a block of cross-attention, then one of self-attention. All
    modalities of a group share one encoder, all pairs of a group one cross-modal block, so that parameters count by groups.
    A pair with an absent modality is skipped. Groups can be read off data: :mod:`mcgurk.functional.heterogeneity`.

    Not for: long sequences whose fine order matters more than a few latents can carry (MulT keeps every step).

    Args:
        latents: number of latents.
        width: of each.
        heads: a divisor of ``width``.
        bands: Fourier bands of the position, which runs from -1 to 1 over a sequence.
        tag: width of the modality embedding.
        groups: modality -> label; None shares one encoder among all, "own" gives each its own.
        pair_groups: (modality, modality) -> label; None shares one block among all ordered pairs, "own" gives each its own.
        alone: the last latent of each modality alone stands beside those of the pairs, as it always does where there is no pair.
        dropout: in the blocks.

    Shapes: M Slots (B, T_m, d_m) -> (B, (M (M - 1) + M) width + M), M width less without ``alone``.

    Raises:
        DataError: sizes below 1, groups of something other than the modalities.

    Source: Liang, Lyu, Fan, Tsaw, Liu, Mo, Yogatama, Morency, Salakhutdinov 2023, High-modality multimodal transformer, TMLR, section 3.2;
        latents: Jaegle, Gimeno, Brock, Vinyals, Zisserman, Carreira 2021, Perceiver, ICML. The modalities alone beside the pairs are ours.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot, SlotSpec
        >>> layer = HighMMT(latents=3, width=8, heads=2)
        >>> layer.build({"a": SlotSpec((3,), True), "b": SlotSpec((5,), True)})
        >>> here = torch.ones(2, dtype=torch.bool)
        >>> steps = lambda t: torch.ones(2, t, dtype=torch.bool)
        >>> layer({"a": Slot(torch.randn(2, 4, 3), here, steps(4)), "b": Slot(torch.randn(2, 9, 5), here, steps(9))}).values.shape
        torch.Size([2, 34])
    """

    wants: ClassVar[str] = "sequence"
    shows: ClassVar[tuple[str, ...]] = ("attention",)
    refitted: ClassVar[str] = "tags.* encoders.*.embed.*"  # what belongs to a modality when the rest comes from another
    interaction: ClassVar[str] = "crosses.*"

    def __init__(
        self,
        *,
        latents: int = 20,
        width: int = 64,
        heads: int = 4,
        bands: int = 6,
        tag: int = 10,
        groups: Mapping[str, Any] | str | None = None,
        pair_groups: Mapping[tuple[str, str], Any] | str | None = None,
        alone: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.latents = latents
        self.width = width
        self.heads = heads
        self.bands = bands
        self.tag = tag
        self.groups = groups
        self.pair_groups = pair_groups
        self.alone = alone
        self.dropout = dropout

    def build(self, specs: dict[str, SlotSpec]) -> None:
        if min(self.latents, self.width, self.bands, self.tag) < 1:
            raise DataError(f"latents={self.latents}, width={self.width}, bands={self.bands}, tag={self.tag}; all must be at least 1")
        self.built = step_widths(specs)
        names = tuple(self.built)
        pairs = list(permutations(names, 2))
        self.group_of = labelled(self.groups, names)
        self.pair_group_of = labelled(self.pair_groups, pairs)
        channels = {g: max(self.built[n] for n in names if self.group_of[n] == g) for g in set(self.group_of.values())}
        self.tags = NamedModules({name: Tag(self.tag) for name in names})
        self.encoders = NamedModules({g: self._encoder(size) for g, size in channels.items()})
        self.crosses = NamedModules({g: self._blocks() for g in set(self.pair_group_of.values())})
        self.norm = nn.LayerNorm(self.width)
        self.out = SlotSpec(((len(pairs) + len(self._by_themselves())) * self.width + len(names),))

    def _by_themselves(self) -> tuple[str, ...]:
        """Modalities whose last latent is given as it is."""
        return tuple(self.built) if self.alone or len(self.built) == 1 else ()

    def solitary(self) -> HighMMT:
        """An unbuilt copy for one modality."""
        return HighMMT(**self.get_params(deep=False) | {"groups": None, "pair_groups": None})

    def dyadic(self) -> HighMMT:
        """An unbuilt copy for two modalities whose output is that of their cross-modal blocks, both ways by one."""
        return HighMMT(**self.get_params(deep=False) | {"groups": None, "pair_groups": None, "alone": False})

    def split(self, groups: Mapping[str, Any], pair_groups: Mapping[tuple[str, str], Any]) -> None:
        """Give every group a copy of what its members share so far; from then on the groups learn apart, tied inside."""
        names, pairs = tuple(self.built), list(permutations(self.built, 2))
        group_of, pair_group_of = labelled(groups, names), labelled(pair_groups, pairs)
        encoders, crosses = {}, {}
        for label in sorted(set(group_of.values())):
            members = [name for name in names if group_of[name] == label]
            encoders[label] = copy.deepcopy(self.encoders[self.group_of[members[0]]])
            encoders[label].narrow(max(self.built[name] for name in members))
        for label in sorted(set(pair_group_of.values())):
            some = next(pair for pair in pairs if pair_group_of[pair] == label)
            crosses[label] = copy.deepcopy(self.crosses[self.pair_group_of[some]])
        self.groups, self.pair_groups, self.group_of, self.pair_group_of = groups, pair_groups, group_of, pair_group_of
        self.encoders, self.crosses = NamedModules(encoders), NamedModules(crosses)

    def _encoder(self, channels: int) -> LatentEncoder:
        return LatentEncoder(channels, self.latents, self.width, self.bands, self.tag, self._blocks())

    def _blocks(self) -> nn.ModuleList:
        return nn.ModuleList(CrossBlock(self.width, self.heads, dropout=self.dropout) for _ in range(2))

    def encode(self, slots: dict[str, Slot]) -> dict[str, Slot]:
        """(B, latents, width) of every modality, whatever its length; zeros for one that no row has."""
        out = {}
        for name, slot in streams(slots, self.built).items():
            if worthwhile(slot):
                out[name] = self.encoders[self.group_of[name]](slot, self.tags[name].value)
            else:
                mask = slot.present[:, None].expand(-1, self.latents)
                out[name] = Slot(slot.values.new_zeros(*mask.shape, self.width), slot.present, mask)
        return out

    def looks(self, slots: dict[str, Slot], seen: Seen) -> list[Look]:
        """Latents of i on the steps of i, and on those of j through the latents of j: heads of the second look, mean heads of the first."""
        parts = streams(slots, self.built)
        calls = {module: iter(maps) for module, maps in seen.items()}  # a shared block is called for one modality or pair after another
        own = {name: next(calls[self.encoders[self.group_of[name]].blocks[0].attend]) for name in self.built}
        found = []
        for i, j in [*((name, name) for name in self.built), *permutations(self.built, 2)]:
            weights = own[i] if i == j else next(calls[self.crosses[self.pair_group_of[i, j]][0].attend]) @ own[j].mean(dim=1, keepdim=True)
            steps, keys = Axis(parts[i].present[:, None].expand(-1, self.latents), latent=True), Axis.of(parts[j])
            valid = (steps.mask[:, :, None] & keys.mask[:, None, :])[:, None]
            found.append(Look("attention", i, j, torch.where(valid, weights, weights.new_zeros(()))[:, None], steps, keys))
        return found

    def macs(self, steps: Mapping[str, int]) -> float:
        entered = sum(self.encoders[self.group_of[name]].macs(steps[name]) for name in self.built)
        among = (self.latents, self.latents)
        return entered + sum(block.macs(*among) for pair in permutations(self.built, 2) for block in self.crosses[self.pair_group_of[pair]])

    def forward(self, slots: dict[str, Slot]) -> Slot:
        z = self.encode(slots)
        out = [self._last(z[name], z[name].present) for name in self._by_themselves()]
        nothing = torch.zeros_like(next(iter(z.values())).values[:, -1])
        for pair in permutations(self.built, 2):
            look, think = self.crosses[self.pair_group_of[pair]]
            i, j = (z[name] for name in pair)
            out.append(self._last(think(look(i, j)), i.present & j.present) if worthwhile(i, j) else nothing)
        some = next(iter(z.values())).values
        return Slot(torch.cat([*out, flags(z, some)], dim=1), any_present(z))

    def _last(self, latents: Slot, rows: Tensor) -> Tensor:
        """The last latent of the rows that have it, 0 elsewhere."""
        last = self.norm(latents.values[:, -1])
        return torch.where(rows[:, None], last, torch.zeros_like(last))


class Tag(nn.Module):
    """A learned embedding of a modality."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.randn(width))


class LatentEncoder(nn.Module):
    """Latents that look at tokens once, then at one another: everything a group of modalities shares.

    Shapes: a clean Slot (B, T, d), d at most ``channels``, tag (t,) -> Slot (B, latents, width).
    """

    def __init__(self, channels: int, latents: int, width: int, bands: int, tag: int, blocks: nn.ModuleList) -> None:
        super().__init__()
        self.bands = bands
        self.channels = channels
        self.embed = nn.Linear(channels + 2 * bands + 1 + tag, width)
        self.latents = nn.Parameter(torch.randn(latents, width) / math.sqrt(width))
        self.blocks = blocks

    def narrow(self, channels: int) -> None:
        """Do without the columns of the embedding that only wider modalities fill."""
        weight = self.embed.weight.data
        kept = torch.cat([weight[:, :channels], weight[:, self.channels :]], dim=1)
        self.embed.weight = nn.Parameter(kept)
        self.embed.in_features, self.channels = kept.shape[1], channels

    def tokens(self, slot: Slot, tag: Tensor) -> Slot:
        """(B, T, width): channels padded with zeros to those of the widest modality of the group."""
        assert slot.mask is not None
        here = fourier(slot.mask, self.bands, slot.values.dtype)
        padded = F.pad(slot.values, (0, self.channels - slot.values.shape[2]))
        return slot.with_values(self.embed(torch.cat([padded, here, tag.expand(*slot.mask.shape, -1)], dim=2)))

    def macs(self, steps: int) -> float:
        """Of one row of so many steps."""
        look, think = self.blocks
        count = len(self.latents)
        return dense(self.embed, steps) + look.macs(count, steps) + think.macs(count, count)  # type: ignore[operator]

    def forward(self, slot: Slot, tag: Tensor) -> Slot:
        latents = self.latents.expand(len(slot.present), -1, -1)
        start = Slot(latents, slot.present, slot.present[:, None].expand(latents.shape[:2]), None, slot.full)
        look, think = self.blocks
        out: Slot = think(look(start, self.tokens(slot, tag)))
        return out


def fourier(mask: Tensor, bands: int, dtype: torch.dtype) -> Tensor:
    """(B, T, 2 bands + 1): the position from -1 at the first step to 1 at the last valid one, with sines and cosines of pi 2^k times it."""
    steps = torch.arange(mask.shape[1], device=mask.device)
    last = torch.where(mask, steps, torch.zeros_like(steps)).amax(dim=1, keepdim=True).clamp(min=1)
    where = (2 * steps / last - 1).clamp(max=1).to(dtype)[:, :, None]
    angles = where * math.pi * 2.0 ** torch.arange(bands, device=mask.device, dtype=dtype)
    return torch.cat([where, angles.sin(), angles.cos()], dim=2)


def worthwhile(*slots: Slot) -> bool:
    """Whether any row has all of these, so that computing is not in vain: of many modalities a batch of one task holds few."""
    if looking() or all(slot.full for slot in slots):
        return True
    return bool(torch.stack([slot.present for slot in slots]).all(dim=0).any())


def labelled(groups: Any, things: Any) -> dict[Any, str]:
    """Label of each thing, from None (one for all), "own" or a mapping that names all of them."""
    if groups is None:
        return dict.fromkeys(things, "all")
    if groups == "own":
        return {thing: str(thing) for thing in things}
    if not isinstance(groups, Mapping):
        raise DataError(f"groups={groups!r}; expected None, 'own' or a mapping to labels")
    given = {tuple(k) if isinstance(k, list) else k: str(v) for k, v in groups.items()}
    if set(given) != set(things):
        raise UnknownName(
            f"groups name {listing(sorted(map(str, given)))}; expected a label for each of {listing(sorted(map(str, things)), 12)}"
        )
    return given
