#!/bin/sh
# Builds the harness of the exporter's request parser.
#
#	fuzz/http/build.sh OUT [TREE]
#
# TREE is upstream with the series applied: .porttool/tree, as `porttool apply`
# leaves it, unless another folder is given. With clang (CC, or what is in PATH)
# OUT is a libFuzzer program; any other CC gives one that runs each file that is
# named once.
set -eu
here=$(dirname "$0")
out=$1
tree=${2:-$here/../../.porttool/tree}
CC=${CC:-clang}
case $("$CC" --version) in
*clang*) kind="-fsanitize=fuzzer,address,undefined" ;;
*) kind="-fsanitize=address,undefined -DREPLAY" ;;
esac
# $kind is a list.
exec "$CC" -std=c11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -fno-sanitize-recover=all $kind \
	-I"$tree" -o "$out" "$here/harness.c" "$tree/http.c" "$tree/accept.c" "$tree/span.c"
