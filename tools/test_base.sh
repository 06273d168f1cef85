#!/usr/bin/env bash
# Tests the base installation on a Python: the wheel without extras, with the pins, in a fresh environment.
# It ends with 69 where the pinned packages have no wheels for that Python, or none can be fetched.
set -euo pipefail
python=${1:-python3}
here=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unset PYTHONPATH PYTHONHOME # what is on them would be tested in place of the wheel
"$python" -m venv "$folder/venv"
python=$folder/venv/bin/python
install() {
    "$python" -m pip install -qq --disable-pip-version-check --only-binary :all: --no-compile \
        --constraint "$here/constraints.txt" "$@" || exit 69
}
install setuptools pytest hypothesis
mkdir "$folder/sources" # a copy: what a build leaves would get into the next wheel
tar -C "$here" --exclude='*.egg-info' --exclude=__pycache__ -c pyproject.toml README.md LICENSE src |
    tar -C "$folder/sources" -x
"$python" -m pip wheel -qq --disable-pip-version-check --no-build-isolation --no-deps \
    --wheel-dir "$folder" "$folder/sources"
install "$folder"/hepsets-*.whl
cd "$here"
"$python" - <<'PROGRAM'
import hepsets, sys
from importlib.util import find_spec
heavy = [name for name in ("torch", "numba", "scipy", "matplotlib") if find_spec(name)]
print(f"Python {sys.version.split()[0]}, {hepsets.__file__}")
sys.exit(f"the base installation holds {', '.join(heavy)}" if heavy else 0)
PROGRAM
"$python" -m pytest -p no:cacheprovider -q -m 'not validate' tests/test_base_install.py
