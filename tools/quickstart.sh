#!/usr/bin/env bash
# On a fresh Debian 12: installs what is missing, builds into build/, and reads the bundled clips.
# usage: tools/quickstart.sh
set -euo pipefail
cd "$(dirname "$0")/.."

tools/setup.sh
cmake --preset release
cmake --build --preset release
echo
build/lipcl read tests/data/clips/*.mp4
