"""Where the time goes: a sampler that looks at all threads and weighs what it sees by the time that they computed.

``python -m benchmarks.sampler FILE MODULE ARGUMENT…`` runs a module and writes the busiest places to the file.
"""

from __future__ import annotations

import runpy
import sys
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_EVERY_SECONDS = 0.002
_SWITCH_SECONDS = 0.0005
_SHOWN = 8


def busiest(run: Callable[[], object]) -> tuple[str, ...]:
    """Run something and give the places that took most of the time.

    Args:
        run: What to look at.

    Returns:
        Lines such as ``31 % smbprotocol/transport.py recv``, the largest share first.
    """
    seen: Counter[str] = Counter()
    over = threading.Event()
    sampler = threading.Thread(target=_sample, args=(seen, over), name="sampler", daemon=True)
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    sampler.start()
    try:
        run()
    finally:
        over.set()
        sampler.join()
        sys.setswitchinterval(before)
    total = seen.total() or 1
    return tuple(f"{100 * ran / total:.0f} % {place}" for place, ran in seen.most_common(_SHOWN))


def _sample(seen: Counter[str], over: threading.Event) -> None:
    ran: dict[int, int] = {}
    me = threading.get_ident()
    while not over.wait(_EVERY_SECONDS):
        frames = sys._current_frames()  # noqa: SLF001  documented, for this use
        for thread in threading.enumerate():
            frame = frames.get(thread.ident or 0)
            if frame is None or thread.ident == me or thread.native_id is None:
                continue
            now = _computed(thread.native_id)
            code = frame.f_code
            seen[f"{'/'.join(Path(code.co_filename).parts[-2:])} {code.co_name}"] += now - ran.get(
                thread.native_id, now
            )
            ran[thread.native_id] = now


def _computed(thread: int) -> int:
    """Give the nanoseconds that a thread has run."""
    with suppress(OSError):
        return int(Path(f"/proc/self/task/{thread}/schedstat").read_text(encoding="ascii").split()[0])
    return 0


def _main() -> None:
    output, module, *arguments = sys.argv[1:]
    sys.argv = [module, *arguments]

    def run() -> None:
        with suppress(SystemExit):
            runpy.run_module(module, run_name="__main__", alter_sys=True)

    Path(output).write_text("\n".join(busiest(run)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    _main()
