r"""HepMC3 ASCII streams: events for the network, text that passes through unchanged.

The text of an event is never written anew. It is read for what the network needs, and if the event
is kept the same bytes go out again, with further numbers on its ``W`` line; their names are appended
to the ``W`` line of the run information. So every vertex, particle, attribute, unit and digit of the
input survives. The format is that of Buckley et al., Comput. Phys. Commun. 260 (2021) 107310,
as HepMC3's own ``WriterAscii`` and ``ReaderAscii`` have it.

"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from hepsets.core.errors import InputError

BLOCK_BYTES = 4 << 20
"""How much of a stream is in memory at once, apart from one event."""

LARGEST_EVENT = 64 << 20
"""No event has more bytes, particles or vertices than this."""

_VERSION = b"HepMC::Version"
_START = b"HepMC::Asciiv3-START_EVENT_LISTING"
_END = b"HepMC::Asciiv3-END_EVENT_LISTING"
_HEPMC2 = b"HepMC::IO_GenEvent"
_CONVERT = "convert it with HepMC3's convert_example -i hepmc2 -o hepmc3 OLD NEW"


@dataclass(frozen=True)
class Header:
    """What stands before, between or after events: run information, listing marks.

    Parameters
    ----------
    text
        As it came.
    names
        Names of the weights of the events that follow; none if the text begins no listing, or the
        listing does not name its weights.
    """

    text: bytes
    names: tuple[str, ...] = ()

    @property
    def begins(self) -> bool:
        """Whether a listing of events begins here."""
        return self.text.startswith(_START)


@dataclass(frozen=True, eq=False)
class HepmcBlock:
    """Some events.

    Parameters
    ----------
    texts
        As they came, one entry per event.
    """

    texts: list[bytes]


def read_hepmc(stream: IO[bytes], source: str) -> Iterator[Header | HepmcBlock]:
    """The parts of a HepMC3 ASCII stream, in order, some hundred events at a time.

    Parameters
    ----------
    stream
        Plain text.
    source
        Its name, for errors.

    Raises
    ------
    InputError
        If the stream is no HepMC3 ASCII, or ends before its listing does.
    """
    rest = b""
    listing = started = False
    while True:
        block = stream.read(BLOCK_BYTES)
        text = rest + block
        if not started and (len(text) >= len(_VERSION) or not block):
            _check_beginning(text, source)
            started = True
        cuts = _boundaries(text)
        if not block and not (cuts and text[cuts[-1] :].startswith(_END)):
            raise InputError(
                f"{source} ends within a listing of events",
                f"{_END.decode()} at its end",
                "check that the generator and the copy were complete",
            )
        # what follows the last boundary may go on in the next block
        complete = cuts if not block else cuts[:-1]
        ends = [*cuts[1:], len(text)]
        events: list[bytes] = []
        for begin, end in zip(complete, ends, strict=False):
            part = text[begin:end]
            if part.startswith(b"E "):
                if not listing:
                    raise InputError(f"{source} has an event outside a listing", f"{_START.decode()} first")
                events.append(part)
                continue
            if events:
                yield HepmcBlock(events)
                events = []
            listing = _follow(part, listing, source)
            yield Header(part, _names(part))
        if events:
            yield HepmcBlock(events)
        if not block:
            break
        rest = text[cuts[-1] :] if cuts else text
        if len(rest) > LARGEST_EVENT:
            raise InputError(f"{source} has an event of more than 64 MB", "HepMC3 ASCII events")


def count_weights(text: bytes) -> int:
    """How many weights an event has."""
    return len(_weight_line(text).split())


def read_weights(text: bytes) -> list[float]:
    """The weights of an event that :func:`~hepsets.formats.hepmc_events.parse_hepmc` has read."""
    return [float(weight) for weight in _weight_line(text).split()]


def marked(text: bytes, names: Sequence[str], numbers: Mapping[str, float]) -> bytes:
    """The text of an event with what a filter says of it: all that is ever changed or added.

    Parameters
    ----------
    text
        As it came.
    names
        Names of the weights that it has.
    numbers
        Weights by name: those that the event has are replaced, further ones stand behind them, in order. An
        event without any weight gets 1 as its first.
    """
    known = {names.index(name): number for name, number in numbers.items() if name in names}
    further = [number for name, number in numbers.items() if name not in names]
    if known:
        text = _replace_weights(text, known)
    return _add_weights(text, further) if further else text


def add_weight_names(header: Header, names: Sequence[str], weights: int) -> bytes:
    """The text of a header with further names of weights.

    Parameters
    ----------
    header
        The beginning of a listing.
    names
        The further names.
    weights
        How many weights the events have already. If they have no names, the first is called
        ``Default`` and the others by their numbers.

    Raises
    ------
    InputError
        If a name is there already.
    """
    known = header.names or ("Default", *(str(i) for i in range(1, weights)))
    twice = [name for name in names if name in known]
    if twice:
        raise InputError(
            f"events that have a weight {twice[0]} already", "events that were not filtered for this skim"
        )
    line = b"W " + r"\|".join((*known, *names)).encode("utf-8", "surrogateescape")
    lines = [entry for entry in header.text.split(b"\n") if not entry.startswith(b"W ")]
    return b"\n".join([lines[0], line, *lines[1:]])


def _replace_weights(text: bytes, weights: Mapping[int, float]) -> bytes:
    """The text of an event with some of its weights replaced, by their places."""
    line = _weight_line(text)
    numbers = line.split()
    for place, weight in weights.items():
        numbers[place] = b"%.17g" % weight
    at = text.index(b"\nW ") + len(b"\nW ")
    return text[:at] + b" ".join(numbers) + text[at + len(line.rstrip()) :]


def _add_weights(text: bytes, weights: Sequence[float]) -> bytes:
    """The text of an event with further weights; an event without any gets 1 as its first."""
    numbers = b" ".join(b"%.17g" % weight for weight in weights)
    line = _weight_line(text)
    if line:
        at = text.index(b"\nW ") + len(b"\nW ") + len(line.rstrip())
        return text[:at] + b" " + numbers + text[at:]
    at = text.index(b"\n", text.index(b"\nU ") + 1)
    return text[:at] + b"\nW 1 " + numbers + text[at:]


# -- the stream --------------------------------------------------------------------------------------


def _boundaries(text: bytes) -> list[int]:
    """Where lines begin that begin an event, or mark a listing."""
    cuts = []
    for mark in (b"\nE ", b"\nHepMC::"):
        at = text.find(mark)
        while at >= 0:
            cuts.append(at + 1)
            at = text.find(mark, at + 1)
    if text.startswith((b"E ", b"HepMC::")):
        cuts.append(0)
    return sorted(cuts)


def _check_beginning(text: bytes, source: str) -> None:
    if text.lstrip(b"\r\n").startswith(_VERSION):
        return
    remedy = _CONVERT if text.startswith(b"HepMC::") else ""
    raise InputError(f"{source} begins with {text[:24]!r}", f"HepMC3 ASCII ({_VERSION.decode()} …)", remedy)


def _follow(part: bytes, listing: bool, source: str) -> bool:
    """Whether a listing is open after a line of marks and what follows it, if it was before."""
    line, *rest = (entry.rstrip() for entry in part.split(b"\n"))
    if line == _START:
        if listing:
            raise InputError(f"{source} begins a listing within a listing", f"{_END.decode()} first")
        _check_run_information([entry for entry in rest if entry], source)
        return True
    if line.startswith(_HEPMC2):
        raise InputError(
            f"{source} is HepMC2 ASCII ({line.decode('ascii', 'replace')[:60]})", "HepMC3", _CONVERT
        )
    if line != _END and (listing or not line.startswith(_VERSION)):
        raise InputError(f"{source} has a line {line[:60]!r}", "HepMC3 ASCII events (Asciiv3)")
    junk = next((entry for entry in rest if entry), None)
    if junk is not None:
        raise InputError(
            f"{source} has a line {junk[:60]!r} outside a listing of events",
            "nothing there",
            "check how the file was made, and that the copy was complete",
        )
    return False


def _check_run_information(lines: Sequence[bytes], source: str) -> None:
    """Refuse what HepMC3 would misread or skip between the beginning of a listing and its first event."""
    for line in lines:
        # names of weights, tools, attributes
        if line[:1] not in (b"W", b"T", b"A") or line.count(b" ") < (2 if line[:1] == b"A" else 1):
            raise InputError(
                f"{source} has a line {line[:60]!r} of run information", "lines W, T or A with content"
            )
    if sum(line.startswith(b"W") for line in lines) > 1:
        raise InputError(
            f"{source} names its weights twice", "one line 'W NAMES' after the beginning of a listing"
        )
    names = _names(b"\n".join(lines))
    if len(set(names)) < len(names):
        raise InputError(f"{source} has two weights of one name ({', '.join(names)[:100]})", "distinct names")


def _names(part: bytes) -> tuple[str, ...]:
    for line in part.split(b"\n"):
        if line.startswith(b"W "):
            # whatever the bytes are: they go out again as they came
            return tuple(line[2:].replace(rb"\|", b" ").decode("utf-8", "surrogateescape").split())
    return ()


def _weight_line(text: bytes) -> bytes:
    at = text.find(b"\nW ")
    return b"" if at < 0 else text[at + 3 : text.index(b"\n", at + 1)]
