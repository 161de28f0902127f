"""The options that say where a command's work is done."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from harness.executor import Executor

LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Where:
    """Where a command's work is done.

    Args:
        address: ``local``, or a scheduler's.
        ca: The PEM file of the authority that signs the cluster's certificates.
        cert: The PEM file with this client's certificate.
        key: The PEM file with its key.
    """

    address: str = LOCAL
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    @property
    def is_local(self) -> bool:
        """Whether it is done in this process."""
        return self.address == LOCAL

    def executor(self) -> AbstractContextManager[Executor]:
        """Give what does it, until the block ends.

        Raises:
            InputError: The address isn't one, or what is there doesn't fit this harness.
            ClusterError: Nobody answers there.
        """
        from harness.executor import LOCAL as THIS_PROCESS
        from harness.executor.address import Address

        address = Address.parse(self.address, ca=self.ca, cert=self.cert, key=self.key)
        if address is None:
            return closing(THIS_PROCESS)
        from harness.executor.cluster import DaskExecutor

        return closing(DaskExecutor(address))


_OPTIONS = (
    click.option(
        "--executor",
        "address",
        default=LOCAL,
        show_default=True,
        metavar="ADDRESS",
        help="Where the work is done: local, dask://SCHEDULER:PORT, or dask+tls://SCHEDULER:PORT.",
    ),
    *(
        click.option(
            f"--executor-tls-{what}",
            what,
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help=f"For dask+tls: the PEM file with {words}.  [default: Dask's own configuration]",
        )
        for what, words in (
            ("ca", "the authority of the cluster's certificates"),
            ("cert", "this client's certificate"),
            ("key", "that certificate's key"),
        )
    ),
)


def executor_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options; it gets them as one argument, ``where``."""

    @wraps(command)
    def packed(*, address: str, ca: Path | None, cert: Path | None, key: Path | None, **others: Any) -> Any:  # noqa: ANN401 - the command's own
        return command(**others, where=Where(address, ca, cert, key))

    for option in reversed(_OPTIONS):
        packed = option(packed)
    return packed
