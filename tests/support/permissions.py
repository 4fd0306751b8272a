"""Commands whose process the permissions of files hold for, also where the tests run as root."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

# Linux: the call that takes a capability from all that is executed later, and those that pass permissions.
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


def under_permissions(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """The result of `ising-ep` in a folder, run without root's right to pass by permissions."""

    def obey() -> None:
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)

    command = [sys.executable, "-m", "ising_ep", *map(str, words)]
    as_root = sys.platform == "linux" and os.geteuid() == 0
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, preexec_fn=obey if as_root else None, timeout=120
    )
