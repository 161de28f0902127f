"""Log files to records to events, as the "Microsoft Exchange Server" DSM sees them.

recognised = recognise(name, head)                              which format
reader = reader_for(recognised.format, name, engine="auto")     bytes to records
mapping = load(recognised.format)                               records to events
stream = EventStream(reader, mapping)                           bytes to events
for given in stream.feed(data, offset):
    if isinstance(given, Event):
        ...
"""

from harness.events.event import MAPPED, Event, Shortfall
from harness.events.formats import ENGINES, Engine, Recognised, reader_for, recognise
from harness.events.mapping import Mapping, Trace, write_time
from harness.events.mappingfile import load
from harness.events.payload import Payload, PayloadError
from harness.events.reader import LineReader, Reader
from harness.events.record import Counts, Family, Fault, Format, Header, Item, Quarantined, Record
from harness.events.stream import EventStream

__all__ = [
    "ENGINES",
    "MAPPED",
    "Counts",
    "Engine",
    "Event",
    "EventStream",
    "Family",
    "Fault",
    "Format",
    "Header",
    "Item",
    "LineReader",
    "Mapping",
    "Payload",
    "PayloadError",
    "Quarantined",
    "Reader",
    "Recognised",
    "Record",
    "Shortfall",
    "Trace",
    "load",
    "reader_for",
    "recognise",
    "write_time",
]
