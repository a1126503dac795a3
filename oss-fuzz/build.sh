#!/bin/bash -eu
# ClusterFuzzLite and OSS-Fuzz build the same; the script is part of what was cloned.

exec bash -eu "$SRC/bmq-gauntlet/.clusterfuzzlite/build.sh"
