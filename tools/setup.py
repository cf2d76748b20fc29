"""Sets up `.venv`: `python tools/setup.py runtime|dev`; quick if nothing has changed.

It installs exactly what the lock files say, and checks every file against its hash. durable-rules is released as source
only, and pip's build isolation would fetch the newest setuptools without a hash. So the build tools are locked too
(requirements-build.lock) and installed first, and `--no-build-isolation` makes pip use them.

Uses only the standard library, and syntax that an old Python can parse, so that it can report that Python is too old.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
LOCKS = {"runtime": "requirements.lock", "dev": "requirements-dev.lock"}
INPUTS = ("requirements-build.lock", "requirements.lock", "requirements-dev.lock", "pyproject.toml", "tools/setup.py")
OLDEST, NEWEST = (3, 11), (3, 13)
# CPython 3.13 no longer declares PyEval_CallObject, which durable-rules calls; its successor takes the same arguments.
CPPFLAGS = "-DPyEval_CallObject=PyObject_CallObject"


class SetupError(Exception):
    """The setup cannot continue; the message says what would help."""


def check_python() -> None:
    """Refuse a Python version or an operating system that the lock files do not cover."""
    major, minor = sys.version_info[:2]
    if not OLDEST <= (major, minor) <= NEWEST:
        raise SetupError(
            f"Habitué needs Python 3.11, 3.12 or 3.13, but {sys.executable} is {major}.{minor}.\n"
            "Choose another one: make PYTHON=python3.12 ..."
        )
    if not sys.platform.startswith(("linux", "darwin")):
        raise SetupError(f"Habitué's lock files cover Linux and macOS only; this is {sys.platform}.")


def check_compiler() -> None:
    """Fail early if the C module of durable-rules could not be built."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        raise SetupError(
            f"There is no C compiler ({compiler}), but durable-rules has to be compiled.\n"
            "Debian, Ubuntu: apt-get install build-essential. Fedora: dnf install gcc. macOS: xcode-select --install."
        )
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if not header.exists():
        raise SetupError(
            f"The C headers of this Python are missing ({header}), but durable-rules has to be compiled.\n"
            f"Debian, Ubuntu: apt-get install python3.{sys.version_info[1]}-dev. Fedora: dnf install python3-devel."
        )


def fingerprint() -> str:
    """Return a hash of what the installation depends on: Python, the folder, the lock files, the project metadata."""
    digest = hashlib.sha256(repr((sys.version, sys.base_prefix, str(ROOT))).encode())
    for name in INPUTS:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def stamp(profile: str) -> Path:
    """Return the file that holds the fingerprint of what was last installed."""
    return VENV / f".habitue-{profile}"


def is_ready(profile: str, wanted: str) -> bool:
    """Return whether `.venv` has what the profile needs."""
    return VENV_PYTHON.exists() and stamp(profile).exists() and stamp(profile).read_text() == wanted


def run(what: str, *command: str | Path) -> None:
    """Run one command and print one line; show its output only if it fails."""
    print(f"  {what}", flush=True)
    environment = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_USER="0", PYTHONWARNINGS="ignore")
    environment["CPPFLAGS"] = f"{environment.get('CPPFLAGS', '')} {CPPFLAGS}".strip()
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if done.returncode:
        sys.stderr.write(done.stdout.decode(errors="replace"))
        raise SetupError(f"{what}: failed with exit code {done.returncode}; its output is above.")


def is_usable() -> bool:
    """Return whether `.venv` belongs to this Python and still works."""
    if not VENV_PYTHON.exists():
        return False
    asked = "import sys, pip; print(repr((sys.version, sys.base_prefix)))"
    done = subprocess.run([str(VENV_PYTHON), "-c", asked], capture_output=True, check=False)
    return done.returncode == 0 and done.stdout.decode().strip() == repr((sys.version, sys.base_prefix))


def install(profile: str) -> None:
    """Create `.venv` if needed, and install the locked packages and the project."""
    if not is_usable():
        # If this runs inside the environment to be replaced, use the interpreter that it was made from.
        python = getattr(sys, "_base_executable", sys.executable)
        run(f"creating .venv with Python {sys.version.split()[0]}", python, "-m", "venv", "--clear", VENV)
    pip = (VENV_PYTHON, "-m", "pip", "install", "--quiet")
    locked = (*pip, "--require-hashes", "--no-build-isolation", "--use-pep517", "-r")
    run("installing the build tools", *locked, "requirements-build.lock")
    run(f"installing {LOCKS[profile]} (a minute or two the first time)", *locked, LOCKS[profile])
    run("installing habitue itself", *pip, "--no-deps", "--no-build-isolation", "--editable", ".")


def set_up(profile: str) -> None:
    """Install the profile if it is not installed yet.

    Raises:
        SetupError: something is missing on this machine, or an installation failed.
    """
    check_python()
    wanted = fingerprint()
    if is_ready(profile, wanted):
        return
    check_compiler()
    print(f"Setting up .venv ({profile})", flush=True)
    install(profile)
    # The dev lock file contains all of the runtime lock file, in the same versions.
    for name in ("runtime", "dev") if profile == "dev" else ("runtime",):
        stamp(name).write_text(wanted)


def main(arguments: list[str]) -> int:
    """Set up the profile named by the one argument; return 1 if that failed, 2 for wrong usage."""
    if len(arguments) != 1 or arguments[0] not in LOCKS:
        sys.stderr.write("usage: python tools/setup.py runtime|dev\n")
        return 2
    try:
        set_up(arguments[0])
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
