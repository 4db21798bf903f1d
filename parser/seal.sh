#!/bin/sh
# seal.sh LIBRARY ARCHIVE NM LD OBJCOPY AR: makes LIBRARY one object that holds itself and what it needs of
# ARCHIVE, with only its own symbols global. See parser.cmake.
set -eu
library=$1 archive=$2 nm=$3 ld=$4 objcopy=$5 ar=$6
work=$library.seal
trap 'rm -f "$work.o" "$work.keep"' EXIT
"$nm" --defined-only --extern-only --format=posix "$library" | awk 'NF > 2 { print $1 }' >"$work.keep"
"$ld" -r -o "$work.o" --whole-archive "$library" --no-whole-archive "$archive"
"$objcopy" --keep-global-symbols="$work.keep" "$work.o"
rm "$library"
"$ar" rcs "$library" "$work.o"
