"""Makes `.venv` ready: `python tools/setup.py runtime|dev`; quick when nothing has changed.

What is installed is what the lock files say, each file checked against its hash. durable-rules comes as source only, and
pip's own build isolation would fetch whatever setuptools is newest, unhashed; so the build tools are locked too
(requirements-build.lock), installed first, and `--no-build-isolation` makes pip build with them.

Only the standard library, and syntax that an old Python can read, so that it can say that it is too old.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
LOCKS = {"runtime": "requirements.lock", "dev": "requirements-dev.lock"}
INPUTS = ("requirements-build.lock", "requirements.lock", "requirements-dev.lock", "pyproject.toml", "tools/setup.py")
OLDEST, NEWEST = (3, 11), (3, 13)
# CPython 3.13 no longer declares PyEval_CallObject, which durable-rules calls; its successor takes the same arguments.
CPPFLAGS = "-DPyEval_CallObject=PyObject_CallObject"


class SetupError(Exception):
    """The set-up cannot go on; the message says what would help."""


def check_python():
    # type: () -> None
    """Refuses a Python that the locks are not made for."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        raise SetupError(
            "Habitué needs Python 3.11, 3.12 or 3.13, and this is {0}.{1} ({2}).\n"
            "Name another one: make PYTHON=python3.12 ...".format(sys.version_info[0], sys.version_info[1], sys.executable)
        )
    if not sys.platform.startswith(("linux", "darwin")):
        raise SetupError("Habitué's locks are made for Linux and macOS; this is {0}.".format(sys.platform))


def check_compiler():
    # type: () -> None
    """Refuses early where the C module of durable-rules could not be built."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        raise SetupError(
            "No C compiler ({0}) was found, and durable-rules has to be compiled.\n"
            "Debian, Ubuntu: apt-get install build-essential; Fedora: dnf install gcc; "
            "macOS: xcode-select --install".format(compiler)
        )
    header = os.path.join(sysconfig.get_path("include"), "Python.h")
    if not os.path.exists(header):
        raise SetupError(
            "The C headers of this Python are missing ({0}), and durable-rules has to be compiled.\n"
            "Debian, Ubuntu: apt-get install python{1}.{2}-dev; Fedora: dnf install python3-devel".format(
                header, sys.version_info[0], sys.version_info[1]
            )
        )


def fingerprint():
    # type: () -> str
    """What the installed state depends on: this Python, the place, the locks, the project's own metadata."""
    digest = hashlib.sha256(repr((sys.version, sys.base_prefix, ROOT)).encode())
    for name in INPUTS:
        with open(os.path.join(ROOT, name), "rb") as stream:
            digest.update(stream.read())
    return digest.hexdigest()


def stamp(profile):
    # type: (str) -> str
    """The file that holds the fingerprint of what was last installed."""
    return os.path.join(VENV, ".habitue-" + profile)


def is_ready(profile, wanted):
    # type: (str, str) -> bool
    """Whether `.venv` holds what the profile asks for."""
    if not os.path.exists(VENV_PYTHON) or not os.path.exists(stamp(profile)):
        return False
    with open(stamp(profile)) as stream:
        return stream.read() == wanted


def run(what, command):
    # type: (str, list[str]) -> None
    """Runs one command, in one line; shows what it printed only where it fails."""
    print("  " + what, flush=True)
    environment = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_USER="0", PYTHONWARNINGS="ignore")
    environment["CPPFLAGS"] = (environment.get("CPPFLAGS", "") + " " + CPPFLAGS).strip()
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        sys.stderr.write(done.stdout.decode(errors="replace"))
        raise SetupError("{0}: failed with exit code {1}; its output is above.".format(what, done.returncode))


def is_usable():
    # type: () -> bool
    """Whether `.venv` belongs to this Python and still runs."""
    if not os.path.exists(VENV_PYTHON):
        return False
    asked = "import sys, pip; print(repr((sys.version, sys.base_prefix)))"
    done = subprocess.run([VENV_PYTHON, "-c", asked], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.returncode == 0 and done.stdout.decode().strip() == repr((sys.version, sys.base_prefix))


def install(profile):
    # type: (str) -> None
    """Creates `.venv` where needed and installs the locked packages and the project."""
    if not is_usable():
        # Called from inside the environment that is to be replaced, the interpreter behind it does the work.
        python = getattr(sys, "_base_executable", sys.executable)
        run("creating .venv with Python " + sys.version.split()[0], [python, "-m", "venv", "--clear", VENV])
    pip = [VENV_PYTHON, "-m", "pip", "install", "--quiet"]
    locked = pip + ["--require-hashes", "--no-build-isolation", "--use-pep517"]
    run("installing the build tools", locked + ["-r", "requirements-build.lock"])
    run("installing {0} (a minute or two the first time)".format(LOCKS[profile]), locked + ["-r", LOCKS[profile]])
    run("installing habitue itself", pip + ["--no-deps", "--no-build-isolation", "--editable", "."])


def main(arguments):
    # type: (list[str]) -> int
    """Installs the profile that is named, if it is not there yet."""
    if len(arguments) != 1 or arguments[0] not in LOCKS:
        sys.stderr.write("usage: python tools/setup.py runtime|dev\n")
        return 2
    try:
        check_python()
        wanted = fingerprint()
        if is_ready(arguments[0], wanted):
            return 0
        check_compiler()
        print("Setting up .venv ({0})".format(arguments[0]), flush=True)
        install(arguments[0])
        # The dev lock holds all of the runtime lock, in the same versions.
        for profile in ["runtime"] if arguments[0] == "runtime" else ["runtime", "dev"]:
            with open(stamp(profile), "w") as stream:
                stream.write(wanted)
    except SetupError as error:
        sys.stderr.write("{0}\n".format(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
