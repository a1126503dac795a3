#!/bin/bash -eu
# Makes every target of the registry into a fuzzer in $OUT, with its seeds, dictionary and options.

project=$SRC/bmq-gauntlet
sources=${WORK:-$SRC}/wrappers
mkdir -p "$sources"

# Targets need no more than that; atheris is that of the image, which was built with its libFuzzer.
pip3 install crc32c msgspec

export PYTHONPATH=$project
python3 -m suites.fuzz.wrappers "$sources" "$OUT"
for source in "$sources"/*.py; do
  # crc32c asks for its own version.
  compile_python_fuzzer "$source" --paths "$project" --copy-metadata crc32c
done
