"""Adds a delay to every `fsync` and `fdatasync` of a process and its children: a library made by `cc` and preloaded.

A disk that takes its time is the same for everybody who is measured then, whatever opens its files: SQLite, PostgreSQL
or Python.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SOURCE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
static void rest(void) {
    const char *text = getenv("SLOW_FSYNC_MICROS");
    long micros = text ? atol(text) : 0;
    struct timespec wanted = {micros / 1000000, micros % 1000000 * 1000};
    nanosleep(&wanted, NULL);
}
#define SLOW(name)                                                        \\
    int name(int file) {                                                  \\
        static int (*real)(int);                                          \\
        if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, #name);          \\
        rest();                                                           \\
        return real(file);                                                \\
    }
SLOW(fsync)
SLOW(fdatasync)
"""


def slow_fsync(folder: Path, seconds: float) -> dict[str, str]:
    """Environment variables under which every sync takes so much longer; none for no time at all.

    Raises:
        RuntimeError: There is no C compiler.
        subprocess.CalledProcessError: It refuses.
    """
    if not seconds:
        return {}
    compiler = shutil.which("cc")
    if compiler is None:
        raise RuntimeError("install a C compiler (cc)")
    source, library = folder / "slow_fsync.c", folder / "slow_fsync.so"
    if not library.exists():
        source.write_text(_SOURCE, encoding="utf-8")
        subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"], check=True)
        library.chmod(0o755)
    return {"LD_PRELOAD": str(library), "SLOW_FSYNC_MICROS": str(round(seconds * 1e6))}
