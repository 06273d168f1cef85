"""What a sample of events is for; a sample that serves one purpose is refused where another is needed."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from hepsets.core.errors import InputError


class Purpose(StrEnum):
    """What events are used for.

    Training events move weights. Validation events choose: when to stop, thresholds, keep rules,
    calibration. Test events judge, and nothing else.
    """

    TRAINING = "training"
    VALIDATION = "validation"
    TEST = "test"


def demand(purpose: Purpose | None, needed: Purpose, what: str) -> None:
    """Refuse a sample that is known to serve another purpose than the one that is needed.

    Parameters
    ----------
    purpose
        What the sample is for; ``None`` where nobody said, as for arrays that a user hands over.
    needed
        What it must be for.
    what
        What is done with it, for the message.

    Raises
    ------
    InputError
        If the sample is for something else.

    Examples
    --------
    >>> demand(Purpose.VALIDATION, Purpose.VALIDATION, "a threshold is chosen")
    >>> demand(Purpose.TEST, Purpose.VALIDATION, "a threshold is chosen")
    Traceback (most recent call last):
        ...
    hepsets.core.errors.InputError: test events where a threshold is chosen; expected validation events
    """
    if purpose is not None and purpose is not needed:
        raise InputError(f"{purpose} events where {what}", f"{needed} events")


def common(purposes: Iterable[Purpose | None]) -> Purpose | None:
    """The purpose of samples that are joined.

    Raises
    ------
    InputError
        If they serve different purposes.
    """
    found = set(purposes)
    if len(found) > 1:
        names = sorted(str(purpose or "no named purpose") for purpose in found)
        raise InputError(f"events for {' and for '.join(names)} joined", "events for one purpose")
    return found.pop() if found else None
