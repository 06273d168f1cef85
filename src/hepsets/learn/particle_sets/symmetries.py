"""Events that are as likely as those of the sample: turned around the beam, mirrored, charge-conjugated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from hepsets.represent.particle_sets.data import PackedSet, SetBatch
from hepsets.represent.particle_sets.features import (
    DIRECTION,
    OWN,
    OWN_AXES,
    OWN_MOMENTUM,
    OWN_THRUST,
    SetSpec,
)

THRUST_AXES = (("thrust_x", "thrust_y", "thrust_z"), OWN_THRUST)
"""Features that are the three components of an axis, with z ≥ 0."""

VECTORS = (("px", "py", "pz"), DIRECTION, OWN, *THRUST_AXES)
"""Features that are the three components of a vector or axis."""

FRAMES = (OWN_AXES, OWN_MOMENTUM)
"""Features that are the three components of a vector along the candidate's own axes."""


class CollisionSymmetries:
    """Turn each event by an angle around the beam, mirror it, exchange beams and charges, all at random.

    Beams are not polarised, so none of it changes how likely an event is, but for small effects: the
    forward–backward asymmetry of the continuum, CP violation, and what the detector does to either end
    and charge. A network that is trained on such events needs fewer of them to learn this.

    Parameters
    ----------
    specs
        The sets. Their features in :data:`VECTORS` and :data:`FRAMES`, and ``charge``, change.
    """

    def __init__(self, specs: Sequence[SetSpec]) -> None:
        self.vectors = [_places(spec, VECTORS) for spec in specs]
        self.frames = [_places(spec, FRAMES) for spec in specs]
        self.charges = [_places(spec, (("charge",),)) for spec in specs]

    def __call__(self, batch: SetBatch) -> SetBatch:
        """The batch, each event changed in its own way; event features stay as they are."""
        n, device = batch.n_events, batch.event_features.device
        angle = 2 * torch.pi * torch.rand(n, device=device)
        mirror, exchange, conjugate = (2.0 * torch.randint(2, (3, n), device=device) - 1.0).unbind(0)
        event = torch.stack([angle.cos(), angle.sin(), mirror, exchange, conjugate], dim=1)
        sets = [self._changed(place, one, event) for place, one in enumerate(batch.sets)]
        return replace(batch, sets=tuple(sets))

    def _changed(self, place: int, one: PackedSet, event: Tensor) -> PackedSet:
        vectors, frames, charges = self.vectors[place], self.frames[place], self.charges[place]
        if not (vectors or frames or charges):
            return one
        columns = list(one.features.unbind(1))
        cosine, sine, mirror, exchange, conjugate = event.index_select(0, one.event_of_particle).unbind(1)
        for kind, (x, y, z) in vectors.items():
            along, across = columns[x], columns[y] * mirror
            columns[x], columns[y] = cosine * along - sine * across, sine * along + cosine * across
            columns[z] = columns[z] * exchange
            if kind in THRUST_AXES:
                for component in (x, y, z):
                    columns[component] = columns[component] * exchange
        for first, second, third in frames.values():
            # an exchange of the beams turns both axes in the plane of thrust and beam around
            for component in (first, second, third):
                columns[component] = columns[component] * exchange
            columns[second] = columns[second] * mirror
        for (charge,) in charges.values():
            columns[charge] = columns[charge] * conjugate
        return replace(one, features=torch.stack(columns, dim=1))


def _places(spec: SetSpec, groups: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Where the features of each group stand that the set has as a whole."""
    return {
        group: tuple(map(spec.features.index, group))
        for group in groups
        if all(name in spec.features for name in group)
    }
