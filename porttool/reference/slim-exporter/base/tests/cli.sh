#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The program as its users see it.  usage: cli.sh BUILD-DIRECTORY

set -u
prog=$1/slim-exporter
fetch=$1/tests/fetch
dir=$(mktemp -d) || exit 1
pid=
trap 'test -z "$pid" || kill -9 $pid 2>/dev/null; rm -rf "$dir"' EXIT

fail() {
	echo "cli.sh: $*" >&2
	cat "$dir"/* >&2
	exit 1
}

has() {
	grep -q -- "$1" "$dir/out" || fail "no \"$1\" in the output"
}

expect() {
	want=$1
	shift
	"$@" >"$dir/out" 2>&1
	got=$?
	test $got -eq "$want" || fail "$*: status $got, not $want"
}

# Waits for a word in the log, ten seconds at most.
await() {
	tries=100
	until grep -qs "$1" "$dir/log"; do
		tries=$((tries - 1))
		test $tries -gt 0 || fail "no \"$1\" in the log"
		sleep 0.1
	done
}

await_port() {
	await serves
	port=$(sed -n 's/.*listening on .* port //p' "$dir/log")
}

expect 0 "$prog" --help
has '--procfs=DIR'
has 'time, cpu, '
expect 0 "$prog" --version
has '^slim-exporter [0-9]*\.[0-9]*\.[0-9]*$'
expect 2 "$prog" --no-such-option
has "Try 'slim-exporter --help'"
expect 2 "$prog" surplus
has 'unexpected: surplus'
expect 2 "$prog" --port=65536
has 'bad value for --port: 65536'
expect 2 "$prog" --max-connections=0
expect 2 "$prog" --enable=cpu,gpu
has 'no such collector: gpu'
expect 2 "$prog" --procfs="$dir/missing"
has 'No such file or directory'
expect 1 "$prog" --log-file="$dir/missing/log"
expect 1 "$prog" --address=192.0.2.1 --port=0
has 'cannot listen'

"$prog" -a 127.0.0.1 -p 0 --procfs=tests/fixtures/proc \
	--sysfs=tests/fixtures/sys >"$dir/log" 2>&1 &
pid=$!
await_port
expect 0 "$fetch" "$port" /metrics
has '^HTTP/1.1 200 OK'
has '^Content-Type: text/plain; version=0.0.4; charset=utf-8'
has '^node_load1 0.21'
has '^slim_exporter_build_info{version="'
expect 0 "$fetch" "$port" /metrics 200
has '^node_load1 0.21'
expect 0 "$fetch" "$port" /
has '<a href="/metrics">'
expect 0 "$fetch" "$port" /healthz
has '^ok$'
expect 0 "$fetch" "$port" /nothing
has '^HTTP/1.1 404 Not Found'
expect 1 "$prog" -a 127.0.0.1 -p "$port"
has "Address .*in use"
kill -TERM $pid
wait $pid || fail "status $? after SIGTERM"
pid=
await ended

# In the background, with nothing of the terminal left; relative paths hold.
: >"$dir/log"
"$prog" -d -a 127.0.0.1 -p 0 -x all -e time,loadavg -l "$dir/log" \
	--procfs=tests/fixtures/proc >"$dir/out" 2>&1 || fail "not started"
await_port
expect 0 "$fetch" "$port" /metrics
has '^node_load1 0.21'
has '^node_time_seconds '
grep -q '^node_cpu' "$dir/out" && fail "a collector that is off"
pid=$(sed -n 's/.* serves, process //p' "$dir/log")
test -n "$pid" || fail "no process id in the log"
kill -INT "$pid"
await ended
pid=
