#!/bin/sh
# Installs the wheel into an empty environment and runs the main job there, from a folder that has no checkout near it.
# Argument: a folder that holds dist/ with the wheel.
set -eu
here=$1
inventory=$(pwd)/inventory.example.ini
rm -rf "$here/venv" "$here/elsewhere"
python -m venv "$here/venv"
wheel=$(ls "$here"/dist/*.whl)
"$here/venv/bin/pip" install --quiet "$wheel[lab]"
mkdir -p "$here/elsewhere"
cp "$inventory" "$here/elsewhere/inventory.ini"
cd "$here/elsewhere"
"$here/venv/bin/harness" apply inventory.ini
"$here/venv/bin/harness" plan inventory.ini
"$here/venv/bin/harness" lint
