r"""A log source extension: XML that makes the console read two fields otherwise than its DSM does.

The DSM files a message's *recipients* as the username, and as the source address that of the server that handed the
message over. With ``username`` the sender becomes the username, with ``source`` the address that the message really
came from.

The elements and the two fields' names are documented. That the payload has tabs between its pairs was seen in the
field; the patterns count on it, since a blank may stand in a subject, and a subject mustn't be able to name its own
sender. Only message tracking has the names, so events of the other logs stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.logsource.templates import own

Username = Literal["sender"]
ClientSource = Literal["original-client-ip"]


@dataclass(frozen=True, slots=True)
class Override:
    """A field that is read otherwise.

    Args:
        pattern_id: The pattern's name within the extension.
        pattern: A Java regular expression with one group.
        field: The console's name of the field.
    """

    pattern_id: str
    pattern: str
    field: str


USERNAME: dict[Username, Override] = {
    # A sender that isn't there is <>; then the DSM's own reading stays.
    "sender": Override("Sender", r'(?:^|\t)sender-address="?([^\t"<>]+)', "UserName"),
}
SOURCE: dict[ClientSource, Override] = {
    "original-client-ip": Override(
        "OriginalClient", r"(?:^|\t)original-client-ip=((?:[0-9]{1,3}\.){3}[0-9]{1,3})(?=\t|$)", "SourceIp"
    ),
}


def write(username: Username | None, source: ClientSource | None) -> str:
    """Write the extension.

    Args:
        username: What the username is to be; None to leave it to the DSM.
        source: What the source address is to be; None to leave it to the DSM.
    """
    overrides = [
        *([USERNAME[username]] if username is not None else []),
        *([SOURCE[source]] if source is not None else []),
    ]
    return own("extension.xml.j2", {"overrides": overrides})
