#!/bin/sh
# Rewrites the three lock files: exact versions with the hashes of all files of each release, resolved once for Python
# 3.11 to 3.13 on Linux and macOS. `make lock` runs it; `make lock UPGRADE=1` also upgrades.
set -eu
cd "$(dirname "$0")/.."

UV=${UV:-.venv/bin/uv}
# Local wheels would add hashes that nobody else can check.
unset UV_FIND_LINKS UV_INDEX UV_EXTRA_INDEX_URL

compile() {
    output=$1
    shift
    "$UV" pip compile --quiet ${UPGRADE:+--upgrade} --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header --output-file "$output" "$@"
    { printf '# %s: written by `make lock` from pyproject.toml; do not edit.\n' "$output"; cat "$output"; } >"$output.new"
    mv "$output.new" "$output"
    echo "$output: $(grep -c '==' "$output") packages"
}

compile requirements-build.lock tools/build.in
compile requirements.lock pyproject.toml
compile requirements-dev.lock --extra dev --constraint requirements.lock pyproject.toml
