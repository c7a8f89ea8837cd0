"""Server-sent events (HTML Living Standard, section 9.2)."""

import time

#: Bytes of an event.
_LONGEST = 16 * 2**20
_CHUNK = 65_536


def read_events(answer, silence):
    """The events of an open answer, each as its id and its data; a comment is an event without data.

    :param silence: seconds without a complete line after which the stream counts as broken
    """
    event_id, data, length = "", [], 0
    for line in _lines(answer, silence):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            yield event_id, "\n".join(data)
            event_id, data, length = "", [], 0
        elif name == "id":
            event_id = value
        elif name == "data":
            data.append(value)
            length += len(value)
            if length > _LONGEST:
                raise ValueError("an event is too long")


def _lines(answer, silence):
    rest, length, begun = [], 0, time.monotonic()
    while chunk := answer.read1(_CHUNK):
        *ended, last = chunk.split(b"\n")
        for end in ended:
            yield b"".join([*rest, end]).removesuffix(b"\r").decode()
            rest, length, begun = [], 0, time.monotonic()
        rest.append(last)
        length += len(last)
        if length > _LONGEST or time.monotonic() - begun > silence:
            raise ValueError("a line is too long, or too slow")
