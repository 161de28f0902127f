"""What `smtp_log_folders` refuses before anything is sent, and what it holds a write against."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError

from harness.exchange import folders
from harness.modules.base import Resource
from harness.modules.smtp_log_folders import SmtpLogFolders, SmtpLogFoldersArguments

INSTALL = "C:\\Exchange\\V15\\"


def service(name: folders.Service, smtp: folders.SmtpFolders) -> Resource:
    """Give a service as the host prints it."""
    properties = {"service": name, "version": "2016", "install": INSTALL, "tracking": None}
    return Resource(f"{name} service", "EX01", "EX01", {**properties, "receive": smtp.receive, "send": smtp.send})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "needs a root"),
        ({"root": r"\\nas\logs"}, "a network path"),
        ({"root": "logs"}, "no local path with a drive letter"),
        ({"root": "%SystemDrive%\\Logs"}, "no local path with a drive letter"),
        ({"root": "D:\\"}, "a whole drive"),
        ({"root": "D:\\a\r\nb"}, "no local path"),
        ({"root": "C:\\Program Files\\Exchange\\V15\\TransportRoles\\Logs"}, "keeps logs of other kinds"),
        ({"layout": "together", "root": "D:\\Smtp"}, "layout"),
    ],
)
def test_a_root_that_cannot_serve_is_refused(arguments: dict[str, str], message: str) -> None:
    """Such a task never reaches a host."""
    with pytest.raises(ValidationError, match=message):
        SmtpLogFoldersArguments.model_validate(arguments)


def test_a_move_back_that_stopped_half_way_is_no_success() -> None:
    """One service is back, the other isn't: they have no root in common any more, and still it isn't done."""
    module, arguments = SmtpLogFolders(), SmtpLogFoldersArguments(layout="per_service")
    moved = [service(name, folders.relocated("D:\\Smtp", name)) for name in ("hub", "mailbox")]
    back = service("hub", folders.stock("2016", INSTALL, "hub"))
    left = module.confirm(arguments, moved, [back, moved[1]])
    done = module.confirm(arguments, moved, [back, service("mailbox", folders.stock("2016", INSTALL, "mailbox"))])
    untouched = module.confirm(arguments, [back], [replace(back, properties={**back.properties, "send": "E:\\Send"})])

    assert ["receive", "send"] == [change.setting for change in left.changes]
    assert (False, False) == (bool(done), bool(untouched))
